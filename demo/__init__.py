"""The main job, run once from RAW files to decisions, and told as it goes.

A client like any other: it talks to the platform through AWS's API alone, and would do the same against a real account.
"""
