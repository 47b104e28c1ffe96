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

TELL = "python3 -m tools.delivery issue local"


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


def test_a_change_is_planned_applied_verified_and_watched(runner):
    # The first deployment is made by hand, as docs/delivery.md says: before it there is nobody to deliver.
    assert runner.step("make deploy") == 0, runner.said[-4000:]

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
