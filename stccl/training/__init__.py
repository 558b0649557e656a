"""What every training has in common: exact results, curves, and going on where it stopped."""
