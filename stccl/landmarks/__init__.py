"""A face box and 68 points for every frame."""
