"""The stream door: payments in micro-batches, decisions to the log, state forward."""
