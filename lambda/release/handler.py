"""Lambda entry point of the release (SQS mapping, one approval at a time): the approved package becomes what serves."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache

import boto3
from scoring.settings import from_environment

from release.promotion import EndpointBusy, Promotion, Unsigned


@dataclass(frozen=True)
class Settings:
    prefix: str
    model_roles: str  # JSON: role ARN by problem
    serving: str  # JSON: what the endpoint runs on
    network: str  # JSON: the VpcConfig of models, or null
    kms_key: str
    lake: str
    releases_table: str


@lru_cache(maxsize=1)
def promotion() -> Promotion:
    settings = from_environment(Settings, os.environ)
    return Promotion(
        sagemaker=boto3.client("sagemaker"),
        s3=boto3.client("s3"),
        dynamodb=boto3.client("dynamodb"),
        prefix=settings.prefix,
        roles=json.loads(settings.model_roles),
        serving=json.loads(settings.serving),
        network=json.loads(settings.network),
        key=settings.kms_key,
        lake=settings.lake,
        releases=settings.releases_table,
    )


def handle(event: dict, context: object) -> dict:
    """An approval that must wait is no error of the function: it goes back to the queue and comes again. One that the
    dossier does not bear out rings by its failure, once: when it comes again it is set aside, for others wait behind.
    """
    (message,) = event["Records"]
    waiting = []
    try:
        outcome = take(json.loads(message["body"]))
    except EndpointBusy as busy:
        outcome = {"released": False, "reason": str(busy)}
        waiting = [{"itemIdentifier": message["messageId"]}]
    except Unsigned as refused:
        if int(message["attributes"]["ApproximateReceiveCount"]) == 1:
            raise
        outcome = {"released": False, "reason": str(refused)}
    print(json.dumps({"level": "INFO", "message": "approval", **outcome}))
    return {"batchItemFailures": waiting}


def take(event: dict) -> dict:
    """What became of EventBridge's event. Raises EndpointBusy."""
    detail = event["detail"]
    # The event also fires for other edits of a package; only a new approval releases anything.
    if "ModelApprovalStatus" not in detail.get("UpdatedModelPackageFields", ["ModelApprovalStatus"]):
        return {"released": False, "reason": "the approval did not change"}
    if detail["ModelApprovalStatus"] != "Approved":
        return {"released": False, "reason": f"the package is {detail['ModelApprovalStatus']}"}
    return promotion().release(detail["ModelPackageArn"], detail["ModelPackageGroupName"], event["time"])
