from __future__ import annotations

import json

import pytest

from tools.operate.__main__ import main
from tools.operate.first_day import approve, ingest, train
from tools.operate.platform import Platform, Refused
from tools.operate.verify import Finding, digest, resources
from tools.telling import Teller

PLATFORM = Platform({"prefix": "risk-dev", "lake_bucket": "risk-dev-lake-1"})


def test_an_unknown_verb_is_answered_with_those_that_there_are():
    with pytest.raises(SystemExit, match=r"expected preflight, .*, night, train, .*, got 'fly'"):
        main("fly", "local")


@pytest.mark.parametrize("verb", ["ingest", "night", "train", "approve", "status", "verify", "preflight"])
def test_an_unknown_environment_ends_a_command_with_those_that_there_are(verb):
    with pytest.raises(SystemExit, match=f"{verb}: no environment 'nowhere': expected one of dev, local, prod"):
        main(verb, "nowhere")


def test_a_folder_without_a_file_of_the_contract_is_refused_with_what_lies_there(tmp_path):
    (tmp_path / "payments.txt").write_text("")
    with pytest.raises(Refused, match=r"expected transactions.*\.parquet or \.csv.*, found payments\.txt"):
        ingest(PLATFORM, Teller(), str(tmp_path))
    with pytest.raises(Refused, match="expected DATA="):
        ingest(PLATFORM, Teller(), "")


def test_two_files_of_one_kind_are_refused_and_neither_goes_up(tmp_path):
    for suffix in (".csv", ".parquet"):
        (tmp_path / f"transactions{suffix}").write_text("")
    with pytest.raises(Refused, match=r"one file for transactions, found transactions\.parquet and transactions\.csv"):
        ingest(PLATFORM, Teller(), str(tmp_path))


class Lake(Platform):
    """Objects by key."""

    def __init__(self, **objects: bytes) -> None:
        super().__init__({"prefix": "risk-dev", "lake_bucket": "risk-dev-lake-1"})
        self.objects = objects

    def keys(self, prefix):
        return [key for key in self.objects if key.startswith(prefix)]

    def read(self, key):
        return self.objects[key]

    def upload(self, path, key):
        self.objects[key] = path.read_bytes()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("transactions: [", "columns.yaml: expected YAML"),
        ("loan_applications: {}", "expected what the lake's columns.yaml says of transactions too"),
    ],
)
def test_a_declaration_that_would_stop_a_night_or_drop_another_one_does_not_go_up(tmp_path, text, said):
    before = b"transactions: {columns: {event_time: {format: dmy}}}"
    lake = Lake(**{"raw/columns.yaml": before})
    (tmp_path / "columns.yaml").write_text(text)
    (tmp_path / "loan_applications.csv").write_text("")
    with pytest.raises(Refused, match=said):
        ingest(lake, Teller(), str(tmp_path))
    assert lake.objects == {"raw/columns.yaml": before}

    (tmp_path / "columns.yaml").write_text("transactions:\nloan_applications: {}")
    ingest(lake, Teller(), str(tmp_path), batch="b1")
    assert set(lake.objects) == {"raw/columns.yaml", "raw/loan_applications/batch=b1/loan_applications.csv"}


def test_a_problem_that_nobody_learns_is_refused():
    with pytest.raises(Refused, match="expected PROBLEM=credit or fraud, got 'weather'"):
        train(PLATFORM, Teller(), "weather")


