"""SQL over the decision log, and its rows in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from features.fraud import FRAUD
from features.traffic import TRAFFIC_NAMES
from tools.athena import LAST_FIRST, text
from tools.why.history import numbers

# The latest report of each payment, as a part of a query over SILVER.
VERDICTS = (
    "verdicts AS (SELECT transaction_id, max_by(is_fraud, reported_at) AS is_fraud, max(reported_at) AS reported_at "
    "FROM fraud_labels GROUP BY transaction_id)"
)
PAGE = 200  # rows that a page shows of a longer list
_COLUMNS = "transaction_id, customer_id, merchant_id, event_time, amount_cents, action, fraud_score, reasons"


def of_payment(transaction_id: str, day: str | None) -> str:
    """The decision that was applied; without a day the whole log is looked through. Reasons and explanation are lines,
    too, for a text of these may hold a comma."""
    on = f"decision_date = {text(day)} AND " if day else ""
    lines = ", ".join(f"array_join({name}, chr(10)) AS {name}_lines" for name in ("reasons", "explanation"))
    return (
        f"SELECT *, {lines} FROM decisions WHERE {on}transaction_id = {text(transaction_id)} "
        f"ORDER BY {LAST_FIRST} LIMIT 1"
    )


def before(customer_id: str, counted_at: str, since: str, until: str) -> str:
    """What the customer paid before a moment (ms), of the log's days from `since` to `until`, the newest first."""
    return (
        f"SELECT {_COLUMNS}, counted_at FROM decisions WHERE decision_date BETWEEN {text(since)} AND {text(until)} "
        f"AND customer_id = {text(customer_id)} AND counted_at < {int(counted_at)} "
        f"ORDER BY counted_at DESC LIMIT {PAGE}"
    )


def stopped(day: str) -> str:
    """What was not simply approved on a day, the highest score first."""
    return (
        f"SELECT {_COLUMNS} FROM decisions WHERE decision_date = {text(day)} AND action <> 'APPROVE' "
        f"ORDER BY fraud_score DESC LIMIT {PAGE}"
    )


def vector_in_words(row: Mapping[str, str]) -> Iterator[dict]:
    """The vector that was scored: name, meaning, value (none is unknown), and whether that is what somebody of whom
    nothing is known would have. Nothing where other features than this code's were counted."""
    if row["feature_version"] != FRAUD.version:
        return
    declared = {feature.name: feature for feature in FRAUD.features}
    for name, value in zip(FRAUD.columns, numbers(row["vector"]) or [], strict=True):
        feature = declared.get(name)  # none of what the payment itself brings: its amount
        yield {
            "feature": name,
            "meaning": feature.description if feature else f"The payment's {name}, in cents",
            "value": value,
            "usual": feature is not None and value == feature.default,
        }


def traffic_in_words(row: Mapping[str, str]) -> list[dict]:
    """What rules saw of the traffic at the merchant, with the device, from the address."""
    counts = numbers(row.get("traffic", "")) or []
    return [{"counter": name, "value": count} for name, count in zip(TRAFFIC_NAMES, counts, strict=False)]


def said(row: Mapping[str, str]) -> dict[str, str]:
    """The payment's further columns by name."""
    return json.loads(row.get("attributes") or "{}")
