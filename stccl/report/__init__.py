"""One page a person wants to look at."""
