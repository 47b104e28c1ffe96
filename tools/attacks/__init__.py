"""Attacks on the doors of a deployed platform, played from outside: what was asked, expected, seen, and if it holds."""
