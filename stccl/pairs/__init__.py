"""Which frames of two emotional readings of one sentence belong together."""
