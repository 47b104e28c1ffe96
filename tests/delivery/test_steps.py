"""The commands that the workflows run, taken out of them and run here: planned, deployed, verified, looked at again.

The roles and the machines are GitHub's and AWS's; a local AWS and a pretended GitHub stand for them. An image is not
built: that needs a Docker engine.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import boto3
import pytest

import local
from tests.delivery.workflows import ROOT, job
from tools.terraform import deployment, environments, stacks
from tools.terraform.environments import FOLDER, Environment
from tools.terraform.plans import Plan

TELL = "python3 -m tools.delivery issue local"
KEPT = sorted(folder.name for folder in FOLDER.iterdir() if folder.name != "local")
BOUNDARY = "arn:aws:iam::{}:policy/boundary"


class Runner:
    """Runs a job's steps one after another, each as GitHub does, with what a run's context would have given."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment, self.folder, self.said = environment, folder, ""

    def run(self, workflow: str, name: str) -> int:
        """The exit code of the first step that fails; later ones run only where they say `always()`."""
        failed = 0
        for step in job(workflow, name).steps:
            if "run" in step and (not failed or "always()" in step.get("if", "")):
                code = self.step(step["run"])
                failed = failed or code
        return failed

    def step(self, command: str) -> int:
        files = {name: str(self.folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        done = subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=ROOT,
            env=self.environment | files,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.said = done.stdout
        return done.returncode

    def succeed(self, workflow: str, name: str) -> None:
        code = self.run(workflow, name)
        assert code == 0, "\n".join(self.said.splitlines()[-40:])

    def github(self) -> dict[str, list[dict]]:
        return json.loads(Path(self.environment["PRETEND_GITHUB"]).read_text())


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("steps")
    (folder / "bin").mkdir()
    gh = Path(shutil.copy(ROOT / "tests" / "delivery" / "pretend_github.py", folder / "bin" / "gh"))
    gh.chmod(gh.stat().st_mode | stat.S_IXUSR)
    with local.running(folder / "aws", port=0) as aws:
        ours = aws.environment()
        yield Runner(
            ours
            | {
                "PATH": f"{folder / 'bin'}{os.pathsep}{ours['PATH']}",
                "BUILD_DIR": str(folder / "build"),
                "CONFIRM": "local",
                "ENV": "local",
                "STATE": str(folder / "aws"),
                "GH_TOKEN": "none",
                "PRETEND_GITHUB": str(folder / "github.json"),
                "PULL_REQUEST": "7",
                "RUN": "https://run",
            },
            folder,
        )


@pytest.fixture(scope="module")
def deployed(runner) -> Runner:
    """The first deployment is made by hand, as docs/delivery.md says: before it there is nobody to deliver."""
    assert runner.step("make deploy") == 0, runner.said[-4000:]
    return runner


@pytest.fixture(params=KEPT)
def kept(request, deployed, tmp_path, monkeypatch) -> Environment:
    """An environment as it is kept here, in this account, delivered through GitHub, within a boundary and with a trail.
    What its data stack tells the platform is what the deployed one's does, under its own name: nothing of it is
    applied."""
    monkeypatch.setattr(environments, "FOLDER", Path(shutil.copytree(FOLDER, tmp_path / "environments")))
    monkeypatch.setattr(stacks, "STATE", tmp_path / "terraform")
    for name, value in deployed.environment.items():
        monkeypatch.setenv(name, value)
    found = Environment.read(request.param)
    account = boto3.client("sts").get_caller_identity()["Account"]
    settle(found, "environment", account_ids=[account], boundary_arn=BOUNDARY.format(account), s3_use_path_style=True)
    subjects = {role: [f"repo:owner/name:environment:{role}"] for role in ("plan", "apply", "image")}
    settle(found, "bootstrap", github={"subjects": subjects})
    settle(found, "platform", people={"roles": {"analyst": [f"arn:aws:iam::{account}:root"]}})
    settle(found, "data", audit_trail=True)
    found = Environment.read(request.param)
    deployment.make_buckets(found)
    told = json.dumps(stacks.state("data", Environment.read("local")) | {"resources": []})
    told = told.replace("risk-local", found.prefix).replace("risk_local", found.prefix.replace("-", "_"))
    boto3.client("s3").put_object(Bucket=found.bucket("state"), Key="data.tfstate", Body=told.encode())
    key = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
    boto3.client("kms").create_alias(AliasName=f"alias/{found.prefix}-delivery", TargetKeyId=key)
    return found


def settle(environment: Environment, stack: str, **more: object) -> None:
    name = f"{stack}.tfvars.json"
    (environment.folder / name).write_text(json.dumps(environment.file(name) | more))


def test_a_kept_environment_passes_the_guard_and_each_of_its_roles_is_bounded(kept):
    stacks.init_with_state("bootstrap", kept)
    Plan("bootstrap", kept).make()
    deployment.plan(kept)  # and the guard reads all three: what may not pass raises

    documents = [json.loads(Plan(stack, kept).file.with_suffix(".plan.json").read_text()) for stack in stacks.STACKS]
    roles = [r for each in documents for r in each["resource_changes"] if r["type"] == "aws_iam_role"]
    assert {r["address"].split(".")[1] for r in roles} > {
        'delivery["apply"]',
        "catalog",
        "feature_store",
        "etl",
        "people",
        "trail[0]",
    }
    assert [
        r["address"] for r in roles if r["change"]["after"]["permissions_boundary"] != BOUNDARY.format(kept.account)
    ] == []


def test_a_change_is_planned_applied_verified_and_watched(deployed):
    runner = deployed

    # A pull request: its plans become one comment, and the next ones change that comment.
    for _ in range(2):
        runner.succeed("plan", "plan")
        runner.succeed("plan", "comment")
    (comment,) = runner.github()["comments"]
    assert "| local | platform | No changes. |" in comment["body"]
    assert len(comment["body"].encode()) < 60_000

    # A day on which nothing differs, and one on which somebody changed a queue by hand.
    runner.succeed("drift", "look")
    assert runner.step(TELL) == 0
    assert runner.github()["issues"] == []
    queue = change_a_queue(runner.environment)
    assert runner.run("drift", "look") != 0
    assert runner.step(TELL) == 0
    (issue,) = runner.github()["issues"]
    assert "| local | differs |" in issue["body"]
    assert queue in issue["body"]

    # On main: a plan, then that very plan applied, then verified. What was changed by hand is put back, the issue ends.
    runner.succeed("environment", "plan")
    assert "Plan: 0 to add, 1 to change, 0 to destroy" in (runner.folder / "GITHUB_STEP_SUMMARY").read_text()
    runner.succeed("environment", "apply")
    runner.succeed("drift", "look")
    assert runner.step(TELL) == 0
    assert runner.github()["issues"][0]["state"] == "closed"


def test_what_was_not_planned_is_not_applied(runner):
    shutil.rmtree(runner.folder / "build" / "terraform" / "local" / "plans", ignore_errors=True)

    assert runner.run("environment", "apply") != 0


def change_a_queue(environment: dict[str, str]) -> str:
    """What somebody does in the console. Returns the queue's name."""
    sqs = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    ).client("sqs", endpoint_url=environment["AWS_ENDPOINT_URL"])
    url = sorted(sqs.list_queues()["QueueUrls"])[0]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "7"})
    return url.rsplit("/", 1)[1]
