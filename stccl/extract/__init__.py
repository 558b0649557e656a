"""Pictures at a constant rate and mono sound out of media files."""
