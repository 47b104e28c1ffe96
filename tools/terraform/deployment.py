"""Building an environment: bootstrap once, then data and platform as planned."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tools import feature_groups, features_in_use, upload
from tools.guard import __main__ as guards
from tools.terraform import stacks
from tools.terraform.environments import Environment, UnknownEnvironment, caller
from tools.terraform.plans import Plan

MADE_FIRST = ("logs", "state")  # buckets of the bootstrap stack that the others need
DENIED = ("AccessDenied", "AccessDeniedException", "403")


class Refused(RuntimeError):
    """A plan that may not pass."""


class NotPlanned(RuntimeError):
    """Only a kept plan may be applied, and none fits."""


class NotConfirmed(RuntimeError):
    """Nobody typed the environment's name; nothing was changed."""


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def bootstrap(environment: Environment, capture: bool = False) -> str:
    """The stack that holds the others' state, and its own: the buckets that Terraform takes in come first. Returns what
    Terraform said, where that is captured."""
    require_account(environment)
    make_buckets(environment)
    stacks.init_with_state("bootstrap", environment)
    done = stacks.run(
        "bootstrap",
        environment.name,
        "apply",
        "-auto-approve",
        "-compact-warnings",
        *stacks.variables("bootstrap", environment),
        capture=capture,
    )
    return done.stdout or ""


def make_buckets(environment: Environment) -> None:
    s3: Any = boto3.client("s3")
    place = {} if stacks.region() == "us-east-1" else {"LocationConstraint": stacks.region()}
    there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    for purpose in MADE_FIRST:
        name = environment.bucket(purpose)
        if name not in there:
            s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))


def require_account(environment: Environment) -> None:
    """Before anything is made: Terraform itself refuses another account, but the bucket comes before Terraform."""
    here = caller()["Account"]
    if environment.account is None:
        raise UnknownEnvironment(
            f"terraform/environments/{environment.name}/environment.tfvars.json names no account: write its 12 digits "
            f'into account_ids. The credentials at hand are of {here}: "account_ids": ["{here}"]'
        )
    if here != environment.account:
        raise UnknownEnvironment(
            f"{environment.name} lives in account {environment.account}, the credentials at hand are of {here}: "
            "take those of the right account (AWS_PROFILE)"
        )


def plan(environment: Environment) -> bool:
    """Plans data and platform, keeps both plans, changes nothing. Tells whether anything would change."""
    require_account(environment)
    would_change = False
    for stack in ("data", "platform"):
        if stack == "platform" and not stacks.state("data", environment):
            say("platform: is planned once the data stack is there; make deploy builds both")
            return True
        say(f"{stack}: plan")
        stacks.init_with_state(stack, environment)
        would_change |= Plan(stack, environment).make()
    guard(environment)
    try:
        require_deployable(environment)
    except ClientError as denied:
        if denied.response["Error"]["Code"] not in DENIED:
            raise
        say("whether models use features that are no longer declared: not checked, these credentials may not read them")
    return would_change


def guard(environment: Environment) -> None:
    """Raises Refused where a kept plan would lose data or build what a reviewer refuses."""
    kept = [plan for stack in stacks.STACKS if (plan := Plan(stack, environment)).fits]
    note = stacks.STATE / environment.name / "plans" / "guard.txt"
    documents = [str(plan.file.with_suffix(".plan.json")) for plan in kept]
    if documents and guards.main(["--note", str(note), *documents]):
        raise Refused(f"these plans may not pass, see above and {note}")


def deploy(environment: Environment) -> None:
    """Applies the plans that `make plan` kept where they still fit, and else plans first; with PLANNED=1 never."""
    require_account(environment)
    with ThreadPoolExecutor(1) as pool:
        made = None
        if not stacks.has_state_bucket(environment):
            say("bootstrap: where state, code, logs and image go; the data stack meanwhile")
            confirm(environment, "deploy")
            make_buckets(environment)
            made = pool.submit(bootstrap, environment, capture=True)
        require_deployable(environment)
        build("data", environment)
        if made:
            print(made.result())
    upload.main(environment.bucket("artifacts"))
    build("platform", environment)
    # Only now: a feature cannot be taken back from a group, so none is added for an apply that fails.
    wanted = feature_groups.declared(stacks.PACKAGE / "data.tfvars.json")
    for group, added in feature_groups.follow(environment.prefix, wanted).items():
        say(f"the feature group {group} has new features: {', '.join(added)}")


def build(stack: str, environment: Environment) -> None:
    """Raises NotPlanned, Refused, NotConfirmed and TerraformFailed."""
    stacks.init_with_state(stack, environment)
    planned = Plan(stack, environment)
    if planned.fits:
        say(f"{stack}: the plan that was kept")
    elif os.environ.get("PLANNED"):
        raise NotPlanned(
            f"{stack}: expected a kept plan of this code and these settings, found none that fits: "
            f"make plan ENV={environment.name} makes one; without PLANNED=1 deploying plans here"
        )
    else:
        say(f"{stack}: plan")
        planned.make()
        guard(environment)
    if planned.changes:
        confirm(environment, "deploy")
        planned.apply()
    planned.forget()


def require_deployable(environment: Environment) -> None:
    """Raises FeatureInUse or CannotFollow, before anything is changed."""
    features_in_use.require_declared(environment.prefix)
    wanted = feature_groups.declared(stacks.PACKAGE / "data.tfvars.json")
    feature_groups.require_followable(environment.prefix, wanted)


def confirm(environment: Environment, command: str) -> None:
    """Raises NotConfirmed unless the environment asks nothing, or its name was typed or stands in CONFIRM."""
    if not environment.asks_before(command) or os.environ.get("CONFIRM") == environment.name:
        return
    if sys.stdin.isatty():
        print(f"Type {environment.name} to {command} {environment.prefix}: ", end="", flush=True)
        if sys.stdin.readline().strip() == environment.name:
            os.environ["CONFIRM"] = environment.name
            return
    raise NotConfirmed(
        f"nothing was changed: to {command} {environment.name}, type its name when asked, or "
        f"make {command} ENV={environment.name} CONFIRM={environment.name}"
    )
