"""What the commands of the runbooks refuse, and what they choose, before anything is changed."""

from __future__ import annotations

import io
import json

import pytest

from tools.operate import keys
from tools.operate.backfill import backfill
from tools.operate.discard import discard
from tools.operate.errors import errors
from tools.operate.performance import performance
from tools.operate.platform import Platform, Refused, StepFailed
from tools.operate.rollback import earlier, named, rollback
from tools.operate.score_drift import score_drift
from tools.operate.verify import resources
from tools.telling import Teller


class Lake:
    """An S3 of these objects, and nothing else."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def get_paginator(self, operation: str) -> Lake:
        return self

    def paginate(self, **_: str) -> list[dict]:
        return [{"Contents": [{"Key": name} for name in self.names]}]


def platform(**clients: object) -> Platform:
    outputs = {"prefix": "risk-dev", "lake_bucket": "lake", "state_machines": {"nightly": "arn"}}
    return Platform(outputs, dict(clients))


def registered(**statuses: str) -> dict[int, dict]:
    return {int(name.removeprefix("v")): {"ModelApprovalStatus": status} for name, status in statuses.items()}


def test_the_version_before_is_the_newest_approved_one_below_the_live_one():
    found = registered(v1="Approved", v2="Approved", v3="Rejected", v4="Approved", v5="Approved")
    assert earlier(found, 4, {1, 2, 3, 4, 5}) == 2
    assert earlier(found, 4, {1, 4}) == 1, "what was approved and refused by the release never served"


@pytest.mark.parametrize("live", [1, None])
def test_where_no_version_comes_before_another_must_be_named(live):
    with pytest.raises(Refused, match="name another as VERSION"):
        earlier(registered(v1="Approved", v2="Approved"), live, {1, 2})


class Registry:
    """Versions of fraud by number, and what was told to change."""

    def __init__(self, **statuses: str) -> None:
        self.packages = {
            f"arn:fraud/{name.removeprefix('v')}": {"ModelApprovalStatus": status} for name, status in statuses.items()
        }
        self.told: list[tuple[str, str, str | None]] = []

    def get_paginator(self, operation: str) -> Registry:
        return self

    def paginate(self, **_: str) -> list[dict]:
        return [{"ModelPackageSummaryList": [{"ModelPackageArn": arn, **p} for arn, p in self.packages.items()]}]

    def describe_model_package(self, ModelPackageName: str) -> dict:
        quality = {"ModelQuality": {"Statistics": {"S3Uri": f"s3://lake/{ModelPackageName}/evaluation.json"}}}
        return {**self.packages[ModelPackageName], "ModelMetrics": quality}

    def update_model_package(self, ModelPackageArn: str, ModelApprovalStatus: str, **told: str) -> None:
        self.told.append((ModelPackageArn, ModelApprovalStatus, told.get("ApprovalDescription")))


def test_a_rollback_takes_no_version_whose_dossier_fails_and_that_never_served(monkeypatch):
    registry = Registry(v1="Approved", v2="Approved", v3="Approved")
    live = {"model_package_arn": "arn:fraud/3", "approved_at": "2026-03-01T10:00:00Z"}
    monkeypatch.setattr(Platform, "standing", lambda *_: (live, None))
    monkeypatch.setattr(Platform, "evaluation", lambda *_: {"dossier": {"verdict": "fail", "failed": ["AUC"]}})
    there = platform(sagemaker=registry, s3=Lake("released/fraud/1/model.tar.gz"), dynamodb=None)

    with pytest.raises(
        Refused, match="version 2 never served: expected a dossier that passes, but these tests fail: AUC"
    ):
        rollback(there, Teller(), "fraud", "2")
    assert registry.told == [], "what serves is not rejected for nothing"

    live_again = {"model_package_arn": "arn:fraud/1", "approved_at": "2026-03-01T11:00:00Z", "endpoint_config": None}
    monkeypatch.setattr(Platform, "await_release", lambda *_: live_again)
    rollback(there, Teller(), "fraud")
    assert registry.told == [
        ("arn:fraud/3", "Rejected", "rolled back to version 1"),
        ("arn:fraud/1", "PendingManualApproval", None),
        ("arn:fraud/1", "Approved", "override: rolled back to, from version 3: it has served before"),
    ]


class Recorded:
    """What the table of releases says, one reading after another, and how runs of the machine stand."""

    def __init__(self, *readings: dict, run: str = "RUNNING") -> None:
        self.readings, self.run, self.read = list(readings), run, 0

    def get_item(self, TableName: str, Key: dict, ConsistentRead: bool) -> dict:
        if "/" in Key["problem"]["S"]:
            body: dict = {"execution": "arn:run:fraud-4-x" if self.read > 1 else "arn:run:fraud-3-x"}
        else:
            body = self.readings[min(self.read, len(self.readings) - 1)]
            self.read += 1
        return {"Item": {"body": {"S": json.dumps(body)}, "number": {"N": "1"}}}

    def describe_execution(self, executionArn: str) -> dict:
        assert executionArn == "arn:run:fraud-4-x"
        return {"status": self.run, "error": "ShadowDiffers", "cause": '{"errorMessage": "approved 90% -> 10%"}'}


LIVE = {"model_package_arn": "arn:fraud/3", "approved_at": "2026-03-01T10:00:00Z", "promoted": True}
TOLD = {"model_package_arn": "arn:fraud/4", "approved_at": "2026-03-01T11:00:00Z", "promoted": False}
UNDONE = {"model_package_arn": "arn:fraud/4", "model_name": "fraud-v4", "why": "risk-dev-guard-errors rang"}


def awaited(monkeypatch, recorded: Recorded, **given) -> dict:
    monkeypatch.setattr("tools.operate.platform.POLL_SECONDS", 0)
    there = platform(dynamodb=recorded, stepfunctions=recorded)
    return there.await_release("fraud", "arn:fraud/4", **given)


def test_a_release_is_awaited_until_it_has_all_traffic(monkeypatch):
    recorded = Recorded(LIVE, LIVE, TOLD, {**TOLD, "promoted": True})
    assert awaited(monkeypatch, recorded)["promoted"] is True
    assert recorded.read == 4


def test_a_release_that_was_rolled_back_says_why_and_one_of_before_does_not_matter(monkeypatch):
    earlier = {**LIVE, "undone": {**UNDONE, "why": "long ago"}}
    with pytest.raises(StepFailed, match="fraud-v4 was rolled back: risk-dev-guard-errors rang"):
        awaited(monkeypatch, Recorded(earlier, earlier, TOLD, {**LIVE, "undone": UNDONE}))


def test_a_release_whose_run_failed_is_not_waited_for(monkeypatch):
    with pytest.raises(StepFailed, match=r"the release FAILED: ShadowDiffers approved 90% -> 10%"):
        awaited(monkeypatch, Recorded(LIVE, run="FAILED"))


def test_a_release_that_had_failed_before_anybody_waited_is_not_waited_for(monkeypatch):
    recorded = Recorded(LIVE, LIVE, LIVE, LIVE, {**TOLD, "promoted": True}, run="FAILED")
    recorded.read = 1  # so its run stands there from the first look on
    with pytest.raises(StepFailed, match="the release FAILED: ShadowDiffers"):
        awaited(monkeypatch, recorded, before=(LIVE, "arn:run:fraud-3-x"))


def test_the_same_version_is_awaited_until_it_is_released_anew(monkeypatch):
    again = {**TOLD, "promoted": True, "approved_at": "2026-03-01T12:00:00Z"}
    recorded = Recorded({**TOLD, "promoted": True}, {**TOLD, "promoted": True}, again)
    assert awaited(monkeypatch, recorded, after=TOLD["approved_at"])["approved_at"] == again["approved_at"]


@pytest.mark.parametrize("version", ["7", "v1", "one"])
def test_a_version_that_is_not_registered_is_refused_with_those_that_are(version):
    with pytest.raises(Refused, match=r"VERSION=1 or 2, got"):
        named(registered(v1="Approved", v2="Rejected"), version)


@pytest.mark.parametrize(
    ("command", "given", "said"),
    [
        (rollback, ("cards",), "PROBLEM=credit or fraud, got 'cards'"),
        (discard, ("stream",), "make replay-dlq"),
        (discard, ("",), "QUEUE=merchants or release"),
        (errors, ("everything",), "nightly or credit or fraud, got 'everything'"),
        (backfill, ("", ""), "FROM=YYYY-MM-DD, got ''"),
        (backfill, ("2026-03-02", "yesterday"), "TO=YYYY-MM-DD, got 'yesterday'"),
        (backfill, ("2026-03-02", "2026-03-01"), "FROM not after TO"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_was_expected(command, given, said):
    with pytest.raises(Refused, match=said):
        command(platform(), Teller(), *given)


def test_a_day_without_a_report_is_refused_with_the_days_that_have_one():
    lake = Lake("monitoring/drift/2026-03-01/drift.json", "monitoring/drift/2026-03-01/other", "monitoring/x")
    with pytest.raises(Refused, match=r"DAY=one of 2026-03-01, got '2026-03-02'"):
        score_drift(platform(s3=lake), Teller(), "2026-03-02")


class Reports(Lake):
    def get_object(self, Bucket: str, Key: str) -> dict:
        found = {"rows": 30, "customers": 20, "score": 0.3, "features": {"amount": 2.0, "hour": 0.1}}
        drifted = {"drifted": ["amount"]} if "03-01" in Key else {}
        return {"Body": io.BytesIO(json.dumps({**found, **drifted}).encode())}


@pytest.mark.parametrize(("day", "lines"), [("2026-03-01", 4), ("2026-03-02", 3)], ids=["of now", "of before"])
def test_a_report_says_what_chance_does_not_explain_where_it_knows(day, lines, capsys):
    lake = Reports(*(f"monitoring/drift/{d}/drift.json" for d in ("2026-03-01", "2026-03-02")))
    score_drift(platform(s3=lake), Teller(), day)
    said = capsys.readouterr().out
    assert len(said.splitlines()) == lines
    assert ("20 customers paid; beyond chance and 0.25: amount" in said) == (lines == 4)


class Judged(Lake):
    def get_object(self, Bucket: str, Key: str) -> dict:
        if "drift" in Key:
            found = {"rows": int(Key.split("/")[-2][:2]), "customers": 5, "score": 0.3, "features": {"income": 2.0}}
            return {"Body": io.BytesIO(json.dumps({**found, "drifted": ["income"]}).encode())}
        vintage = {"rows": 900, "bad": 90, "expected": 60.0, "figures": {}}
        figure = {"value": 1.5, "low": 1.2, "high": 1.8}
        share = {"share": 0.5, "n": 300, "before": 0.8, "n_before": 900}
        document = {
            "as_of": Key.split("/")[-2],
            "model": "m",
            "matured": 900,
            "performance": {
                "vintages": {"2026-01": vintage},
                "recent": {**vintage, "figures": {"observed_over_expected": figure, "ks": {"value": 0.4}}},
                "broken": ["recent: observed_over_expected"],
            },
            "shares": {
                "period": "2026-02",
                "APPROVE": share,
                "REFER": {**share, "before": None},
                "overrides": {"share": 0.25, "n": 40},
                "moved": ["APPROVE"],
            },
            "answers": {
                "period": "2026-03",
                "DECLINE": {**share, "share": 0.7},
                "overrides": {"share": 0.1, "n": 20},
                "moved": ["DECLINE"],
            },
        }
        return {"Body": io.BytesIO(json.dumps(document).encode())}


def test_of_loans_the_last_run_of_a_period_is_told_and_of_all_periods_that_of_the_last_run(capsys):
    form = "monitoring/credit/drift/{}/drift.json"
    lake = Judged(*(form.format(n) for n in ("2026-01/20-a", "2026-01/10-b", "2026-01-15/30-c")))
    for day, said in (("", "2026-01-15: 30 loans"), ("2026-01", "2026-01: 20 loans")):
        score_drift(platform(s3=lake), Teller(), day, "credit")
        assert said in (told := capsys.readouterr().out)
    assert "beyond chance and 0.25: income" in told
    with pytest.raises(Refused, match="PROBLEM=fraud or credit, got 'loans'"):
        score_drift(platform(s3=lake), Teller(), "", "loans")


def test_the_newest_report_on_decisions_says_what_is_worse_and_what_has_moved(capsys):
    keys = ("2026-01/20-a", "2026-01-15/30-c", "2026-01/10-b")
    lake = Judged(*(f"monitoring/credit/performance/{n}/performance.json" for n in keys))
    performance(platform(s3=lake), Teller(), "credit")
    batch, _, api = capsys.readouterr().out.partition("answered by the API, 2026-03")
    assert "DECLINE: 70.0% of 300 customers, before 80.0% of 900" in api
    assert "chance: DECLINE" in api
    assert "chance: APPROVE" in batch
    performance(platform(s3=lake), Teller(), "credit")
    said = capsys.readouterr().out
    assert "credit as of 30-c, model m: 900 have matured" in said
    assert "2026-01: 900 rows, 90 bad, 60.0 expected; too few of either outcome" in said
    assert "observed/expected 1.500 (1.200 to 1.800)" in said
    assert "worse than is borne, and not by chance: recent: observed_over_expected" in said
    assert "APPROVE: 50.0% of 300 customers, before 80.0% of 900" in said
    assert "decided otherwise than the policy: 25.0% of 40 customers" in said
    assert "moved by more than is borne, and not by chance: APPROVE" in said


@pytest.mark.parametrize(("problem", "said"), [("loans", "PROBLEM=fraud or credit"), ("fraud", "no report on fraud")])
def test_decisions_of_which_nothing_is_reported_are_refused(problem, said):
    with pytest.raises(Refused, match=said):
        performance(platform(s3=Lake("monitoring/x")), Teller(), problem)


class Keys:
    """A KMS as it says it works: a key whose deletion is taken back is disabled."""

    def __init__(self, **states: str) -> None:
        self.states = {f"alias/risk-dev-{name}": state for name, state in states.items()}

    def describe_key(self, KeyId: str) -> dict:
        return {"KeyMetadata": {"KeyId": KeyId, "KeyState": self.states[KeyId]}}

    def cancel_key_deletion(self, KeyId: str) -> None:
        assert self.states[KeyId] == "PendingDeletion"
        self.states[KeyId] = "Disabled"

    def enable_key(self, KeyId: str) -> None:
        assert self.states[KeyId] == "Disabled"
        self.states[KeyId] = "Enabled"


@pytest.mark.parametrize("state", ["PendingDeletion", "Disabled", "Enabled"])
def test_a_key_is_enabled_whatever_was_done_to_it(state, monkeypatch, capsys):
    class Named:
        prefix = "risk-dev"

    kms = Keys(lake=state, delivery="Enabled")
    monkeypatch.setattr(keys.boto3, "client", lambda name: kms)

    keys.keep_keys(Named())

    assert set(kms.states.values()) == {"Enabled"}
    assert ("now Enabled" in capsys.readouterr().out) == (state != "Enabled")


def test_resources_are_found_by_their_module_where_two_modules_have_the_same():
    model = {"mode": "managed", "type": "aws_sagemaker_model"}
    state = {
        "resources": [
            {**model, "module": "module.endpoint", "instances": [{"attributes": {"name": "fraud"}}]},
            {**model, "module": "module.loan_endpoint", "instances": [{"attributes": {"name": "loans"}}]},
        ]
    }

    assert [found["name"] for found in resources(state, "aws_sagemaker_model", "module.loan_endpoint")] == ["loans"]
    assert len(list(resources(state, "aws_sagemaker_model"))) == 2
