"""The judges of an evaluation: are the lips in step, which emotion is it, who is it."""