class Trains:
    """A platform that notes what it was asked to train."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    def train(self, problem: str, as_of: str, **given: str) -> dict:
        self.asked.append((problem, as_of, given))
        inferred = {"rejects": {"told": "90 of 300 declined loans taken for bad"}} if "Rejects" in given else {}
        return {"package": "p", "evaluation": {"learner": "l", "test": {"auc": 0.5, "ap": 0.5}, **inferred}}


def test_what_inferring_rejects_changed_is_told_at_the_end_of_a_training_that_did_it(capsys):
    train(Trains(), Teller(), "credit", rejects="parcelling")
    assert "90 of 300 declined loans taken for bad" in capsys.readouterr().out


def test_costs_and_the_definition_of_default_go_to_the_pipeline_that_knows_of_them():
    platform = Trains()

    train(platform, Teller(), "credit", "2026-01-01T00:00:00Z", "", '{"months": 18}')
    train(platform, Teller(), "fraud", "2026-01-01T00:00:00Z", '{"review": 6}')
    train(platform, Teller(), "credit", "2026-01-01T00:00:00Z", rejects="parcelling:2")

    assert platform.asked == [
        ("credit", "2026-01-01T00:00:00Z", {"Default": '{"months": 18}'}),
        ("fraud", "2026-01-01T00:00:00Z", {"Costs": '{"review": 6}'}),
        ("credit", "2026-01-01T00:00:00Z", {"Rejects": "parcelling:2"}),
    ]
    with pytest.raises(Refused, match="expected DEFAULT with PROBLEM=credit only"):
        train(platform, Teller(), "fraud", default="{}")
    with pytest.raises(Refused, match="expected REJECTS with PROBLEM=credit only"):
        train(platform, Teller(), "fraud", rejects="parcelling")
    with pytest.raises(Refused, match=r"expected none, parcelling, or parcelling:2 .* got 'guess'"):
        train(platform, Teller(), "credit", rejects="guess")
    with pytest.raises(Refused, match="expected COSTS with PROBLEM=fraud only"):
        train(platform, Teller(), "credit", costs="{}")


@pytest.mark.parametrize("package", ["", "1", "arn:aws:sagemaker:eu-west-1:1:model-package/risk-prod-fraud/3"])
def test_a_package_of_another_platform_is_not_approved(package):
    with pytest.raises(Refused, match="expected PACKAGE=<ARN of a package of risk-dev-credit or -fraud>"):
        approve(PLATFORM, Teller(), package)


def test_what_differs_says_what_was_wanted_and_what_runs():
    finding = Finding("code of risk-dev-decide", "a hash", "another")
    assert not finding.holds
    assert str(finding) == "code of risk-dev-decide: wanted a hash, live another"
    assert Finding("x", "same", "same").holds


def test_a_definition_is_the_same_whatever_its_spaces_and_the_order_of_its_keys():
    assert digest('{"a": 1, "b": [1, 2]}') == digest('{"b":[1,2],\n"a":1}')
    assert digest('{"a": 1}') != digest('{"a": 2}')


def test_only_managed_resources_of_the_kind_are_compared():
    state = {
        "resources": [
            {"mode": "managed", "type": "aws_kinesis_stream", "instances": [{"attributes": {"name": "a"}}]},
            {"mode": "data", "type": "aws_kinesis_stream", "instances": [{"attributes": {"name": "b"}}]},
            {"mode": "managed", "type": "aws_sqs_queue", "instances": [{"attributes": {"name": "c"}}]},
        ]
    }
    assert [r["name"] for r in resources(json.loads(json.dumps(state)), "aws_kinesis_stream")] == ["a"]


class Registry(Platform):
    """Holds one registered version, and what was approved and why."""

    def __init__(self, dossier: dict | None) -> None:
        super().__init__({"prefix": "risk-dev", "lake_bucket": "risk-dev-lake-1"})
        self.found, self.approved = {"dossier": dossier} if dossier else {}, []

    def evaluation(self, package: str) -> dict:
        return self.found

    def approve(self, package: str, reason: str = "") -> None:
        self.approved.append(reason)

    def standing(self, problem: str) -> tuple[dict, str | None]:
        return {}, None

    def await_release(self, problem: str, package: str, after: str | None = None, before: object = None) -> dict:
        return {"model_name": "m", "endpoint_config": None}


PACKAGE = "arn:aws:sagemaker:eu-west-1:1:model-package/risk-dev-credit/3"


@pytest.mark.parametrize(
    ("dossier", "said"),
    [(None, "there is none"), ({"verdict": "fail", "failed": ["AUC", "KS"]}, "these tests fail: AUC, KS")],
    ids=["none", "failed"],
)
def test_a_version_whose_dossier_does_not_pass_is_not_approved_without_a_reason(dossier, said):
    registry = Registry(dossier)
    with pytest.raises(Refused, match=said):
        approve(registry, Teller(), PACKAGE)
    assert registry.approved == []

    approve(registry, Teller(), PACKAGE, "asked for by the board")
    assert registry.approved == ["asked for by the board"], "it is kept with the approval"


@pytest.mark.parametrize("verdict", ["pass", "warn"])
def test_a_version_whose_dossier_passes_is_approved(verdict):
    registry = Registry({"verdict": verdict, "failed": []})
    approve(registry, Teller(), PACKAGE)

    assert registry.approved == [""]
