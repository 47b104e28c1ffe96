"""The counter of the traffic at merchants: the second consumer of payments, by merchant."""
