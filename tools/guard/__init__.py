"""Plans that may not pass: what would lose data, and what would build something that a reviewer refuses.

`python -m tools.guard PLAN.json ...` reads what `terraform show -json` makes of plans, without any account.
"""
