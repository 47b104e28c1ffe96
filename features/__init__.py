"""What the platform knows about a customer, a merchant and a loan: every feature once.

The declarations (`fraud`, `credit`) are data. Two engines give them values: `state` folds one event at a time for the
online record, `glue.transforms.windows` compiles the same declarations to Spark columns over the lake. Both must answer
with the same bits; `tests/parity` holds them to it. Standard library only, so that a Lambda imports it in milliseconds.
"""
