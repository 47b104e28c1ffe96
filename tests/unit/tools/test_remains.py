from __future__ import annotations

import pytest

from tools.terraform import remains, teardown
from tools.terraform.environments import ROOT
from tools.terraform.remains import KINDS, Kind, belongs


def kind(service: str, member: str = "") -> Kind:
    return next(k for k in KINDS if k.service == service and (not member or k.member == member))


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (kind("s3"), "risk-dev-lake-111122223333"),
        (kind("sns"), "arn:aws:sns:eu-west-1:111122223333:risk-dev-alarms"),
        (kind("sqs"), "https://sqs.eu-west-1.amazonaws.com/111122223333/risk-dev-release.fifo"),
        (kind("kms"), "alias/risk-dev-lake"),
        (kind("logs"), "/aws/lambda/risk-dev-decide"),
        (kind("logs"), "/aws/vendedlogs/states/risk-dev-nightly"),
        (kind("athena"), "risk-dev"),
        (kind("cloudwatch", "DashboardEntries"), "risk-dev"),
    ],
)
def test_a_resource_of_the_environment_is_known_by_its_name(of, name):
    assert belongs(name, of, "risk-dev")


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (kind("s3"), "risk-devtest-lake-111122223333"),
        (kind("s3"), "my-risk-dev-lake"),
        (kind("logs"), "/aws/lambda/risk-dev2-decide"),
        (kind("kms"), "alias/aws/s3"),
    ],
)
def test_another_environments_resource_is_left_alone(of, name):
    assert not belongs(name, of, "risk-dev")


def test_the_copy_that_is_destroyed_protects_nothing_and_the_stack_itself_does(tmp_path):
    copy = teardown._unprotected(tmp_path).parent
    protected = [p for p in (ROOT / "terraform").rglob("*.tf") if teardown.PROTECTED.search(p.read_text())]
    assert len(protected) >= 5
    assert [p for p in copy.rglob("*.tf") if teardown.PROTECTED.search(p.read_text())] == []


def test_tags_are_asked_for_until_the_service_has_heard_what_is_gone(monkeypatch):
    answers = [["arn:aws:sqs:::a"], ["arn:aws:sqs:::a"], []]
    monkeypatch.setattr(remains, "tagged", lambda tags: answers.pop(0))

    assert remains.tagged_in_the_end({}, pause=0) == []
    assert answers == []


def test_what_stays_tagged_is_named_in_the_end(monkeypatch):
    monkeypatch.setattr(remains, "tagged", lambda tags: ["arn:aws:sqs:::a"])

    assert remains.tagged_in_the_end({}, pause=0) == ["arn:aws:sqs:::a"]
