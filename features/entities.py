"""Whom a payment names, by entity: ours, and those that a user declares beside them."""

from __future__ import annotations

from features.declaration import EntityName
from features.fraud import FRAUD
from features.payment import Payment, identifying

IDENTIFIERS = FRAUD.identifiers
COUNTED = FRAUD.counted
FURTHER = FRAUD.further
PREFIXES = {prefix.name: prefix for prefix in FRAUD.prefixes}
# Where a payment names those that a user has declared.
FURTHER_COLUMNS = tuple(
    dict.fromkeys(PREFIXES[key].column if key in PREFIXES else key for key in (IDENTIFIERS[name] for name in FURTHER))
)


def named_by(payment: Payment, entity: EntityName) -> str | None:
    """The identifier by which records know it; none where the payment names nobody, or in letters that no record can be
    known by."""
    key = IDENTIFIERS[entity]
    if key not in PREFIXES:
        return payment.identifier(key)
    return identifying(PREFIXES[key].cut(payment.said(PREFIXES[key].column) or "") or None)
