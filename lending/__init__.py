"""The credit decision: a policy over probabilities of default, the same in batch, for one application and at a desk."""
