"""The labels door: what reviewers and chargebacks say of payments, into RAW, and frauds on to rules."""
