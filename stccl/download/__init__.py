"""Where clips come from: cards, fetching, generating, and the list of what is there."""
