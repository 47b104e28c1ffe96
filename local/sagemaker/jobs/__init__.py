"""Processing, training and transform jobs."""
