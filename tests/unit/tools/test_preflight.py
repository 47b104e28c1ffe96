from __future__ import annotations

import json

import pytest

from tests.unit.tools.test_environments import made
from tools.operate import preflight
from tools.operate.preflight import BAD, GOOD, UNKNOWN, Check
from tools.operate.quotas import quotas
from tools.terraform.environments import FOLDER, Environment


def test_the_longest_name_of_a_job_fits_for_every_environment_of_the_project():
    for path in FOLDER.iterdir():
        if path.is_dir():
            assert preflight.names(Environment.read(path.name)).stands == GOOD


def test_a_prefix_that_leaves_a_job_no_room_is_bad(tmp_path):
    found = preflight.names(made(tmp_path, name="an" + "other" * 10))
    assert found.stands == BAD
    assert "63 characters" in found.said


def test_an_account_that_nobody_named_is_bad_and_the_right_one_is_told(tmp_path):
    assert preflight.account(made(tmp_path), "111122223333").said.endswith(
        '"account_ids": ["111122223333"] if this is the right one'
    )
    other = preflight.account(made(tmp_path, accounts=["999988887777"]), "111122223333")
    assert (other.stands, "999988887777" in other.said) == (BAD, True)
    assert preflight.account(made(tmp_path, accounts=["111122223333"]), "111122223333").stands == GOOD


def test_a_missing_terraform_is_bad_and_names_the_command_that_brings_one(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert preflight.tools() == Check(
        "terraform", BAD, "not on the PATH: expected 1.10 or newer; `make setup` brings one"
    )


@pytest.mark.parametrize(("value", "stands"), [(0, BAD), (99, BAD), (100, GOOD)])
def test_a_quota_below_what_is_needed_is_bad(tmp_path, monkeypatch, value, stands):
    environment = made(tmp_path)
    (tmp_path / "platform.tfvars.json").write_text("{}")
    monkeypatch.setattr(preflight, "allowed", lambda service: {"Concurrent executions": value})
    found = {check.what: check for check in preflight.quotas(environment)}
    assert found["quota: Concurrent executions"].stands == stands
    assert found["quota: ml.c5.large for endpoint usage"].stands == UNKNOWN, "the service names none"


def test_an_endpoint_needs_both_fleets_of_a_change_over():
    needed = {quota.name: quota.needed for quota in quotas("ml.m5.xlarge", "ml.c5.large", 12, 4)}
    assert needed["ml.c5.large for endpoint usage"] == 12
    assert needed["Shards per Region"] == 8
    assert "Shards per Region" not in {quota.name for quota in quotas("ml.m5.xlarge", "ml.c5.large", 12, None)}


def test_a_caller_is_asked_about_a_network_and_a_trail_where_the_environment_wants_them(tmp_path):
    environment = made(tmp_path)

    def settle(platform: dict, data: dict) -> None:
        (tmp_path / "platform.tfvars.json").write_text(json.dumps(platform))
        (tmp_path / "data.tfvars.json").write_text(json.dumps(data))

    settle({}, {})
    assert preflight.calls(environment) == [*preflight.CALLS]
    settle({"network": {"cidr": "10.20.0.0/20"}}, {"audit_trail": True})
    assert preflight.calls(environment) == [*preflight.CALLS, "ec2:CreateVpc", "cloudtrail:CreateTrail"]


@pytest.mark.parametrize(("stands", "code"), [((GOOD, UNKNOWN), 0), ((GOOD, BAD), 1)])
def test_what_is_bad_ends_the_command_with_1_and_what_is_unknown_does_not(stands, code):
    said: list[str] = []
    assert preflight.told([Check(f"check {n}", each, "said") for n, each in enumerate(stands)], said.append) == code
    assert said[-1] == f"2 checks, {stands.count(BAD)} bad, {stands.count(UNKNOWN)} unknown"
