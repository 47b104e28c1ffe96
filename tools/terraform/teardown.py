"""Taking an environment down: the platform always, its data only where the environment does not keep it, and then proof
that nothing is left."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from tools import releases
from tools.terraform import remains, stacks
from tools.terraform.environments import ROOT, Environment

PROTECTED = re.compile(r"^(\s*prevent_destroy\s*=\s*)true$", re.MULTILINE)
DELETED_AT_ONCE = 1000  # objects by one DeleteObjects


class SomethingLeft(RuntimeError):
    """What bears the environment's name or its tags after it was destroyed; the text lists it."""


def destroy(environment: Environment, say: Callable[[str], None]) -> None:
    """Raises TerraformFailed, NotDeployed and SomethingLeft."""
    stacks.require_state_bucket(environment)
    before = remains.named(environment.prefix), remains.tagged(environment.tags)
    say("platform: what may be rebuilt")
    stacks.init_with_state("platform", environment)
    if stacks.state("platform", environment):
        _terraform_destroy("platform", environment)
    releases.delete_models(environment.prefix)
    if environment.keeps_data:
        say(
            f"data: kept, as terraform/environments/{environment.name}/data.tfvars.json says (keep_data). Lake, key, "
            "catalog, feature groups, registered models and answers are as they were; so is the bootstrap stack, which "
            "holds their state"
        )
        return
    say("data: lake, key, catalog, feature groups, models, answers")
    releases.delete_packages(environment.prefix)
    with tempfile.TemporaryDirectory() as copy:
        unprotected = _unprotected(Path(copy))
        stacks.init_with_state("data", environment, at=unprotected)
        _terraform_destroy("data", environment, at=unprotected)
    say("bootstrap: code, image repository, state")
    _destroy_bootstrap(environment)
    say("what services have left beside it: log streams")
    remains.sweep(environment.prefix)
    left = [*remains.named(environment.prefix), *remains.tagged_in_the_end(environment.tags)]
    if left:
        raise SomethingLeft("still there:\n" + "\n".join(f"  {each}" for each in left))
    said = " and ".join(f"{key}={value}" for key, value in environment.tags.items())
    say(f"0 left that is named {environment.prefix}-..., 0 left that is tagged {said}")
    unseen = ", ".join(remains.only_by_name(*before)) or "none"
    say(f"by name only, for nothing of theirs was found by tag before: {unseen}")
    say("keys are deleted after their waiting time")


def _terraform_destroy(stack: str, environment: Environment, at: Path | None = None) -> None:
    stacks.run(
        stack,
        environment.name,
        "destroy",
        "-auto-approve",
        "-compact-warnings",
        f"-parallelism={stacks.SIDE_BY_SIDE}",
        *stacks.variables(stack, environment),
        at=at,
    )


def _unprotected(copy: Path) -> Path:
    """The data stack as it is, but that nothing of it is protected: Terraform knows no other way, and the one who asks
    has typed the environment's name."""
    target = shutil.copytree(ROOT / "terraform", copy / "terraform", ignore=shutil.ignore_patterns(".terraform"))
    for file in target.rglob("*.tf"):
        file.write_text(PROTECTED.sub(r"\1false", file.read_text()))
    return target / "data"


def _destroy_bootstrap(environment: Environment) -> None:
    """The state bucket holds this stack's own state: Terraform forgets it, and it goes last."""
    stacks.init_with_state("bootstrap", environment)
    own = [line for line in _listed(environment) if re.match(r'aws_s3_bucket\w*\.this\["state"\]', line)]
    if own:
        stacks.run("bootstrap", environment.name, "state", "rm", *own, capture=True)
    _terraform_destroy("bootstrap", environment)
    empty(environment.bucket("state"))
    boto3.client("s3").delete_bucket(Bucket=environment.bucket("state"))


def _listed(environment: Environment) -> list[str]:
    return stacks.run("bootstrap", environment.name, "state", "list", capture=True).stdout.splitlines()


def empty(bucket: str) -> None:
    """Deletes every version of every object."""
    s3: Any = boto3.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        for start in range(0, len(found), DELETED_AT_ONCE):
            some = [{"Key": o["Key"], "VersionId": o["VersionId"]} for o in found[start : start + DELETED_AT_ONCE]]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
