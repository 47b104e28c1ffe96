"""Feature groups follow their declarations: what `make package` lists and a group lacks is added to it.

Terraform makes a group once and leaves its features alone, since the provider can only replace a group, and its records
would be gone. Feature Store itself adds features, and neither removes one nor changes its type: one that is declared no
more stays behind, empty from then on, and a declaration that asks for another type is not deployed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3

ADDED_AT_ONCE = 100  # by one UpdateFeatureGroup, the API's limit
PATIENCE = 600.0  # seconds that an update may take
PAUSE = 5.0  # seconds between two looks

Types = Mapping[str, str]  # type by feature


class CannotFollow(RuntimeError):
    """A feature group cannot become what the code declares, or did not; the text says what to do."""


def declared(package: Path) -> dict[str, Types]:
    """Features by group, as `make package` wrote them."""
    listed = json.loads(package.read_text())["feature_groups"]
    return {group: {f["name"]: f["type"] for f in about["features"]} for group, about in listed.items()}


def require_followable(prefix: str, wanted: Mapping[str, Types]) -> None:
    """Raises CannotFollow when a group that exists has a feature with another type than the code declares."""
    sagemaker = boto3.client("sagemaker")
    names = {group: f"{prefix}-{group}" for group in wanted}
    broken = [s for group, name in names.items() for s in conflicts(name, wanted[group], features_of(sagemaker, name))]
    if broken:
        raise CannotFollow(
            f"{'; '.join(broken)}. Feature Store does not change a feature's type: declare it as it was, or under "
            "another name, or give up the group's records and offline history, as docs/deploy.md says"
        )


def follow(prefix: str, wanted: Mapping[str, Types]) -> dict[str, list[str]]:
    """Adds what groups lack and waits until they have it. Returns the names that were added, by group."""
    sagemaker = boto3.client("sagemaker")
    added = {group: extend(sagemaker, f"{prefix}-{group}", features) for group, features in wanted.items()}
    return {group: names for group, names in added.items() if names}


def extend(sagemaker: Any, group: str, wanted: Types, pause: float = PAUSE) -> list[str]:
    """Adds the features that a group lacks, waits until it has them, and returns their names. Raises CannotFollow."""
    await_features(sagemaker, group, {}, pause)  # an update that is under way refuses another one
    new = missing(wanted, features_of(sagemaker, group))
    for start in range(0, len(new), ADDED_AT_ONCE):
        some = dict([*new.items()][start : start + ADDED_AT_ONCE])
        additions = [{"FeatureName": name, "FeatureType": kind} for name, kind in some.items()]
        sagemaker.update_feature_group(FeatureGroupName=group, FeatureAdditions=additions)
        await_features(sagemaker, group, some, pause)
    return [*new]


def await_features(sagemaker: Any, group: str, some: Types, pause: float) -> None:
    """Returns when no update of the group is under way and it has these features: what it shows right after an update
    may still be the state before."""
    deadline = time.monotonic() + PATIENCE
    while True:
        update = sagemaker.describe_feature_group(FeatureGroupName=group).get("LastUpdateStatus") or {}
        if some and update.get("Status") == "Failed":
            raise CannotFollow(f"{group} was not given {', '.join(some)}: {update.get('FailureReason', 'no reason')}")
        if update.get("Status") != "InProgress" and not missing(some, features_of(sagemaker, group)):
            return
        if time.monotonic() > deadline:
            raise CannotFollow(f"{group} is still being updated after {PATIENCE:.0f} s: deploy again when it is done")
        time.sleep(pause)


def missing(wanted: Types, has: Types) -> dict[str, str]:
    """The declared features that a group lacks, in the order of their declaration."""
    return {name: kind for name, kind in wanted.items() if name not in has}


def conflicts(group: str, wanted: Types, has: Types) -> Iterator[str]:
    """A sentence for each feature of a group that is declared with another type."""
    for name, kind in has.items():
        if wanted.get(name, kind) != kind:
            yield f"{group} has the feature {name} as {kind}, this code declares it as {wanted[name]}"


def features_of(sagemaker: Any, group: str) -> dict[str, str]:
    """Types by feature of a group; of a group that does not exist, none."""
    found: dict[str, str] = {}
    page: dict[str, str] = {}
    while True:
        try:
            described = sagemaker.describe_feature_group(FeatureGroupName=group, **page)
        except sagemaker.exceptions.ResourceNotFound:
            return {}
        found |= {f["FeatureName"]: f["FeatureType"] for f in described["FeatureDefinitions"]}
        if not described.get("NextToken"):
            return found
        page = {"NextToken": described["NextToken"]}
