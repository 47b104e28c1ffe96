from __future__ import annotations

import json
import subprocess

import pytest

from tests.unit.tools.test_environments import made
from tools.terraform import remains, stacks, teardown
from tools.terraform.teardown import SomethingLeft


@pytest.fixture
def scene(tmp_path, monkeypatch):
    """An environment of its own, and what Terraform and the services were asked for, in order."""
    environment = made(tmp_path)
    asked: list[str] = []

    def run(stack, name, verb, *_, **__):
        asked.append(f"{verb} {stack}")
        return subprocess.CompletedProcess([], 0, 'aws_s3_bucket.this["state"]\naws_s3_bucket.this["logs"]\n', "")

    class Bucket:
        def delete_bucket(self, **_):
            asked.append("delete state bucket")

    monkeypatch.setattr(stacks, "run", run)
    monkeypatch.setattr(stacks, "require_state_bucket", lambda environment: None)
    monkeypatch.setattr(stacks, "init_with_state", lambda stack, environment, at=None: None)
    monkeypatch.setattr(stacks, "state", lambda stack, environment: {"resources": []})
    monkeypatch.setattr(teardown.releases, "delete_models", lambda prefix: asked.append("models"))
    monkeypatch.setattr(teardown.releases, "delete_packages", lambda prefix: asked.append("packages"))
    monkeypatch.setattr(type(environment), "bucket", lambda self, purpose: f"bucket-{purpose}")
    monkeypatch.setattr(teardown, "empty", lambda bucket: asked.append(f"empty {bucket}"))
    monkeypatch.setattr(teardown.boto3, "client", lambda name: Bucket())
    monkeypatch.setattr(remains, "sweep", lambda prefix: asked.append("sweep"))
    monkeypatch.setattr(remains, "named", lambda prefix: [])
    monkeypatch.setattr(remains, "tagged", lambda tags: [])
    return environment, asked


def keep(environment, kept: bool) -> None:
    (environment.folder / "data.tfvars.json").write_text(json.dumps({"keep_data": kept}))


def test_an_environment_that_keeps_its_data_loses_its_platform_only(scene):
    environment, asked = scene
    said: list[str] = []

    teardown.destroy(environment, said.append)

    assert asked == ["destroy platform", "models"]
    assert "kept" in said[-1]


def test_one_that_does_not_goes_platform_first_and_its_state_last(scene):
    environment, asked = scene
    keep(environment, False)

    teardown.destroy(environment, lambda text: None)

    assert asked == [
        "destroy platform",
        "models",
        "packages",
        "destroy data",
        "state bootstrap",  # listed, and what describes the state bucket forgotten: it holds this very state
        "state bootstrap",
        "destroy bootstrap",
        "empty bucket-state",
        "delete state bucket",
        "sweep",
    ]


def test_a_destroyed_environment_of_which_something_is_left_is_a_failure_that_lists_it(scene, monkeypatch):
    environment, _ = scene
    keep(environment, False)
    monkeypatch.setattr(remains, "named", lambda prefix: ["lambda: acme-stage-decide"])

    with pytest.raises(SomethingLeft, match="acme-stage-decide"):
        teardown.destroy(environment, lambda text: None)


def test_what_bears_the_environments_tags_alone_is_a_failure_too(scene, monkeypatch):
    environment, _ = scene
    keep(environment, False)
    found = ["arn:aws:sqs:eu-west-1:111122223333:of-another-name"]
    monkeypatch.setattr(remains, "tagged_in_the_end", lambda tags: found if tags == environment.tags else [])

    with pytest.raises(SomethingLeft, match="of-another-name"):
        teardown.destroy(environment, lambda text: None)


def test_what_only_its_name_could_tell_is_said(scene, monkeypatch):
    environment, _ = scene
    keep(environment, False)
    before = {"named": ["stepfunctions: acme-stage-nightly", "iam: acme-stage-etl"]}
    monkeypatch.setattr(remains, "named", lambda prefix: before.pop("named", []))
    monkeypatch.setattr(remains, "tagged", lambda tags: ["arn:aws:states:eu-west-1:111122223333:stateMachine:x"])
    monkeypatch.setattr(remains, "tagged_in_the_end", lambda tags: [])
    said: list[str] = []

    teardown.destroy(environment, said.append)

    (told,) = [text for text in said if text.startswith("by name only")]
    assert told.endswith(": iam")
