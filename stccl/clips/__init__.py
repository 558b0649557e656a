"""The index of all clips: ids, splits, and which of them say the same words."""
