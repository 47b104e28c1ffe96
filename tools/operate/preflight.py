"""`make preflight`: what would stop a deployment, before it begins."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tools.operate.quotas import Quota
from tools.operate.quotas import quotas as takes
from tools.terraform import stacks
from tools.terraform.environments import Environment, caller

TERRAFORM = (1, 10)  # the oldest that locks state in S3
LONGEST_NAME = 63  # of SageMaker's jobs
LONGEST_JOB = len("-decide-loans-") + 20  # what the state machines put behind the prefix
GOOD, BAD, UNKNOWN = "good", "bad", "unknown"

# What a deployment calls, one call of each service that builds: the caller's own policies are simulated with them.
CALLS = (
    "apigateway:POST", "athena:CreateWorkGroup", "cloudwatch:PutMetricAlarm", "dynamodb:CreateTable", "events:PutRule",
    "glue:CreateJob", "iam:CreateRole", "iam:PassRole", "kinesis:CreateStream", "kms:CreateKey",
    "lambda:CreateFunction", "logs:CreateLogGroup", "s3:CreateBucket", "sagemaker:CreateEndpoint",
    "sagemaker:CreateFeatureGroup", "sagemaker:CreatePipeline", "scheduler:CreateSchedule", "sns:CreateTopic",
    "sqs:CreateQueue", "states:CreateStateMachine",
)  # fmt: skip


@dataclass(frozen=True)
class Check:
    """What was looked at, how it stands (good, bad or unknown), and what was found or is to be done."""

    what: str
    stands: str
    said: str


def checks(environment: Environment) -> Iterator[Check]:
    """One after another; where the account cannot be asked, what needs it is left out."""
    yield tools()
    yield names(environment)
    try:
        here = caller()
    except (BotoCoreError, ClientError) as failed:
        yield Check("credentials", BAD, f"{failed}. Set AWS_PROFILE or AWS_ACCESS_KEY_ID, and AWS_REGION")
        return
    yield account(environment, here["Account"])
    yield region()
    yield permissions(here["Arn"], calls(environment))
    bootstrapped = stacks.has_state_bucket(environment)
    said = "there" if bootstrapped else f"not there: make bootstrap ENV={environment.name}, or make deploy does it"
    yield Check("state bucket", GOOD if bootstrapped else UNKNOWN, said)
    if bootstrapped:
        yield image(environment)
    yield from quotas(environment)


def tools() -> Check:
    if not shutil.which("terraform"):
        return Check("terraform", BAD, "not on the PATH: expected 1.10 or newer; `make setup` brings one")
    said = subprocess.run(["terraform", "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v(\d+)\.(\d+)\.\d+", said)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    python = ".".join(map(str, sys.version_info[:3]))
    text = f"Terraform {found[0] if found else 'unknown'}, Python {python}"
    return (
        Check("tools", GOOD, text) if version >= TERRAFORM else Check("tools", BAD, f"{text}: expected 1.10 or newer")
    )


def names(environment: Environment) -> Check:
    longest = len(environment.prefix) + LONGEST_JOB
    text = f"{environment.prefix}-...: the longest name of a job has {longest} of {LONGEST_NAME} characters"
    return Check("names", GOOD if longest <= LONGEST_NAME else BAD, text)


def account(environment: Environment, here: str) -> Check:
    if environment.account is None:
        file = f"terraform/environments/{environment.name}/environment.tfvars.json"
        return Check("account", BAD, f'{file} names none: write "account_ids": ["{here}"] if this is the right one')
    if environment.account != here:
        return Check(
            "account", BAD, f"{environment.name} lives in {environment.account}, the credentials are of {here}"
        )
    return Check("account", GOOD, here)


def region() -> Check:
    """Whether the region knows what the platform is made of."""
    where, unknown = stacks.region(), []
    for service in ("sagemaker-featurestore-runtime", "scheduler", "kinesis", "athena", "glue"):
        listed = boto3.session.Session().get_available_regions(service)
        if listed and where not in listed:
            unknown.append(service)
    text = f"{where}: {', '.join(unknown)} not offered there, as far as this boto3 knows" if unknown else where
    return Check("region", UNKNOWN if unknown else GOOD, text)


def calls(environment: Environment) -> list[str]:
    """With those of what the environment asks for and others do without."""
    network = environment.file("platform.tfvars.json").get("network")
    trail = environment.file("data.tfvars.json").get("audit_trail")
    return [*CALLS, *(["ec2:CreateVpc"] if network else []), *(["cloudtrail:CreateTrail"] if trail else [])]


def permissions(arn: str, calls: list[str]) -> Check:
    """What the caller's policies say to the calls of a deployment. An assumed role is asked about as its role."""
    source = re.sub(r":sts:(.*):assumed-role/([^/]+)/.*", r":iam:\1:role/\2", arn)
    if source.endswith(":root"):
        return Check("permissions", GOOD, "the account's root, which may do everything")
    iam: Any = boto3.client("iam")
    try:
        found = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=calls)["EvaluationResults"]
    except (BotoCoreError, ClientError) as failed:
        return Check("permissions", UNKNOWN, f"could not be simulated: {why_not(failed)}")
    denied = sorted(result["EvalActionName"] for result in found if result["EvalDecision"] != "allowed")
    if denied:
        return Check("permissions", BAD, f"{source} may not {', '.join(denied)}")
    return Check("permissions", GOOD, f"{source} may make everything that a deployment makes")


