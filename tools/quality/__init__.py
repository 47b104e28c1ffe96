"""What the platform's features and training code are worth on a data set: `make quality`."""
