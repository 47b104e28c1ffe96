"""Which role asked for what, whether its policies allow it, and what is refused for it.

``roles`` gives whatever runs under a role credentials of its own, ``calls`` says what a request asks of IAM,
``verdicts`` judges it, ``ledger`` keeps the result, ``denied`` words a refusal and ``report`` prints what was asked.
``recorder`` is what the plug-ins tell: ``iam_calls`` of requests, ``iam_services`` of what services do for a role.
``mutation`` and ``proof`` say which statements are needed: ``python -m local.permissions``.
"""
