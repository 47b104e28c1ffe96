"""From GOLD to a registered model: prepare, train, evaluate, and watch for drift. One code for credit and fraud."""
