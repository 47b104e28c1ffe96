"""Decisions on loans: a policy over the probabilities of a kept run, with reasons, letters and a back-test."""
