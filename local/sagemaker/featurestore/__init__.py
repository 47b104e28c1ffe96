"""Feature groups: an online record per identifier, an offline history in S3."""
