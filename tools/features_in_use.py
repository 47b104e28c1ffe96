"""Which declared features models use that serve or may, and the live policy's rules: code that no longer declares one
of them is not deployed."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from scoring import documents
from scoring.cells import SCORE

from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import FeatureSet
from features.fraud import FRAUD
from features.vector import RULED
from tools.operators import PROBLEM, policies_table
from tools.releases import fetch_archive, packages

SETS: dict[str, FeatureSet] = {"credit": PAYMENT_BEHAVIOUR, "fraud": FRAUD}
# By problem and name, what each feature means.
DECLARED = {problem: {n: s.fingerprints.get(n, n) for n in s.columns} for problem, s in SETS.items()}


# A model that waits for approval can serve a minute later, and nobody is asked again.
MAY_SERVE = {"Approved": "approved", "PendingManualApproval": "waiting for approval"}


class FeatureInUse(RuntimeError):
    """A model that serves or may, or a live rule, uses a feature that the code does not declare any more; the text says
    what to do."""


@dataclass(frozen=True)
class Use:
    """One model package, its status as a word, and the features of ours that it was trained on: by name what each meant
    then, none where the archive does not say."""

    problem: str
    package: str
    features: Mapping[str, str | None]
    status: str


def require_declared(prefix: str) -> None:
    """Raises FeatureInUse when the code at hand lacks a feature of a model of the platform that serves or may."""
    broken = list(unserved(uses(prefix), DECLARED))
    if broken:
        raise FeatureInUse(
            f"{'; '.join(broken)}. Its endpoint or batch job would refuse every row. Declare it as it was (and "
            "another meaning under another name), or withdraw the model first: aws sagemaker update-model-package "
            "--model-approval-status Rejected --model-package-arn <that one>; then deploy, make GOLD again and train"
        )
    silent = sorted(unknown_to(RULED, live_rules(boto3.client("dynamodb"), prefix)))
    if silent:
        raise FeatureInUse(
            f"the live policy's rules {', '.join(silent)} look at features that this code does not have. The doors "
            "would take no rule of that policy: declare them again, or bring rules without them by make policy first"
        )


def live_rules(dynamodb: Any, prefix: str) -> list[dict]:
    """None before the first deployment."""
    try:
        return documents.read(dynamodb, policies_table(prefix), PROBLEM, documents.NO_RULES).body["rules"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return []


def unknown_to(known: Iterable[str], rules: Iterable[Mapping]) -> Iterator[str]:
    """Names of the rules that look at something else."""
    declared = {*known, SCORE}
    return (rule["name"] for rule in rules if named(rule) - declared)


def named(document: object) -> set[str]:
    """Features that a rule's document names, however deep."""
    if isinstance(document, list):
        return {name for part in document for name in named(part)}
    if not isinstance(document, Mapping):
        return set()
    own = {document["feature"]} if isinstance(document.get("feature"), str) else set()
    return own.union(*map(named, document.values()))


def unserved(used: Iterable[Use], declared: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """A sentence for each model that uses what is not declared, or means something else now."""
    for use in used:
        now = declared[use.problem]
        missing = sorted(use.features.keys() - now.keys())
        changed = sorted(name for name, meant in use.features.items() if meant and now.get(name, meant) != meant)
        said = [f"uses {', '.join(missing)}, which this code does not declare"] if missing else []
        said += [f"was trained on another meaning of {', '.join(changed)}"] if changed else []
        if said:
            yield f"the model {use.package}, {use.status}, {' and '.join(said)}"


def uses(prefix: str) -> Iterator[Use]:
    """Every model package of the platform that serves or may, as its archive says."""
    return registered(boto3.client("sagemaker"), boto3.client("s3"), prefix)


def registered(sagemaker: Any, s3: Any, prefix: str) -> Iterator[Use]:
    for problem in DECLARED:
        for status, word in MAY_SERVE.items():
            for arn in packages(sagemaker, f"{prefix}-{problem}", ModelApprovalStatus=status):
                with tempfile.TemporaryFile() as file:
                    fetch_archive(sagemaker, s3, arn, file)
                    told = manifest(file)
                    meant = told.get("fingerprints")
                    if meant is None:  # an archive of before: its server takes vectors of its own version alone
                        same = told.get("feature_version") in (None, SETS[problem].version)
                        meant = {} if same else dict.fromkeys(told["meanings"], "of another version")
                    yield Use(problem, arn, {name: meant.get(name) for name in told["meanings"]}, word)


def manifest(archive: Any) -> dict:
    with tarfile.open(fileobj=archive) as opened:
        return json.load(opened.extractfile("manifest.json"))  # type: ignore[arg-type]
