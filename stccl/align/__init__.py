"""Faces warped onto a canonical face."""
