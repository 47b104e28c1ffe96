"""Batch: RAW to GOLD on Glue. `jobs/` are thin entry points, `transforms/` turn DataFrames into DataFrames."""
