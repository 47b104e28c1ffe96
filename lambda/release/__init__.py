"""Approved model package -> what serves."""