def image(environment: Environment) -> Check:
    tag = environment.file("platform.tfvars.json").get("image_tag", "1")
    repository = f"{environment.prefix}-ml"
    ecr: Any = boto3.client("ecr")
    try:
        found = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
    except ClientError as missing:
        code = missing.response["Error"]["Code"]
        return Check("image", BAD, f"{repository}:{tag} is not there ({code}): make image ENV={environment.name}")
    return Check("image", GOOD, f"{repository}:{tag} is {found[0]['imageDigest']}")


def quotas(environment: Environment) -> Iterator[Check]:
    """What the account allows of what the platform takes."""
    wanted = platform_takes(environment)
    known: dict[str, dict[str, float] | str] = {}
    for quota in wanted:
        if quota.service not in known:
            known[quota.service] = allowed(quota.service)
        allows = known[quota.service]
        what = f"quota: {quota.name}"
        if isinstance(allows, str) or quota.name not in allows:
            why = allows if isinstance(allows, str) else f"{quota.service} has no quota of that name"
            yield Check(what, UNKNOWN, f"{quota.needed:.0f} needed; not told: {why}")
        elif allows[quota.name] < quota.needed:
            text = f"{quota.needed:.0f} needed, the account has {allows[quota.name]:.0f}: ask Service Quotas for more"
            yield Check(what, BAD, text)
        else:
            yield Check(what, GOOD, f"{quota.needed:.0f} needed, the account has {allows[quota.name]:.0f}")


def platform_takes(environment: Environment) -> list[Quota]:
    sizing = environment.file("platform.tfvars.json").get("sizing", {})
    shards = environment.file("data.tfvars.json").get("shards", 2)
    jobs = sizing.get("jobs", {}).get("instance_type", "ml.m5.xlarge")
    endpoint = sizing.get("endpoint", {})
    return takes(jobs, endpoint.get("instance_type", "ml.c5.large"), 2 * endpoint.get("most_instances", 1), shards)


def allowed(service: str) -> dict[str, float] | str:
    """Values by name, or why they are not told."""
    client: Any = boto3.client("service-quotas")
    try:
        pages = client.get_paginator("list_service_quotas").paginate(ServiceCode=service)
        return {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"]}
    except (BotoCoreError, ClientError) as failed:
        return why_not(failed)


def why_not(failed: Exception) -> str:
    """The error's code, or its kind where no service answered."""
    return failed.response["Error"]["Code"] if isinstance(failed, ClientError) else type(failed).__name__


def told(found: list[Check], say: Callable[[str], None]) -> int:
    """Says each check; 1 when one is bad."""
    width = max(len(check.what) for check in found)
    for check in found:
        say(f"{check.stands:8}{check.what.ljust(width)}  {check.said}")
    bad = sum(check.stands == BAD for check in found)
    unknown = sum(check.stands == UNKNOWN for check in found)
    say(f"{len(found)} checks, {bad} bad, {unknown} unknown")
    return 1 if bad else 0
