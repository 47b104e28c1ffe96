"""The loans' door: one application in, the decision of the credit policy out."""
