"""A small generated dataset: talking faces with known mouths and known time, made offline."""
