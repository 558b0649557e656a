"""Actors: made speakers who say the same sentences in every emotion, with the truth about them."""
