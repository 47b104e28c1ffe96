from __future__ import annotations

import json
import subprocess

import pytest

from tests.unit.tools.test_environments import made
from tools.terraform import plans, stacks
from tools.terraform.plans import CHANGES, NOTHING, Plan


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """A plan of an environment of its own, of Terraform files that a test may change; `asked` is what Terraform was."""
    (tmp_path / "terraform" / "platform").mkdir(parents=True)
    (tmp_path / "terraform" / "platform" / "main.tf").write_text("# as planned\n")
    (tmp_path / "environment").mkdir()
    environment = made(tmp_path / "environment")
    (tmp_path / "environment" / "platform.tfvars.json").write_text("{}")
    (tmp_path / "platform.tfvars.json").write_text("{}")
    monkeypatch.setattr(plans, "ROOT", tmp_path)
    monkeypatch.setattr(stacks, "PACKAGE", tmp_path)
    monkeypatch.setattr(stacks, "STATE", tmp_path / "state")
    found = Plan("platform", environment)
    monkeypatch.setattr(stacks, "run", lambda *arguments, **_: written(found, arguments))
    return found


def written(plan: Plan, arguments: tuple, code: int = CHANGES) -> subprocess.CompletedProcess[str]:
    if "plan" in arguments:
        plan.file.write_text("a plan")
    return subprocess.CompletedProcess(arguments, code, "{}", "")


def test_a_plan_takes_no_lock_and_tells_whether_anything_would_change(plan, monkeypatch):
    asked: list[tuple] = []
    for code, would in ((CHANGES, True), (NOTHING, False)):
        monkeypatch.setattr(stacks, "run", lambda *a, c=code, **_: asked.append(a) or written(plan, a, c))
        assert plan.make() is would
    planned = [arguments for arguments in asked if "plan" in arguments]
    assert len(planned) == 2
    assert all("-lock=false" in arguments for arguments in planned)


def test_a_kept_plan_fits_until_something_it_was_made_of_changes(plan):
    assert not plan.fits
    plan.make()
    assert plan.fits
    (plans.ROOT / "terraform" / "platform" / "main.tf").write_text("# changed since\n")
    assert not plan.fits


def test_a_kept_plan_does_not_fit_other_settings_or_other_code(plan):
    for file in (plan.environment.folder / "platform.tfvars.json", stacks.PACKAGE / "platform.tfvars.json"):
        plan.make()
        file.write_text('{"image_tag": "2"}')
        assert not plan.fits


def test_a_plan_is_applied_once_even_when_applying_fails(plan, monkeypatch):
    def fails(*_, **__):
        raise stacks.TerraformFailed("stale")

    plan.make()
    monkeypatch.setattr(stacks, "run", fails)
    with pytest.raises(stacks.TerraformFailed):
        plan.apply()
    assert not plan.file.exists()
    assert not plan.fits


def test_no_more_feature_groups_of_declared_entities_are_made_at_a_time_than_an_account_makes(plan, monkeypatch):
    of_declared = f'{plans.DECLARED}["card"].aws_sagemaker_feature_group.this'
    asked: list[tuple] = []
    for new, others, side_by_side in ((4, 9, stacks.SIDE_BY_SIDE), (5, 0, 4), (0, 9, stacks.SIDE_BY_SIDE)):
        plan.make()
        changes = [{"address": of_declared, "change": {"actions": ["create"]}}] * new
        changes += [{"address": of_declared, "change": {"actions": ["no-op"]}}] * others
        plan.file.with_suffix(".plan.json").write_text(json.dumps({"resource_changes": changes}))
        monkeypatch.setattr(stacks, "run", lambda *arguments, **_: asked.append(arguments))
        plan.apply()
        assert f"-parallelism={side_by_side}" in asked[-1]
        monkeypatch.setattr(stacks, "run", lambda *arguments, **_: written(plan, arguments))
