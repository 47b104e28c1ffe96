"""Entry point: finds the decision, computes it again, shows both. Ends with 1 when they differ."""

from __future__ import annotations

import struct
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import boto3

from features.fraud import FRAUD
from features.vector import Vector
from inference.model import Model
from tools import athena, terraform
from tools.releases import fetch_archive, packages
from tools.why.history import Lake, NotFound, late_payments

SHOWN = 12  # differing features that are listed


def main(environment: str = "", transaction_id: str = "") -> int:
    if not environment or not transaction_id.strip():
        raise SystemExit("why: expected ENV=<environment> and TX=<transaction_id>")
    outputs = terraform.outputs(environment)
    try:
        return explain(outputs["prefix"], outputs["lake_bucket"], outputs["athena_workgroup"], transaction_id.strip())
    except (NotFound, athena.QueryFailed) as failed:
        raise SystemExit(f"why: {failed}") from None


def explain(prefix: str, bucket: str, workgroup: str, transaction_id: str) -> int:
    """Prints the decision and its recomputation; 0 when vector and score are equal to the bit."""
    clients: dict[str, Any] = {name: boto3.client(name) for name in ("athena", "s3", "sagemaker")}  # type: ignore[call-overload]
    analysts = athena.Analysts(clients["athena"], prefix, workgroup)
    lake = Lake(analysts.ask, analysts.databases, late_payments(clients["s3"], bucket))
    decision = lake.decision(transaction_id)
    print(
        f"{transaction_id}: {decision['action']} by policy {decision['policy_version']}, door {decision['door']}, "
        f"step {decision['degrade_step']}, reasons {decision['reasons']}"
    )
    if decision["feature_version"] != FRAUD.version:
        print(f"decided with features {decision['feature_version']}, this code has {FRAUD.version}: check that one out")
        return 1
    payment = lake.payment(transaction_id, decision["event_time"][:10])
    vector = lake.vector(payment, decision["counted_at"])
    equal = same(decision["vector"], vector)
    for name, was, now in equal:
        print(f"  {name}: logged {was}, from the lake {now}")
    said = "equal to the bit" if not equal else f"{len(equal)} differ"
    print(f"vector: {len(vector)} values of {FRAUD.version}, logged and computed from the lake: {said}")
    return 1 if equal else scored(clients, prefix, decision, vector)


def scored(clients: dict[str, Any], prefix: str, decision: dict, vector: Vector) -> int:
    if decision["fraud_score"] is None:
        print("score: the model was not asked, rules decided")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        model = registered(clients, f"{prefix}-fraud", decision["model"], Path(folder))
        if model is None:
            print(f"score: {decision['fraud_score']!r}, by {decision['model']}, which is no registered model")
            return 1
        (score,) = model.score([vector])
        (reasons,) = model.reasons([vector])
    equal = score == decision["fraud_score"]
    print(
        f"score: logged {decision['fraud_score']!r}, from {model.name} {score!r}: {'equal' if equal else 'DIFFERENT'}"
    )
    for reason in reasons:
        print(f"  {reason['contribution']:+.3f}  {reason['feature']}: {reason['meaning']}")
    return 0 if equal else 1


def same(logged: Vector, computed: Vector) -> list[tuple[str, float | None, float | None]]:
    """Names and both values of what differs in its bits."""
    return [
        (name, was, now)
        for name, was, now in zip(FRAUD.columns, logged, computed, strict=True)
        if (was is None) != (now is None) or (was is not None and struct.pack("<d", was) != struct.pack("<d", now))
    ]


def registered(clients: dict[str, Any], group: str, name: str, folder: Path) -> Model | None:
    """The registered model of that name, opened by the server's own code; none when there is none."""
    for number, package in enumerate(packages(clients["sagemaker"], group)):  # the newest first
        opened = folder / str(number)
        with tempfile.TemporaryFile() as file:
            fetch_archive(clients["sagemaker"], clients["s3"], package, file)
            with tarfile.open(fileobj=file) as content:
                content.extractall(opened, filter="data")
        if (model := Model(opened)).name == name:
            return model
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
