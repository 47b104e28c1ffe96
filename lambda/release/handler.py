"""Lambda entry point of the release: an approval starts its state machine, whose steps come back here."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import boto3
from botocore.config import Config
from scoring import metrics
from scoring.settings import from_environment

from release.comparison import judged
from release.guard import Guard
from release.promotion import ASKED, EndpointBusy, Promotion
from release.starting import Start
from release.watching import NONE_SEEN, Watch


@dataclass(frozen=True)
class Settings:
    prefix: str
    model_roles: str  # JSON: role ARN by problem, and by `<problem>-api` where an endpoint answers single ones, too
    serving: str  # JSON: what the endpoint runs on
    guard: str  # JSON: seconds of the canary and after it, alarms, and the alarm that aborts
    network: str  # JSON: the VpcConfig of models, or null
    kms_key: str
    lake: str
    machine: str
    metric_namespace: str
    releases_table: str
    policies_table: str


@lru_cache(maxsize=1)
def settings() -> Settings:
    found = from_environment(Settings, os.environ)
    metrics.into(found.metric_namespace)
    return found


@cache
def client(name: str) -> Any:
    return boto3.client(name)  # type: ignore[call-overload]


@lru_cache(maxsize=1)
def payers() -> Any:
    """Asks the endpoint once and briefly, as a door does."""
    once = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
    return boto3.client("sagemaker-runtime", config=once)


@lru_cache(maxsize=1)
def lenders() -> Any:
    """Asks a serverless endpoint once, and waits until it has begun: the function has some seconds more than this."""
    once = Config(connect_timeout=1, read_timeout=14, retries={"total_max_attempts": 1})
    return boto3.client("sagemaker-runtime", config=once)


def promotion() -> Promotion:
    found = settings()
    return Promotion(
        sagemaker=client("sagemaker"),
        s3=client("s3"),
        dynamodb=client("dynamodb"),
        prefix=found.prefix,
        roles=json.loads(found.model_roles),
        serving=json.loads(found.serving),
        network=json.loads(found.network),
        key=found.kms_key,
        lake=found.lake,
        releases=found.releases_table,
        policies=found.policies_table,
        guard=guard(),
    )


def guard() -> Guard:
    told = json.loads(settings().guard)
    return Guard(told["canary_seconds"], told["bake_seconds"], tuple(told["alarms"]), told["abort"])


def watch() -> Watch:
    found = settings()
    return Watch(
        sagemaker=client("sagemaker"),
        runtime=payers(),
        lenders=lenders(),
        s3=client("s3"),
        dynamodb=client("dynamodb"),
        prefix=found.prefix,
        lake=found.lake,
        releases=found.releases_table,
        asked=tuple(name.removesuffix(ASKED) for name in json.loads(found.model_roles) if name.endswith(ASKED)),
    )


def starting() -> Start:
    found = settings()
    return Start(client("stepfunctions"), client("dynamodb"), found.machine, found.prefix, found.releases_table)


def handle(event: dict, context: object) -> dict:
    """An approval that must wait is no error of the function: it goes back to the queue and comes again."""
    if "step" in event:
        outcome = STEPS[event["step"]](event)
        print(json.dumps({"level": "INFO", "message": event["step"], **outcome}))
        return outcome
    (message,) = event["Records"]
    waiting = []
    try:
        outcome = take(json.loads(message["body"]))
    except EndpointBusy as busy:
        outcome = {"started": False, "reason": str(busy)}
        waiting = [{"itemIdentifier": message["messageId"]}]
    print(json.dumps({"level": "INFO", "message": "approval", **outcome}))
    return {"batchItemFailures": waiting}


def take(event: dict) -> dict:
    """What became of EventBridge's event. Raises EndpointBusy."""
    detail = event["detail"]
    # The event also fires for other edits of a package; only a new approval releases anything.
    if "ModelApprovalStatus" not in detail.get("UpdatedModelPackageFields", ["ModelApprovalStatus"]):
        return {"started": False, "reason": "the approval did not change"}
    if detail["ModelApprovalStatus"] != "Approved":
        return {"started": False, "reason": f"the package is {detail['ModelApprovalStatus']}"}
    return starting().start(detail["ModelPackageArn"], detail["ModelPackageGroupName"], event["time"])


def prepare(event: dict) -> dict:
    """Raises what `Promotion.prepare` does."""
    found = promotion().prepare(event["package"], event["group"], event["approved_at"])
    if found.get("guarded"):
        guard().begin(client("cloudwatch"))
    return found


def compare(event: dict) -> dict:
    """Raises ShadowDiffers."""
    key = f"{event['shadow']['folder']}/shadow.json"
    found = json.loads(client("s3").get_object(Bucket=settings().lake, Key=key)["Body"].read())
    return judged(found, event["shadow"]["overridden"])


def serve(event: dict) -> dict:
    """Raises what `Promotion.release` and, before anything has changed, `Guard.require_quiet` do."""
    ringing: frozenset[str] = frozenset()
    # Tried again, what rings may be the new model: SageMaker judges it, and the document must tell of it.
    if event["guarded"] and not promotion().told(event["package"], event["group"]):
        ringing = guard().require_quiet(client("cloudwatch"))
    done = promotion().release(event["package"], event["group"], event["approved_at"], ringing)
    return {**done, "state": "changing" if done["released"] else "withdrawn", "seen": NONE_SEEN}


def look(event: dict) -> dict:
    return watch().look(event["problem"], event["model"], event["seen"], event.get("shadow"), event.get("compared"))


def bring_back(event: dict) -> dict:
    """After looks that were not answered as they must be. Raises what `Promotion.bring_back` does."""
    why = message_of(event["failed"])
    return promotion().bring_back(event["problem"], event["model"], why, event["seen"], event.get("compared"))


def message_of(failed: dict) -> str:
    """What a function's error said, as Step Functions passes it on."""
    try:
        return json.loads(failed["Cause"])["errorMessage"]
    except (ValueError, KeyError, TypeError):
        return str(failed.get("Cause") or failed.get("Error"))


STEPS: dict[str, Callable[[dict], dict]] = {
    "prepare": prepare,
    "compare": compare,
    "serve": serve,
    "look": look,
    "bring-back": bring_back,
}
