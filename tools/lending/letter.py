"""The notice of a loan that was declined: fields of an adverse action notice (12 CFR 1002.9) filled in as text.

It is a draft. What the law of the place asks for, and what the creditor says of itself, is the user's to complete:
where the policy says nothing, a place to fill stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from typing import Any

from lending.deciding import Decided

USUAL = """$name
$address

Notice of action taken

Applicant: $customer_id
Application: $loan_id

We have decided not to approve your application for credit.

Principal reasons for our decision:
$reasons

Score used: $points (model $model, policy $policy_version)

The law forbids creditors to discriminate against applicants on grounds that it names. Complete here the statement
that your law prescribes.
The agency that supervises this creditor: $agency
"""
PLACES = {"name", "address", "customer_id", "loan_id", "reasons", "points", "model", "policy_version", "agency"}


class NoLetter(ValueError):
    """There is nothing to send; the text says why."""


def letter(decided: Decided, creditor: Mapping[str, Any], template: str = USUAL) -> str:
    """Raises NoLetter for a loan that was not declined, a decision without a reason, and a wrong template."""
    if decided.decision != "DECLINE":
        raise NoLetter(f"{decided.loan_id} is {decided.decision}: a notice is for what was declined")
    if not decided.sentences:
        raise NoLetter(f"{decided.loan_id} was declined and has no reason that may be told: let a person look at it")
    given = {
        "name": creditor.get("name", "[name of the creditor]"),
        "address": creditor.get("address", "[address of the creditor]"),
        "agency": creditor.get("agency", "[name and address of the agency]"),
        "customer_id": decided.customer_id,
        "loan_id": decided.loan_id,
        "reasons": "\n".join(f"  {n}. {sentence}" for n, sentence in enumerate(decided.sentences, 1)),
        "points": "none" if decided.points is None else str(decided.points),
        "model": decided.model,
        "policy_version": decided.policy_version,
    }
    try:
        return Template(template).substitute(given)
    except (KeyError, ValueError):
        known = ", ".join(f"${place}" for place in sorted(PLACES))
        raise NoLetter(f"the template has a place that is none: expected some of {known}") from None
