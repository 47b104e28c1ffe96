"""The counter of the traffic at merchants, with devices and from addresses: the second consumer of payments."""
