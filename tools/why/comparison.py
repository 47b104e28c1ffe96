"""Whether a decision's vector is the one that its step says: the lake's, or that of a customer never seen."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from features.fraud import FRAUD
from features.payment import Payment
from features.vector import Knowledge, Vector, cells_of, fraud_vector

Difference = tuple[str, float | None, float | None]  # a feature, as logged and as computed
LATER_STEPS = ("rules_only", "review")  # they say that model or policy were away, and hide whether the records were


@dataclass(frozen=True)
class Comparison:
    """`consistent` means that the logged vector is what the decision says that it is, not that it is the lake's."""

    consistent: bool
    said: str
    differing: list[Difference]


def unread(payment: Payment) -> Vector:
    """The vector of a payment when no record can be read."""
    nothing, cells = Knowledge.nothing(), cells_of(payment.at, payment.further)
    at = nothing.counts_at(payment.at)
    return fraud_vector(payment.at, at, payment.amount, payment.merchant_id, nothing, cells)


def compared(decision: dict[str, Any], from_lake: Vector, without_records: Vector) -> Comparison:
    """`from_lake` is the vector that the lake gives, `without_records` that of a failed read."""
    logged, step = decision["vector"], decision["degrade_step"]
    if logged is None:
        return Comparison(decision["fraud_score"] is None, "none was logged", [])
    count = f"{len(from_lake)} values of {FRAUD.version}"
    if step == "default_features":
        differing = differences(logged, without_records)
        said = "equal to the bit" if not differing else f"{len(differing)} differ"
        return Comparison(
            not differing, f"{count}, logged and of a customer never seen, as the step says: {said}", differing
        )
    differing = differences(logged, from_lake)
    if not differing:
        return Comparison(True, f"{count}, logged and computed from the lake: equal to the bit", [])
    if step in LATER_STEPS and not differences(logged, without_records):
        return Comparison(True, f"{count}, that of a customer never seen: the records could not be read either", [])
    if decision["overtaken"]:
        why = {
            "api": "it was given before earlier payments of the customer were applied, or after the lake counted it",
            "stream": "the lake had counted the payment before it was decided",
        }[decision["door"]]
        return Comparison(True, f"{count}, {len(differing)} are not the lake's, as the decision says: {why}", differing)
    return Comparison(False, f"{count}, logged and computed from the lake: {len(differing)} differ", differing)


def differences(logged: Vector, computed: Vector) -> list[Difference]:
    """Names and both values of what differs in its bits."""
    return [
        (name, was, now)
        for name, was, now in zip(FRAUD.columns, logged, computed, strict=True)
        if (was is None) != (now is None) or (was is not None and struct.pack("<d", was) != struct.pack("<d", now))
    ]
