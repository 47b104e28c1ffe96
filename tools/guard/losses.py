"""What holds data is neither destroyed nor made anew, unless somebody has typed its address."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tools.guard.plan import Change, Finding

KEPT = {
    "aws_sagemaker_feature_group": (
        "a feature group's online records and its link to the offline ones are gone",
        "keep its identifier and the types of its features; `make deploy` adds new features in place. For another "
        "shape, declare another group and publish into it",
    ),
    "aws_s3_bucket": (
        "every object in it is gone",
        "keep its name and region. To move data, make the other bucket first and copy",
    ),
    "aws_kms_key": (
        "all that it encrypts can be read by nobody once it is deleted",
        "keep it and rotate it; objects under it stay unreadable under another",
    ),
    "aws_dynamodb_table": (
        "every item in it is gone",
        "keep its name and keys. For other keys, make another table and fill it first",
    ),
    "aws_kinesis_stream": (
        "records that nobody has read yet are gone, and its readers begin anew",
        "keep its name; shards and retention change in place",
    ),
    "aws_glue_catalog_database": (
        "all its tables are gone, and queries fail",
        "keep its name. Tables are added and changed in place",
    ),
    "aws_glue_catalog_table": (
        "its partitions are forgotten and have to be registered again",
        "keep its name and database; columns change in place",
    ),
    "aws_sagemaker_model_package_group": (
        "every registered model of it is gone: nothing can be rolled back to",
        "keep its name. For another problem, declare another group",
    ),
}


def refused(changes: Iterable[Change], allowed: str = "") -> list[Finding]:
    """Losses that nobody has allowed, and allowances that allow nothing: those are spelling mistakes."""
    typed = set(re.split(r"[,\s]+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", allowed.strip())) - {""}
    losses = {change.address: change for change in changes if change.loses and change.kind in KEPT}
    findings = [Finding(address, _says(change)) for address, change in losses.items() if address not in typed]
    return findings + [
        Finding(address, "is in ALLOW, and this plan takes nothing of that name away: take it out of ALLOW")
        for address in sorted(typed - set(losses))
    ]


def _says(change: Change) -> str:
    loss, instead = KEPT[change.kind]
    forced = f" (forced by {', '.join(change.forced_by)})" if change.forced_by else ""
    does = f"would be made anew{forced}" if change.replaces else "would be destroyed"
    return f"{does}: {loss}. Instead: {instead}. If it is meant: ALLOW='{change.address}'"
