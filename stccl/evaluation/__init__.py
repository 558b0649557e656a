"""How good a trained metric (and what it supervised) is."""
