"""Results as the files that other implementations read."""
