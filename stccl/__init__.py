"""Speech-preserving facial expression manipulation under a learned correlation metric."""

__version__ = "0.1.0"
