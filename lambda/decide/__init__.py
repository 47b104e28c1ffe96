"""The API door: one payment in, the decision out."""
