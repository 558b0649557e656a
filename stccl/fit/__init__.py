"""A 3-D face model fitted to the landmarks of whole clips."""
