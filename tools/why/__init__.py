"""`make why TX=<id> ENV=<env>`: one decision, computed again from the lake and the registered model."""
