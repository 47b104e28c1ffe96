"""Entry point: finds the decision, computes it again, shows both. Ends with 1 when they differ."""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import boto3
from botocore.exceptions import ClientError

from features.fraud import FRAUD
from features.traffic import TRAFFIC_NAMES
from features.vector import Vector
from inference.archive import UnsafeArchive, unpack
from inference.model import BrokenArchive, Model, OtherFeatures
from tools import athena
from tools.releases import fetch_archive, packages
from tools.telling import Teller
from tools.terraform.stacks import deployed
from tools.why.action import Archive, judged_again
from tools.why.comparison import compared, unread
from tools.why.history import Lake, NotFound, late_payments

BOOTSTRAP, BOOTSTRAP_ARCHIVES = "bootstrap", "models/bootstrap/"
Fetch = Callable[[BinaryIO], None]  # writes an archive and goes back to its beginning


def main(environment: str = "", transaction_id: str = "") -> int:
    if not environment or not transaction_id.strip():
        raise SystemExit("why: expected ENV=<environment> and TX=<transaction_id>")
    outputs = deployed("why", environment)
    try:
        with Teller(sys.stderr).watched("the decision is computed again from the lake"):
            return explain(
                outputs["prefix"],
                outputs["lake_bucket"],
                outputs["athena_workgroup"],
                transaction_id.strip(),
                outputs["artifacts_bucket"],
            )
    except (NotFound, athena.QueryFailed) as failed:
        raise SystemExit(f"why: {failed}") from None
    except ClientError as refused:
        said = refused.response["Error"]
        raise SystemExit(f"why: {refused.operation_name} was refused: {said['Code']}: {said['Message']}") from None


def explain(prefix: str, bucket: str, workgroup: str, transaction_id: str, artifacts: str = "") -> int:
    """Prints the decision and its recomputation; 0 when vector, action and score are what the decision says that they
    are.

    The bootstrap model lies in the bucket of artifacts; without it, its decisions cannot be scored again.
    """
    clients: dict[str, Any] = {name: boto3.client(name) for name in ("athena", "s3", "sagemaker")}  # type: ignore[call-overload]
    analysts = athena.Analysts(clients["athena"], prefix, workgroup)
    lake = Lake(analysts.ask, analysts.databases, *late_payments(clients["s3"], bucket))
    return explained(clients, lake, f"{prefix}-fraud", artifacts, transaction_id, Archive(clients["s3"], bucket))


def explained(
    clients: dict[str, Any], lake: Lake, group: str, artifacts: str, transaction_id: str, archive: Archive
) -> int:
    decision = lake.decision(transaction_id)
    print(
        f"{transaction_id}: {decision['action']} by policy {decision['policy_version']}, door {decision['door']}, "
        f"step {decision['degrade_step']}, reasons {decision['reasons']}"
    )
    if decision["traffic"]:
        seen = ", ".join(f"{n} {v:g}" for n, v in zip(TRAFFIC_NAMES, decision["traffic"], strict=False))
        print(f"rules saw of the traffic: {seen}")
    if decision["feature_version"] != FRAUD.version:
        print(f"decided with features {decision['feature_version']}, this code has {FRAUD.version}: check that one out")
        return 1
    payment = lake.payment(transaction_id, decision["event_time"][:10])
    found = compared(decision, lake.vector(payment, decision["counted_at"]), unread(payment))
    for name, was, now in found.differing:
        print(f"  {name}: logged {was}, computed {now}")
    print(f"vector: {found.said}")
    further = json.loads(decision.get("attributes") or "{}")
    same, said = judged_again(decision, replace(payment, further=further), archive)
    print("\n".join(said))
    if not found.consistent or not same:
        return 1
    if decision["fraud_score"] is None:
        print("score: none, the model gave no answer, rules decided")
        return 0
    return scored(clients, group, artifacts, decision, decision["vector"])


def scored(clients: dict[str, Any], group: str, artifacts: str, decision: dict, vector: Vector) -> int:
    """The score of the logged vector, which is the one that the model was asked about."""
    logged, name = decision["fraud_score"], decision["model"]
    with tempfile.TemporaryDirectory() as folder:
        asked_of = (asking(model, vector) for model in named(clients, group, artifacts, name, Path(folder)))
        able = (pair for pair in asked_of if pair is not None)
        asked = able if name == BOOTSTRAP else islice(able, 1)
        found = [(model, rows, model.score(rows)[0]) for model, rows in asked]
        if not found:
            place = f"below {BOOTSTRAP_ARCHIVES} of the artifacts" if name == BOOTSTRAP else "a registered model"
            print(f"score: {logged!r}, by {name}, which is not {place}: it cannot be computed again")
            return 1
        model, rows, score = next((one for one in found if one[2] == logged), found[0])
        (reasons,) = model.reasons(rows)
    print(f"score: logged {logged!r}, from {model.name} {score!r}: {'equal' if score == logged else 'DIFFERENT'}")
    for reason in reasons:
        print(f"  {reason['contribution']:+.3f}  {reason['feature']}: {reason['meaning']}")
    return 0 if score == logged else 1


def asking(model: Model, vector: Vector) -> tuple[Model, list[list]] | None:
    """The model with what it was trained on of the vector; none where the vector does not hold it."""
    try:
        return model, model.chosen([vector], FRAUD.version, FRAUD.meanings)
    except OtherFeatures:
        return None


def named(clients: dict[str, Any], group: str, artifacts: str, name: str, folder: Path) -> Iterator[Model]:
    """Models of a name, the newest first, opened in a folder that has to stay. A registered model has a name of its
    own; each release of the code brings a bootstrap model of the same name."""
    archives = bootstraps(clients["s3"], artifacts) if name == BOOTSTRAP else registered(clients, group)
    return (model for model in opened(archives, folder) if model.name == name)


def registered(clients: dict[str, Any], group: str) -> Iterator[tuple[str, Fetch]]:
    """The archives of registered models, the newest first."""
    for package in packages(clients["sagemaker"], group):
        yield package, partial(fetch_archive, clients["sagemaker"], clients["s3"], package)


def bootstraps(s3: Any, artifacts: str) -> Iterator[tuple[str, Fetch]]:
    """The bootstrap models' archives in the artifacts bucket, the newest first."""
    if not artifacts:
        return
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=artifacts, Prefix=BOOTSTRAP_ARCHIVES)
    listed = [item for page in pages for item in page.get("Contents", ())]
    for item in sorted(listed, key=lambda item: item["LastModified"], reverse=True):
        yield f"s3://{artifacts}/{item['Key']}", partial(fetch_object, s3, artifacts, item["Key"])


def fetch_object(s3: Any, bucket: str, key: str, target: BinaryIO) -> None:
    s3.download_fileobj(bucket, key, target)
    target.seek(0)


def opened(archives: Iterable[tuple[str, Fetch]], folder: Path) -> Iterator[Model]:
    """Models, opened by the server's own code. An archive that cannot be opened is named and left out."""
    for number, (name, fetch) in enumerate(archives):
        place = folder / str(number)
        try:
            with tempfile.TemporaryFile() as file:
                fetch(file)
                with tarfile.open(fileobj=file) as content:
                    unpack(content, place)
            model = Model(place)
        except (UnsafeArchive, BrokenArchive, tarfile.TarError, EOFError, OSError) as broken:
            print(f"left out: {name} cannot be opened: {broken}")
            continue
        yield model


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
