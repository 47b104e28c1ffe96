"""Terraform as the platform runs it: three stacks with a state each, the same for every environment."""
