"""Whether all that terraform/ writes exists in version 6 of the AWS provider too, which nobody has to install for it.

`python -m tools.provider6` compares with names.json; `--write WHEEL` makes names.json again from the bindings that PyPI
has as cdktn-provider-aws: they are generated from the provider's schema.
"""
