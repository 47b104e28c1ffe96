"""The model server: one code for the endpoint and for Batch Transform."""
