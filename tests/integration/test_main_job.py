"""The main job on a small population, against a local AWS of its own: the same Terraform, zips, scripts and archives.

One platform serves all tests of this module; the tests that break something put it right again.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pyarrow.parquet as pq
import pytest
from botocore.awsrequest import AWSRequest
from release.promotion import pending
from scoring.documents import Stored, write
from scoring.entries import Change
from scoring.entries import told as told_of_lists
from scoring.policy import Listing

from bench.api import client_of
from bench.deployed import ENVIRONMENT, deployed
from client import Api, Iam
from client.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from datasets import generated
from datasets.population import Settings
from demo.intake import Intake
from demo.run import Run, prepare_folder
from features.credit import PAYMENT_BEHAVIOUR
from features.fraud import FRAUD
from features.state import State
from features.traffic import TRAFFIC_LAYOUTS, TRAFFIC_NAMES
from glue.transforms.point_in_time import athena_sql
from lending.deciding import Loan, decide
from lending.opened import Opened, opened
from lending.policy import Policy
from local import lifecycle
from tests.integration import console_reading, planted_credit
from tests.integration.dead_letters import given_up
from tests.integration.labels_door import told as told_label
from tests.integration.permissions import (
    REFUSED,
    TOLD_BY_SERVICES,
    Person,
    breakable,
    keep,
    require_none_denied,
    told_without,
)
from tests.waiting import PATIENCE_S, eventually
from tools import forget, package, releases, roles
from tools.cases import Refused
from tools.cases import ask as asked_of
from tools.cost.prices import tabled
from tools.features_in_use import DECLARED, unserved, uses
from tools.lending import __main__ as lending
from tools.operate import status
from tools.operate.abort import abort_release
from tools.operate.errors import errors
from tools.operate.experiments import runs
from tools.operate.platform import Platform, StepFailed, wait
from tools.operate.verify import verified
from tools.operators import Operators, listing
from tools.policy import rule
from tools.replay.__main__ import replay
from tools.telling import Teller
from tools.terraform import __main__ as terraform
from tools.terraform import stacks
from tools.terraform.environments import Environment
from tools.why.__main__ import explain

ROOT = Path(__file__).resolve().parents[2]
DATABASES = f"risk_{ENVIRONMENT}"
DONE = [
    "opened",
    "claimed",
    "commented",
    "escalated",
    "reassigned",
    "released",
    "claimed",
    "decided",
    "reopened",
    "decided",
]
LISTED = "M-listed"
SCREENS = ROOT / "console" / "screens"


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """The deployed platform. The process's environment points to it while the module runs."""
    with deployed(tmp_path_factory.mktemp("platform")) as found:
        yield found
        keep(require_none_denied(), "test_main_job")
        take_down(found)


def take_down(platform: Platform) -> None:
    """What `make destroy` does, after everything the tests have made; nothing may be left."""
    terraform.main("destroy", ENVIRONMENT)
    sagemaker, prefix = platform.client("sagemaker"), platform.prefix
    left = {
        "models": [m for m in sagemaker.list_models()["Models"] if m["ModelName"].startswith(prefix)],
        "endpoints": sagemaker.list_endpoints()["Endpoints"],
        "configurations": [
            c
            for c in sagemaker.list_endpoint_configs()["EndpointConfigs"]
            if c["EndpointConfigName"].startswith(prefix)
        ],
        "packages": sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"],
        "feature groups": sagemaker.list_feature_groups()["FeatureGroupSummaries"],
        "functions": platform.client("lambda").list_functions()["Functions"],
        "streams": platform.client("kinesis").list_streams()["StreamNames"],
        "queues": platform.client("sqs").list_queues().get("QueueUrls", []),
        "state machines": platform.client("stepfunctions").list_state_machines()["stateMachines"],
        "lake": [b for b in platform.client("s3").list_buckets()["Buckets"] if b["Name"] == platform.lake],
        "alarms": platform.client("cloudwatch").describe_alarms()["MetricAlarms"],
    }
    assert {what: found for what, found in left.items() if found} == {}


@pytest.fixture(scope="module")
def run(platform, tmp_path_factory) -> Run:
    """The main job on ten thousand payments, done."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    generated.write(Settings(payments=12_000, loans=5_000, days=45, start="2025-06-20", seed=11), data)
    (data / "columns.yaml").write_text("loan_applications: {columns: {employment_years: {risk: falling}}}")
    prepare_folder(out)
    done = Run(Intake.open(data), platform, Teller(), out)
    list_a_shop(platform)
    done.everything()
    done.evidence["listed"] = pay_at_the_listed_shop(platform)
    return done


def test_every_payment_is_decided_once(run):
    fraud = run.found["fraud"]
    assert fraud["streamed"] > 200
    assert fraud["decided"] == fraud["streamed"]
    assert (fraud["missing"], fraud["duplicated"]) == (0, 0)
    assert sum(fraud["actions"].values()) == fraud["decided"]


def test_every_served_vector_is_the_one_the_lake_computes(run):
    scored = [d for d in decisions(run) if is_comparable(d)]
    assert {d["door"] for d in scored} == {"api", "stream"}
    assert run.found["parity"] == {"compared": len(scored), "mismatches": 0}


def test_what_was_not_decided_on_fresh_features_and_a_score_is_counted_as_degraded(run):
    """A machine that is slow for a moment makes a door decide without its model: that is its promise to the payer."""
    found = decisions(run)
    assert run.found["fraud"]["degraded"] == sum(d["degrade_step"] != "none" for d in found)
    assert {d["action"] for d in found if d["fraud_score"] is None} <= {"REVIEW", "BLOCK"}


def test_no_call_of_the_main_job_is_refused(run):
    found = require_none_denied()
    services = {trusted(role) for role in {call["role"] for call in found["calls"]} if role.startswith("arn:")}
    assert services >= {"glue", "lambda", "sagemaker", "states"}


def trusted(role: str) -> str:
    """The service that a role is for."""
    trust = boto3.client("iam").get_role(RoleName=role.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
    (statement,) = trust["Statement"]
    return statement["Principal"]["Service"].removesuffix(".amazonaws.com")


def test_every_role_that_lacks_a_statement_is_refused_and_told_the_action_and_the_resource(run):
    found = require_none_denied()
    chosen = breakable(found)
    assert [role for role, finding in chosen.items() if finding is None] == []

    for role, finding in chosen.items():
        call = finding.needed_by.call
        told = told_without(found, finding)
        assert "AccessDenied" in told or "AuthorizationError" in told, (role, call, told)
        assert f"is not authorized to perform: {call.action} on resource: {call.resource}" in told


def test_what_is_declared_beside_the_data_reaches_what_the_model_learns_from(run, platform):
    (kept,) = (key for key in platform.keys("training/credit/") if key.endswith("/train/columns.json"))
    assert {c["name"]: c["risk"] for c in platform.json(kept) if c["risk"]} == {"employment_years": "falling"}


def test_every_schedule_may_start_what_it_is_for(run, platform):
    scheduler = platform.client("scheduler")
    found = [name for s in scheduler.list_schedules()["Schedules"] if (name := s["Name"]).startswith(platform.prefix)]
    assert found

    for name in found:
        schedule = scheduler.get_schedule(Name=name)
        target = schedule["Target"]
        began = datetime.now(UTC)
        scheduler.create_schedule(
            Name=f"{name}-now",
            ScheduleExpression=f"at({began:%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={**target, "Input": "{}"},  # nothing that the machine could work on
            **({"KmsKeyArn": schedule["KmsKeyArn"]} if "KmsKeyArn" in schedule else {}),
        )

        try:
            assert eventually(lambda target=target["Arn"], began=began: has_begun(platform, target, began))
        finally:
            scheduler.delete_schedule(Name=f"{name}-now")


def has_begun(platform: Platform, target: str, since: datetime) -> bool:
    """Whether a function was called, or a run of a state machine was started, which is stopped."""
    if ":function:" in target:
        return any(
            line.startswith("START ") for line in said_by(platform, target.rpartition(f"{platform.prefix}-")[2], since)
        )
    states = platform.client("stepfunctions")
    runs = states.list_executions(stateMachineArn=target)["executions"]
    begun = [run["executionArn"] for run in runs if run["startDate"] >= since]
    for execution in begun:
        with suppress(states.exceptions.ValidationException):  # it has found nothing to do, and ended
            states.stop_execution(executionArn=execution)
    return bool(begun)


def test_a_decision_can_be_computed_again_from_the_lake_and_its_model(run, platform, capsys):
    scored = [d for d in decisions(run) if is_comparable(d)]
    asked = [next(d for d in scored if d["door"] == "api"), max(scored, key=lambda d: d["fraud_score"])]

    for decision in asked:
        found = explain(
            platform.prefix, platform.lake, platform.outputs["athena_workgroup"], decision["transaction_id"]
        )
        said = capsys.readouterr().out
        assert found == 0, said
        assert "equal to the bit" in said
        assert repr(decision["fraud_score"]) in said


def test_one_served_value_that_differs_raises_the_parity_alarm_and_somebody_is_told(run, platform):
    (file,) = (run.folder / "decisions").glob("*.json")
    day, s3 = file.stem, platform.client("s3")
    report = f"quality/check_parity/{day}_{day}.json"
    key, transaction_id, changed = one_value_changed(platform, day)
    kept = {name: platform.read(name) for name in (key, report)}
    with listening(platform, platform.outputs["alarm_topic_arn"]) as told:
        try:
            s3.put_object(Bucket=platform.lake, Key=key, Body=changed)
            run_job(platform, "check-parity", {"--from": day, "--to": day})
            found = platform.json(report)
            state = told(f"{platform.prefix}-parity")
        finally:
            for name, body in kept.items():
                s3.put_object(Bucket=platform.lake, Key=name, Body=body)
    assert (found["mismatches"], found["examples"]) == (
        1,
        [{"transaction_id": transaction_id, "differing": [FRAUD.columns[0]]}],
    )
    assert state == "ALARM"


def test_a_customer_is_forgotten_in_the_whole_lake_and_its_past(run, platform, capsys):
    """One that was neither decided on nor scored: other tests count those."""
    (found,) = platform.query(
        "silver",
        "SELECT min(customer_id) AS customer FROM transactions "
        f"WHERE customer_id NOT IN (SELECT customer_id FROM {DATABASES}_decisions.decisions) "
        f"AND customer_id NOT IN (SELECT customer_id FROM {DATABASES}_predictions.predictions)",
    )
    layers = {key.partition("/")[0] for key in holding(platform, found["customer"])}
    assert layers >= {"raw", "bronze", "silver", "gold", "athena"}
    entries = Operators.of(platform.client, platform.prefix, platform.lake).entries
    assert entries is not None
    entries.declare("suspected", "customer_id", "watch", Change("the test", "a test"))
    entries.put("suspected", [found["customer"]], Change("the test", "a test"))
    to_review(platform, "T-of-a-forgotten-customer", found["customer"])
    payer = Person.taking("producer", platform)
    assert eventually(lambda: polling(payer, "T-of-a-forgotten-customer"))
    forget.main(ENVIRONMENT, found["customer"])
    told = capsys.readouterr().out
    assert polling(payer, "T-of-a-forgotten-customer") is None
    assert "items of review cases; 0 hold the customer" in told
    assert entries.about("customer_id", found["customer"]) == []
    assert "the customer is on no list that is looked up any more: 2 entries" in told
    assert f"{platform.prefix}-customer" in told
    assert "0 hold the customer" in told
    assert holding(platform, found["customer"]) == []


def test_the_credit_model_scores_the_month_it_was_not_trained_on(run):
    credit = run.found["credit"]
    assert credit["scored"] > 100
    assert credit["auc"] > 0.55


def test_predictions_come_as_a_file_and_through_athena(run, platform):
    (file,) = (run.folder / "predictions").glob("*.csv")
    lines = file.read_text().splitlines()
    assert lines[0] == "customer_id,loan_id,default_prob"
    assert len(lines) - 1 == run.found["credit"]["scored"]
    (count,) = platform.query("predictions", "SELECT count(*) AS n FROM predictions")
    assert int(count["n"]) == run.found["credit"]["scored"]
    (of_a_run,) = {key.split("/")[2] for key in platform.keys("predictions/month=")}
    assert of_a_run.startswith("run="), "another run writes beside it"


def test_the_platform_has_decided_on_the_scored_month_by_the_published_policy_as_the_command_does(
    run, platform, tmp_path, monkeypatch
):
    monkeypatch.setattr(lending, "BUILD", tmp_path)
    (month,) = (p.stem for p in (run.folder / "predictions").glob("*"))
    lending.main("decide", ENVIRONMENT, "", str(ROOT / "policies/credit-example.json"), month)
    (folder,) = tmp_path.iterdir()
    (key,) = platform.keys(f"predictions/credit_decisions/period={month}/")
    columns = "customer_id, loan_id, default_prob, decision, policy_sha256"
    rows = platform.query("predictions", f"SELECT {columns} FROM credit_decisions WHERE period = '{month}'")

    assert platform.read(key) == (folder / "decisions.jsonl").read_bytes()
    assert {row["loan_id"]: float(row["default_prob"]) for row in rows} == run.evidence["credit"]["scores"]
    assert run.found["credit"]["decided"] == Counter(row["decision"] for row in rows)
    assert {row["policy_sha256"] for row in rows} == {hashlib.sha256((folder / "policy.json").read_bytes()).hexdigest()}


def test_one_application_is_decided_at_the_api_by_the_archive_that_scored_the_month(run, platform, tmp_path):
    lender = Person.taking("lender", platform)
    released = releases.released(platform.client("dynamodb"), platform.prefix, "credit")
    bucket, _, key = released["model_data"].removeprefix("s3://").partition("/")
    (tmp_path / "model.tar.gz").write_bytes(platform.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    policy = Policy.parse(json.loads((ROOT / "policies/credit-example.json").read_text()))
    (rows,) = (name for name in platform.keys("training/scoring/") if "/unread/" not in name)
    with opened(tmp_path / "model.tar.gz") as model:
        names = model.encoding.names
        for line in list(csv.reader(platform.read(rows).decode().splitlines()))[:5]:
            said = dict(zip(names, line[2:], strict=True))
            asked = {name: cell or None for name, cell in said.items() if name not in PAYMENT_BEHAVIOUR.columns}
            fields = {"amount": None, "term_months": None, **asked, "customer_id": line[0]}
            fields["loan_id"] = f"{line[1]}-asked"
            found = asked_of(lender, "POST", "/loans/decide", fields)
            assert asked_of(lender, "POST", "/loans/decide", fields) == found, "one loan has one answer"
            (kept,) = (
                json.loads(platform.read(name))
                for name in platform.keys("predictions/loan_answers/")
                if json.loads(platform.read(name))["loan_id"] == fields["loan_id"]
            )
            loan = Loan(line[0], fields["loan_id"], tuple(kept["cells"]))
            (same,) = decide(Opened(model), policy, [loan])
            assert {name: found[name] for name in json.loads(same.line())} == json.loads(same.line())
            own = [n for n, name in enumerate(names) if name not in PAYMENT_BEHAVIOUR.columns]
            assert [kept["cells"][n] for n in own] == [line[2 + n] for n in own], "as the month's run spelt them"
    (count,) = platform.query("predictions", "SELECT count(*) AS n FROM loan_answers")
    assert int(count["n"]) == 5
    with pytest.raises(Refused, match="409: loan_id: another application bears it"):
        asked_of(lender, "POST", "/loans/decide", {**fields, "customer_id": "another"})
    with pytest.raises(Refused, match="400"):
        asked_of(lender, "POST", "/loans/decide", {"customer_id": "c", "loan_id": "l"})


def test_a_day_is_scored_and_decided_apart_from_its_month_and_one_told_twice_once(run, platform):
    (day,) = platform.query(
        "silver",
        "SELECT max(date_format(applied_at, '%Y-%m-%d')) AS day FROM loan_applications WHERE event_month = "
        "(SELECT max(month) FROM " + f"{DATABASES}_predictions.predictions)",
    )
    begun = {"day": day["day"], "as_of": f"{day['day']}T00:00:00Z", "scheduled": "2026-01-01T07:00:00Z"}
    platform.run_machine("score-loans", begun)
    platform.run_machine("score-loans", begun)
    platform.run_machine("score-loans", {**begun, "day": "1999-01-01", "scheduled": "2026-01-02T07:00:00Z"})
    where = f"WHERE day = '{day['day']}'"
    scored = platform.query("predictions", f"SELECT loan_id FROM daily_predictions {where}")
    decided = platform.query("predictions", f"SELECT loan_id, run FROM credit_decisions WHERE period = '{day['day']}'")

    assert {row["run"] for row in decided} == {"d20260101T070000Z"}
    assert {row["loan_id"] for row in decided} == {row["loan_id"] for row in scored}
    # Not the same probabilities: payments that came since are in the day's rows.
    assert {row["loan_id"] for row in scored} <= run.evidence["credit"]["scores"].keys()


def test_the_scored_month_has_not_drifted_and_what_became_of_its_loans_is_told_a_year_later(run, platform):
    """Other runs of its days may have come before: each has reports of its own."""
    (month,) = (p.stem for p in (run.folder / "predictions").glob("*"))
    drift = platform.json(min(platform.keys(f"monitoring/credit/drift/{month}/")))
    assert (drift["rows"], drift["drifted"]) == (run.found["credit"]["scored"], [])
    day = f"{month}-02"
    later = f"{int(month[:4]) + 1}-{month[5:]}-15T00:00:00Z"
    platform.run_machine("score-loans", {"day": day, "as_of": later})
    (key,) = platform.keys(f"monitoring/credit/performance/{day}/")
    found = platform.json(key)

    assert found["matured"] > 100
    (vintage,) = found["performance"]["vintages"].values()
    assert vintage["rows"] == found["matured"]
    assert found["shares"]["period"] == month
    assert found["shares"]["moved"] == [], "the first month has none to be compared with"


def test_a_credit_policy_decides_the_scored_month_and_the_kept_run_gives_the_same_bits_again(
    run, platform, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(lending, "BUILD", tmp_path)
    example, (month,) = ROOT / "policies/credit-example.json", (p.stem for p in (run.folder / "predictions").glob("*"))
    lending.main("decide", ENVIRONMENT, "", str(example), month)
    (folder,) = tmp_path.iterdir()
    decisions = [json.loads(line) for line in (folder / "decisions.jsonl").read_text().splitlines()]
    declined = [one for one in decisions if one["decision"] == "DECLINE"]
    lending.main("letter", ENVIRONMENT, str(folder), "", declined[0]["loan_id"], "")
    lending.main("backtest", ENVIRONMENT, str(folder), "", "")
    (kept,) = platform.keys("policies/credit/rules/")

    scores = run.evidence["credit"]["scores"]
    assert {one["loan_id"]: one["default_prob"] for one in decisions} == scores
    assert all(one["decision"] == "DECLINE" or one["default_prob"] < 0.25 for one in decisions)
    assert all(1 <= len(one["reasons"]) <= 4 for one in declined)
    assert kept == f"policies/credit/rules/{hashlib.sha256((folder / 'policy.json').read_bytes()).hexdigest()}.json"
    said = capsys.readouterr().out
    assert declined[0]["sentences"][0] in said
    assert f"{len(decisions)} loans, " in said


def test_decisions_come_as_a_file_and_through_athena(run, platform):
    (file,) = (run.folder / "decisions").glob("*.json")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert list(rows[0])[:3] == ["transaction_id", "fraud_score", "action"]
    (count,) = platform.query("decisions", "SELECT count(DISTINCT transaction_id) AS n FROM decisions")
    assert int(count["n"]) == len(rows) == run.found["fraud"]["decided"]


def test_rules_have_seen_the_days_earlier_payments_at_a_merchant_and_athena_says_what_they_saw(run, platform):
    place = TRAFFIC_NAMES.index("traffic_payment_count_1d") + 1
    (busiest,) = platform.query(
        "decisions",
        f"SELECT merchant_id, max(element_at(traffic, {place})) AS seen, count(DISTINCT transaction_id) AS paid "
        "FROM decisions GROUP BY merchant_id ORDER BY 3 DESC, 1 LIMIT 1",
    )
    record = platform.client("sagemaker-featurestore-runtime").get_record(
        FeatureGroupName=f"{platform.prefix}-traffic", RecordIdentifierValueAsString=busiest["merchant_id"]
    )["Record"]
    counted = State.load({f["FeatureName"]: f["ValueAsString"] for f in record}["state"], TRAFFIC_LAYOUTS["traffic"])

    assert 0 < int(busiest["seen"]) < int(busiest["paid"])
    assert len(counted.remembered) == len(set(counted.remembered)) == int(busiest["paid"])


def test_broken_rows_are_quarantined_with_their_reason_and_counted(run):
    assert run.found["lake"]["quarantined"] > 0
    assert {"unreadable_amount", "duplicate"} & set(run.evidence["quarantine"])
    lake = run.found["lake"]
    assert lake["raw"] == lake["silver"] + lake["quarantined"]


def test_both_learners_were_trained_by_the_same_pipeline_and_one_was_released(run):
    made = run.evidence["packages"]["fraud"]
    candidates = {c["learner"]: c["validation"]["ap"] for c in made["evaluation"]["candidates"]}
    assert set(candidates) == {"xgboost", "catboost"}
    assert made["evaluation"]["learner"] == max(candidates, key=candidates.__getitem__)
    assert run.evidence["fraud_release"]["model_package_arn"] == made["package"]


def test_every_registered_version_has_a_dossier_and_credit_says_how_groups_are_treated(run, platform):
    for problem, made in run.evidence["packages"].items():
        signed = json.loads(platform.beside_evaluation(made["package"], "dossier.json"))
        told = run.found["dossiers"][problem]
        assert (told["sha256"], told["verdict"]) == (signed["sha256"], signed["verdict"])
        assert signed["learner"] in Path(told["file"]).read_text()
        package = platform.client("sagemaker").describe_model_package(ModelPackageName=made["package"])
        card = json.loads(package["ModelCard"]["ModelCardContent"])
        assert card["additional_information"]["custom_details"]["dossier_sha256"] == signed["sha256"]
        (measured,) = card["evaluation_details"][0]["metric_groups"]
        assert measured["metric_data"][0]["value"] == made["evaluation"]["test"]["auc"]
    treated = json.loads(platform.beside_evaluation(run.evidence["packages"]["credit"]["package"], "fairness.json"))
    assert treated["rows"] > 0
    assert set(treated["columns"]) == {"protected_group"}


def test_the_drift_report_knows_every_feature(run):
    drift = run.evidence["drift"]
    assert drift["rows"] == sum(bool(d["vector"]) and d["fraud_score"] is not None for d in decisions(run))
    assert len(drift["features"]) > 30


def test_published_records_join_payments_as_they_were_known_just_before(run, platform):
    gold, features = f"{DATABASES}_gold", ("customer_payment_count_30d", "customer_payment_amount_30d")
    spine = f"(SELECT transaction_id, customer_id, event_time FROM {gold}.transaction_features)"
    rows = platform.query("feature_store", athena_sql(spine, "customer", "customer_id", "event_time", features))

    known = [row for row in rows if row["features_at"]]
    assert known
    assert all(row["features_at"] < row["event_time"] for row in known)
    assert all(int(row["customer_payment_count_30d"]) >= 1 for row in known), "the payment that made the record"


def test_a_feature_of_an_approved_model_cannot_be_removed(run):
    found = list(uses(f"risk-{ENVIRONMENT}"))

    assert {use.problem for use in found} == {"credit", "fraud"}
    assert not list(unserved(found, DECLARED))
    for changed in ({}, {"customer_payment_count_30d": "another"}):
        other = {p: {n: m for n, m in d.items() if n != "customer_payment_count_30d"} for p, d in DECLARED.items()}
        said = list(unserved(found, {problem: meant | changed for problem, meant in other.items()}))
        assert any("customer_payment_count_30d" in sentence for sentence in said)


def test_a_second_plan_is_empty_and_no_state_holds_an_identifier_of_a_list(run, platform):
    listed = "M-under-investigation"
    operators = Operators.of(platform.client, platform.prefix, platform.lake)
    operators.change(listing("suspects", Listing("merchant_id", frozenset({listed}))))
    assert terraform.main("drift", ENVIRONMENT) == 0

    kept = [path for path in stacks.STATE.rglob("*") if path.is_file() and not path.is_symlink()]
    known = [path.read_bytes() for path in kept if path.suffix in (".json", ".tfstate", ".txt")]
    environment = Environment.read(ENVIRONMENT)
    known += [json.dumps(stacks.state(stack, environment)).encode() for stack in stacks.STACKS]
    assert any(b"risk-local-policies" in content for content in known), "the plans hold what was refreshed"
    assert not any(listed.encode() in content for content in known)
    assert operators.read().lists["suspects"].among == {listed}


def test_what_runs_is_what_was_built_and_another_script_is_found(run, platform):
    environment = Environment.read(ENVIRONMENT)
    assert [finding for finding in verified(platform, environment) if not finding.holds] == []

    with replaced(platform, script_key("glue/jobs/silver_to_gold"), b"raise SystemExit('not as packaged')\n"):
        found = [finding.what for finding in verified(platform, environment) if not finding.holds]
    assert found == ["bytes of glue/jobs/silver_to_gold"]


def test_the_table_of_how_things_stand_has_a_row_for_each_run_and_model(run, platform):
    lines = status.table(platform)
    told = {tuple(line.split()[:2]) for line in lines}
    for row in (("run", "nightly"), ("training", "fraud"), ("released", "fraud"), ("endpoint", "risk-local-fraud")):
        assert row in told, lines


def test_the_api_door_refuses_a_payment_that_breaks_the_contract(run, platform):
    with pytest.raises(StepFailed, match=r"answered 400.*missing amount"):
        platform.ask(
            {"transaction_id": "T1", "event_time": "2025-07-10T10:00:00Z", "customer_id": "C1", "merchant_id": "M1"}
        )


def test_the_api_door_refuses_a_card_number_and_no_log_holds_it(run, platform):
    card = "4111 1111 1111 1111"
    payment = {
        "transaction_id": "T1",
        "event_time": "2025-07-10T10:00:00Z",
        "customer_id": card,
        "merchant_id": "M1",
        "amount": "1.00",
    }
    with pytest.raises(StepFailed, match="looks like a card number") as refused:
        platform.ask(payment)
    assert card not in str(refused.value)
    logs = platform.client("logs")
    for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
        events = logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        assert not any(card in e["message"] for e in events)


def test_a_night_beyond_its_failure_budget_keeps_gold_and_the_corrected_batch_reopens_its_late_day_only(run, platform):
    days = sorted({division(key) for key in platform.keys("gold/transaction_features/")})
    late, after = days[-5], date.fromisoformat(days[-1]) + timedelta(days=5)
    night = {"batch": "spoiled", "as_of": f"{after}T02:00:00Z"}
    good = [f"late-{n},{late}T{n % 24:02}:00:00Z,late-customer,late-merchant,{n}.50" for n in range(50)]
    spoiled = [line.replace(".50", " euro") if n < 10 else line for n, line in enumerate(good)]
    before = stored(platform, "silver/", "gold/")

    with listening(platform, platform.outputs["alarm_topic_arn"]) as told:
        bring(platform, "spoiled", spoiled)
        with pytest.raises(StepFailed, match=r"FAILED.*spoiled does not pass the quality gate"):
            platform.run_machine("nightly", night)
        state = told(f"{platform.prefix}-gate-failed")
    assert state == "ALARM"
    assert stored(platform, "silver/", "gold/") == before
    assert platform.keys("quarantine/transactions/batch=spoiled/")

    bring(platform, "spoiled", good)
    platform.run_machine("nightly", night)
    made, vectors = stored(platform, "gold/transaction_features/"), data_of(platform, late)
    changed = {
        division(key) for key, _ in made.items() ^ before.items() if key.startswith("gold/transaction_features/")
    }
    # The night brings what the doors have met since the one before, too: other tests have asked them.
    gathered = [gzip.decompress(platform.read(key)) for key in platform.keys("raw/door_payments/batch=spoiled/")]
    met = {json.loads(line)["event_time"][:10] for file in gathered for line in file.splitlines()}
    assert changed == {late} | met
    assert not platform.keys("quarantine/transactions/batch=spoiled/")

    run_job(platform, "silver-to-gold", {"--batch": "spoiled"})
    assert data_of(platform, late) == vectors


def test_a_broken_glue_script_fails_the_night_with_its_own_error(run, platform):
    key = script_key("glue/jobs/raw_to_bronze")
    with (
        replaced(platform, key, b"raise LookupError('the script is broken')\n"),
        pytest.raises(StepFailed, match=r"LookupError.*the script is broken"),
    ):
        platform.run_machine("nightly", {"batch": "none", "as_of": "2025-06-02T02:00:00Z"})


def test_a_broken_training_script_fails_the_pipeline_with_its_own_error(run, platform):
    key = script_key("training/code")
    broken = changed_archive(artifact(platform, key), "training/train.py", b"raise LookupError('training is broken')\n")
    with replaced(platform, key, broken), pytest.raises(StepFailed, match="LookupError: training is broken"):
        platform.train("credit", "2025-08-01T00:00:00Z")


def test_both_models_are_released_by_the_machine_and_fraud_through_a_canary(run, platform):
    releases_of = run.found["releases"]
    assert {problem: told["promoted"] for problem, told in releases_of.items()} == {"credit": True, "fraud": True}
    assert releases_of["credit"]["canary"] is None
    canary = releases_of["fraud"]["canary"]
    assert canary["answered"] > 0
    assert (canary["failed"], canary["differing"]) == (0, 0)
    deployment = platform.client("sagemaker").describe_endpoint(EndpointName=platform.outputs["endpoint_name"])
    policy = deployment["LastDeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert (policy["Type"], policy["CanarySize"]) == ("CANARY", {"Type": "INSTANCE_COUNT", "Value": 1})


def test_a_bad_release_is_rolled_back_by_the_alarm_that_rings_and_nobody_else(run, platform):
    bad = run.found["bad_release"]
    assert bad["rolled_back"]
    assert "guard-errors" in bad["why"]
    assert bad["canary"]["failed"] > 0
    assert bad["shadow"]["verdict"] in ("passed", "too few")
    machine = platform.outputs["state_machines"]["drift"].replace(":risk-local-drift", ":risk-local-release")
    failed = platform.client("stepfunctions").list_executions(stateMachineArn=machine, statusFilter="FAILED")
    assert [e["name"].partition("-2")[0] for e in failed["executions"]][-1:] == ["fraud"]


def test_a_drift_rings_and_trains_anew_and_what_is_trained_is_not_released(run, platform):
    drift = run.found["drift"]
    assert (drift["alarm"], drift["retrained"]) == (True, True)
    assert run.evidence["drift"]["drifted"] == [], "the day itself has not drifted"
    released = releases.released(platform.client("dynamodb"), platform.prefix, "fraud")
    assert released["model_name"] == run.evidence["fraud_release"]["model_name"]


def test_a_watcher_aborts_the_release_that_is_under_way_and_does_nothing_else(run, platform):
    watcher, good = Person.taking("watcher", platform), run.evidence["fraud_release"]
    again = registered_again(platform, good["model_package_arn"])
    standing = platform.standing("fraud")
    platform.approve(again, "a copy of what serves")
    coming = f"{platform.prefix}-fraud-v{again.rpartition('/')[2]}"
    eventually(lambda: pending(described(watcher)) == coming)
    abort_release(watcher, Teller(), "a test has seen enough")
    with pytest.raises(StepFailed, match=r"was rolled back: .*guard-abort"):
        platform.await_release("fraud", again, before=standing)
    assert described(watcher)["EndpointConfigName"] == good["endpoint_config"]

    approve = lambda: watcher.approve(again)  # noqa: E731
    assert watcher.is_refused("sagemaker:DescribeModelPackage", approve)
    other = {"AlarmName": f"{platform.prefix}-guard-errors", "StateValue": "OK", "StateReason": "none"}
    alarm = lambda: watcher.client("cloudwatch").set_alarm_state(**other)  # noqa: E731
    assert watcher.is_refused("cloudwatch:SetAlarmState", alarm)


def described(platform: Platform) -> dict:
    return platform.client("sagemaker").describe_endpoint(EndpointName=platform.outputs["endpoint_name"])


def registered_again(platform: Platform, package: str) -> str:
    """Another version of the same archive and evaluation."""
    sagemaker = platform.client("sagemaker")
    about = sagemaker.describe_model_package(ModelPackageName=package)
    kept = ("ModelPackageGroupName", "ModelMetrics")
    specified = ("SupportedContentTypes", "SupportedResponseMIMETypes")
    container = about["InferenceSpecification"]["Containers"][0]
    return sagemaker.create_model_package(
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{name: container[name] for name in ("Image", "ModelDataUrl")}],
            **{name: about["InferenceSpecification"][name] for name in specified},
        },
        **{name: about[name] for name in kept},
    )["ModelPackageArn"]


def test_a_broken_serving_script_fails_the_release_with_its_own_error(run, platform):
    sagemaker = platform.client("sagemaker")
    released = run.evidence["fraud_release"]
    key = released["model_data"].partition(f"s3://{platform.lake}/")[2]
    broken = changed_archive(platform.read(key), "code/serve.py", b"raise LookupError('serving is broken')\n")
    artifacts = platform.outputs["artifacts_bucket"]  # beside the bootstrap model: the endpoint's role reads that
    platform.client("s3").put_object(Bucket=artifacts, Key="models/broken/model.tar.gz", Body=broken)
    model = sagemaker.describe_model(ModelName=released["model_name"])
    package_of = sagemaker.describe_model_package(ModelPackageName=released["model_package_arn"])
    image = package_of["InferenceSpecification"]["Containers"][0]["Image"]
    sagemaker.create_model(
        ModelName="broken",
        ExecutionRoleArn=model["ExecutionRoleArn"],
        PrimaryContainer={"Image": image, "ModelDataUrl": f"s3://{artifacts}/models/broken/model.tar.gz"},
    )
    variant = {
        "VariantName": "champion",
        "ModelName": "broken",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.c5.large",
    }
    sagemaker.create_endpoint_config(EndpointConfigName="broken", ProductionVariants=[variant])
    sagemaker.update_endpoint(EndpointName=platform.outputs["endpoint_name"], EndpointConfigName="broken")
    with pytest.raises(StepFailed, match="LookupError: serving is broken"):
        platform.await_endpoint("broken")

    def is_scored() -> bool:
        payment = {
            "transaction_id": f"T-after-{time.time_ns()}",
            "event_time": "2025-07-10T10:00:00Z",
            "customer_id": "C1",
            "merchant_id": "M1",
            "amount": "1.00",
        }
        return platform.ask(payment)[0]["degrade_step"] == "none"

    eventually(is_scored, "the old model still serves")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("transactions.csv", "transaction_id,event_time,customer_id,amount\n", "column merchant_id is missing"),
        ("transactions.parquet", "this is no Parquet", "transactions.parquet: cannot be read as parquet: "),
        ("payments.csv", "a,b\n1,2\n", "expected transactions or loan_applications"),
    ],
)
def test_unusable_data_stops_the_demo_before_anything_is_built(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--data", str(tmp_path), "--out", str(tmp_path / "out")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ".:lambda"},  # as make has it
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out").glob("*"))


def test_a_producer_puts_payments_on_the_stream_and_asks_the_api_and_nothing_else(run, platform):
    producer, payment = Person.taking("producer", platform), a_payment("T-of-a-producer")
    assert producer.stream([payment], 100, lambda sent: None) == 1
    assert producer.ask(a_payment("T-asked-by-a-producer"))[0]["action"]

    elsewhere = {"StreamName": f"{platform.prefix}-merchants", "Data": b"{}", "PartitionKey": "M1"}
    assert producer.is_refused("kinesis:PutRecord", lambda: producer.client("kinesis").put_record(**elsewhere))


def test_two_reviewers_get_two_cases_decide_them_and_payers_and_the_lake_hear_of_it(run, platform):
    ada, ben = (Person.taking("reviewer", platform, name) for name in ("ada", "ben"))
    payer = Person.taking("producer", platform)
    payments = [f"T-case-{number}-{time.time_ns()}" for number in range(4)]
    for number, payment in enumerate(payments):  # the first two are one customer's
        to_review(platform, payment, f"C-case-{max(1, number)}-{payments[0]}", "BLOCK")

    polled = {payment: eventually(lambda payment=payment: polling(payer, payment)) for payment in payments}
    assert {answer["answer"] for answer in polled.values()} == {"pending"}
    assert polled[payments[0]]["case"] == polled[payments[1]]["case"]
    with ThreadPoolExecutor(2) as at_once:
        hers, his = at_once.map(lambda person: asked_of(person, "POST", "/cases/next", {}), (ada, ben))
    assert hers["case"] != his["case"], "two reviewers hold two cases"
    assert hers["holder"].endswith("/ada")
    assert his["holder"].endswith("/ben")
    with pytest.raises(Refused, match=r"409: it is held by .*/ada until"):
        asked_of(ben, "POST", f"/cases/{hers['case']}/claim", {})

    verdict = {"decision": "fraud", "why": "nobody knows of it", "seen": hers["payments"]}
    first = asked_of(ada, "POST", f"/cases/{hers['case']}/decide", verdict)
    assert asked_of(ada, "POST", f"/cases/{hers['case']}/decide", verdict) == first
    assert asked_of(ada, "GET", f"/cases/{hers['case']}") == first
    written = platform.keys(f"raw/fraud_labels/batch={first['decided_at'][:10]}/case-{hers['case']}-")
    (lines,) = [platform.read(key).decode().splitlines() for key in written]
    labelled = [f"{p['transaction_id']},1,{first['decided_at']}" for p in first["payments_told"]]
    assert sorted(lines[1:]) == sorted(labelled), "as the labels door writes them, each once"
    decided = first["payments_told"][0]["transaction_id"]
    assert asked_of(payer, "GET", f"/decisions?transaction_id={decided}")["answer"] == "declined"


def test_leads_do_what_reviewers_may_not_and_auditors_only_read(run, platform):
    ada, lea = Person.taking("reviewer", platform, "ada"), Person.taking("review-lead", platform, "lea")
    auditor = Person.taking("review-auditor", platform)
    payment = f"T-escalated-{time.time_ns()}"
    to_review(platform, payment, f"C-{payment}")
    case = eventually(lambda: polling(Person.taking("producer", platform), payment))["case"]
    path = f"/cases/{case}"
    asked_of(ada, "POST", f"{path}/claim", {})
    asked_of(ada, "POST", f"{path}/comment", {"text": "called, no answer"})
    assert asked_of(ada, "POST", f"{path}/escalate", {"why": "a colleague"})["state"] == "ESCALATED"
    given = asked_of(
        lea, "POST", f"{path}/reassign", {"to": asked_of(lea, "GET", path)["history"][1]["by"], "why": "try"}
    )
    assert given["holder"].endswith("/ada")
    assert asked_of(ada, "POST", f"{path}/release", {})["state"] == "ESCALATED"
    (held,) = [asked_of(lea, "POST", "/cases/next-escalated", {})]
    assert held["case"] == case
    asked_of(lea, "POST", f"{path}/decide", {"decision": "fraud", "why": "certain", "seen": 1})
    assert asked_of(lea, "POST", f"{path}/reopen", {"why": "not so certain"})["round"] == 2
    asked_of(lea, "POST", f"{path}/decide", {"decision": "honest", "why": "the customer called", "seen": 1})
    did = [line["did"].split(" ")[0] for line in asked_of(auditor, "GET", path)["history"]]
    assert did == DONE
    assert asked_of(auditor, "GET", f"/cases?customer_id=C-{payment}")["cases"][0]["decision"] == "honest"

    why = {"why": "mine"}
    denied = [
        (auditor, "POST", "/cases/next", {}),
        *((auditor, "POST", f"{path}/{right}", why) for right in ("claim", "comment", "decide", "escalate", "reopen")),
        (ada, "POST", "/cases/next-escalated", {}),
        (ada, "POST", f"{path}/reassign", {"to": "me", **why}),
        (ada, "POST", f"{path}/reopen", why),
        (ada, "GET", f"/decisions?transaction_id={payment}", None),
        (Person.taking("producer", platform), "GET", path, None),
        (Person.taking("analyst", platform), "GET", "/cases", None),
    ]
    for person, *asked in denied:
        assert person.is_refused("execute-api:Invoke", lambda p=person, a=asked: asked_of(p, *a)), (person.role, asked)
    assert told_label(ada, {"transaction_id": payment, "is_fraud": 0, "reported_at": "2025-07-10T10:00:00Z"})
    assert ada.is_refused("execute-api:Invoke", lambda: ada.ask(a_payment("T-of-a-reviewer")))


def test_the_client_asks_for_a_decision_keeps_a_list_and_works_on_a_case(run, platform):
    clients = {
        role: client_of(platform, Iam(Person.taking(role, platform, "eve").session.get_credentials()))
        for role in ("producer", "reviewer", "operator")
    }
    payment = f"T-client-{time.time_ns()}"
    asked: Any = a_payment(payment, customer_id=f"C-{payment}")
    decided = clients["producer"].decide(asked, further={"loyalty": "gold"})
    assert clients["producer"].decide(asked, further={"loyalty": "gold"}) == decided
    with pytest.raises(Conflict, match="expected something in another state"):
        clients["producer"].decide(asked | {"amount": "99.00"})
    with pytest.raises(InvalidRequest, match="missing customer_id"):
        clients["producer"].decide(asked | {"customer_id": ""})

    put = clients["operator"].change_list({"list": "raided", "values": [f"M-{payment}"], "why": "a raid"})
    assert put["put"] == 1
    assert (
        clients["operator"].change_list(
            {"list": "raided", "values": [f"M-{payment}"], "why": "over", "take_off": True}
        )["taken_off"]
        == 1
    )

    to_review(platform, payment, decided["customer_id"], "BLOCK")
    case = eventually(lambda: answered(clients["producer"], payment))["case"]
    reviewer = clients["reviewer"]
    assert case in {each["case"] for each in reviewer.cases(customer_id=decided["customer_id"])["cases"]}
    assert reviewer.claim(case)["holder"].endswith("/eve")
    assert reviewer.comment(case, text="called, no answer")["state"] == "CLAIMED"
    seen = len(reviewer.case(case)["payments_told"])
    closed: Any = reviewer.decide_case(case, {"decision": "fraud", "why": "nobody knows of it", "seen": seen})
    assert closed["decision"] == "fraud"
    assert clients["producer"].answer(transaction_id=payment)["answer"] == "declined"
    with pytest.raises(NotAllowed, match="expected a signature or a token that may use the route; came: 403"):
        reviewer.reopen(case, why="not so certain")


def test_the_api_serves_its_document_byte_for_byte_and_nothing_without_its_version(run, platform):
    producer = Person.taking("producer", platform)
    served = [got(producer, path) for path in ("/openapi.json", "/../openapi.json", "/../decisions")]
    assert served[0].content == (ROOT / "docs" / "openapi.json").read_bytes()
    assert served[0].headers["content-type"] == "application/json"
    assert [answer.status_code for answer in served] == [200, 404, 404]


def test_what_a_stopped_door_has_left_of_a_decision_is_finished_by_the_watch_and_before_it_is_reopened(run, platform):
    lea, payment = Person.taking("review-lead", platform, "lea"), f"T-stopped-{time.time_ns()}"
    Person.taking("producer", platform).ask(
        a_payment(payment, customer_id=f"C-{payment}")
    )  # so rules hear of the fraud
    to_review(platform, payment, f"C-{payment}")
    case = eventually(lambda: polling(Person.taking("producer", platform), payment))["case"]
    asked_of(lea, "POST", f"/cases/{case}/claim", {})
    verdict = {"decision": "fraud", "why": "certain", "seen": 1}
    today = asked_of(lea, "POST", f"/cases/{case}/decide", verdict)["decided_at"][:10]

    for finish in (
        lambda: platform.client("lambda").invoke(FunctionName=f"{platform.prefix}-intake", Payload=b"{}"),
        lambda: asked_of(lea, "POST", f"/cases/{case}/reopen", {"why": "not so certain"}),
    ):
        left_owed(platform, case)
        finish()
        (written,) = [key for key in platform.keys("raw/fraud_labels/") if f"/case-{case}-" in key]
        assert written >= f"raw/fraud_labels/batch={today}/", "the night has taken in what was written yesterday"
        assert platform.read(written).decode().splitlines()[1].startswith(f"{payment},1,")
    assert asked_of(lea, "GET", f"/cases/{case}")["state"] == "CLAIMED"


def test_cases_are_measured_and_what_is_no_payment_opens_none(run, platform):
    topic = f"arn:aws:sns:eu-west-1:000000000000:{platform.prefix}-reviews"
    platform.client("sns").publish(TopicArn=topic, Message="no payment")
    assert eventually(lambda: [e for e in said_by(platform, "intake") if "no payment to review" in e])
    looked = platform.client("lambda").invoke(FunctionName=f"{platform.prefix}-intake", Payload=b'{"look_at": "cases"}')
    measures = json.loads(looked["Payload"].read())
    assert measures["unfinished"] == 0
    assert measures["open"] + measures["held"] + measures["escalated"] > 0


def test_an_uploader_brings_raw_files_and_can_neither_read_them_nor_write_elsewhere(run, platform, tmp_path):
    uploader, file, key = (
        Person.taking("uploader", platform),
        tmp_path / "notes.txt",
        "raw/notes/batch=people/notes.txt",
    )
    file.write_text("brought")
    uploader.upload(file, key)
    assert platform.read(key) == b"brought"

    assert uploader.is_refused("s3:GetObject", lambda: uploader.read(key))
    gold = {"Bucket": platform.lake, "Key": "gold/x", "Body": b""}
    assert uploader.is_refused("s3:PutObject", lambda: uploader.client("s3").put_object(**gold))


def test_an_analyst_asks_views_and_is_shown_no_payment_as_it_came(run, platform):
    analyst = Person.taking("analyst", platform)
    assert analyst.query("analytics", "SELECT * FROM decisions_by_action")
    assert analyst.query("analytics", "SELECT * FROM portfolio_by_vintage")

    (raw, *_) = platform.keys("raw/transactions/")
    assert analyst.is_refused("s3:GetObject", lambda: analyst.read(raw))
    assert analyst.is_refused("glue:GetDatabase", lambda: analyst.query("bronze", "SELECT * FROM transactions"))
    assert analyst.is_refused("execute-api:Invoke", lambda: analyst.ask(a_payment("T-of-an-analyst")))


def test_the_consoles_pages_ask_for_what_its_own_role_may_read_and_for_all_of_it(run, platform):
    asked = console_reading.pages(platform)
    assert {name for name, *_ in asked} == {path.stem for path in SCREENS.glob("[a-z]*.py")} - {"cases"}
    with console_reading.reading(platform) as role:
        assert [said for page in asked if (said := console_reading.told(page))] == []
        needless = console_reading.unused(platform, role, lifecycle.permissions(os.environ["AWS_ENDPOINT_URL"]))
    assert needless <= console_reading.OF_CODES_MODELS


def test_a_page_that_asks_for_more_than_the_consoles_role_may_read_says_so(run, platform):
    (loan,) = [page for page in console_reading.pages(platform) if page[0] == "credit"]
    with console_reading.reading(platform, without="SeeScorings") as role:
        REFUSED.add((role, "sagemaker:DescribeTransformJob"))
        assert "is not authorized to perform: sagemaker:DescribeTransformJob" in console_reading.told(loan)


def test_an_approver_has_a_say_on_models_and_trains_none(run, platform, monkeypatch):
    approver, fraud = Person.taking("approver", platform), f"{platform.prefix}-fraud"
    sagemaker = approver.client("sagemaker")
    (newest, *_) = sagemaker.list_model_packages(ModelPackageGroupName=fraud)["ModelPackageSummaryList"]
    arn = newest["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"read_by": "an approver"})
    assert sagemaker.describe_model_package(ModelPackageName=arn)["CustomerMetadataProperties"]

    with monkeypatch.context() as asked:
        asked.setattr(stacks.boto3, "client", approver.client)
        assert stacks.outputs(ENVIRONMENT) == platform.outputs
    first = run.evidence["packages"]["fraud"]["package"]
    assert approver.evaluation(first) == platform.evaluation(first)
    assert approver.beside_evaluation(first, "dossier.html") == platform.beside_evaluation(first, "dossier.html")
    released = releases.released(approver.client("dynamodb"), platform.prefix, "fraud")
    assert approver.await_release("fraud", released["model_package_arn"]) == released

    train = lambda: sagemaker.start_pipeline_execution(PipelineName=fraud)  # noqa: E731
    assert approver.is_refused("sagemaker:StartPipelineExecution", train)
    (raw, *_) = platform.keys("raw/transactions/")
    assert approver.is_refused("s3:GetObject", lambda: approver.read(raw))


def test_an_operator_runs_and_repairs_the_platform_and_lets_no_model_serve(run, platform, monkeypatch, capsys):
    operator = Person.taking("operator", platform)
    with monkeypatch.context() as asked:
        asked.setattr(stacks.boto3, "client", operator.client)
        assert stacks.outputs(ENVIRONMENT) == platform.outputs
        states = [stacks.state(stack, Environment.read(ENVIRONMENT)) for stack in ("data", "platform")]
    cost = status.cost(states, tabled())
    assert "about $" in cost[2]
    assert status.table(operator, [cost]) == status.table(platform, [cost])
    errors(operator, Teller(), "stream")
    assert runs(operator, "fraud") == runs(platform, "fraud")
    assert operator.keys("monitoring/drift/") == platform.keys("monitoring/drift/")
    package = run.evidence["packages"]["fraud"]["package"]
    assert operator.evaluation(package) == platform.evaluation(package)

    states, sagemaker = operator.client("stepfunctions"), operator.client("sagemaker")
    night = states.start_execution(stateMachineArn=platform.outputs["state_machines"]["nightly"], input="{}")
    states.get_execution_history(executionArn=night["executionArn"])
    states.stop_execution(executionArn=night["executionArn"])
    training = sagemaker.start_pipeline_execution(
        PipelineName=f"{platform.prefix}-fraud",
        PipelineParameters=[{"Name": "AsOf", "Value": "2025-08-01T00:00:00Z"}],
    )["PipelineExecutionArn"]
    sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=training)
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=training, ClientRequestToken="t" * 32)
    stopped, *_, trained = runs(operator, "fraud")
    assert stopped.evaluation is None
    assert trained.evaluation == run.evidence["packages"]["fraud"]["evaluation"]
    assert trained.parameters.keys() >= {"AsOf", "Costs", "MinimumAuc"}

    assert releases.live(operator.client("dynamodb"), platform.prefix)["model_name"]
    operators = Operators.of(operator.client, platform.prefix, platform.lake)
    live = rule(operators, json.loads((ROOT / "policies" / "example.json").read_text()))
    entries, reason = operators.entries, Change("the operator", "a test", int(time.time()) + 600)
    assert entries is not None
    entries.declare("mules", "customer_id", "block", reason)
    entries.put("mules", ["C-mule"], reason)
    assert any(line.startswith("on list mules") for line in told_of_lists(entries.about("customer_id", "C-mule")))
    entries.take_off("mules", ["C-mule"], replace(reason, until=None))
    asked_for = {"list": "mules", "values": ["C-mule"], "why": "a test"}
    put = told_label(operator, asked_for, "/lists", 200)
    assert put["by"].endswith(f"assumed-role/{platform.prefix}-operator/test")
    assert told_label(operator, {**asked_for, "take_off": True}, "/lists", 200)["taken_off"] == 1
    entries.snooze("very_large_amount", "customer_id", "C-mule", reason)
    changed = operators.change(listing("an_attack", Listing("merchant_id", frozenset({"M000001"}))))
    assert changed.stored.body["version"] == live["version"]
    assert {"merchant_under_investigation", "an_attack"} <= set(operators.read().lists)
    table = releases.releases_table(platform.prefix)
    releasing = lambda: write(operator.client("dynamodb"), table, "fraud", {}, Stored({}, 0))  # noqa: E731
    assert operator.is_refused("dynamodb:PutItem", releasing)

    given_up(platform, b"no payment", json.dumps(a_payment("T-given-up")).encode())
    assert replay(operator, platform.prefix, platform.lake) == 0
    told = capsys.readouterr().out
    assert "1 payments replayed, 1 poison records set aside" in told

    approve = lambda: operator.approve(package)  # noqa: E731
    assert operator.is_refused("sagemaker:UpdateModelPackage", approve)
    (raw, *_) = platform.keys("raw/transactions/")
    assert operator.is_refused("s3:GetObject", lambda: operator.read(raw))


def test_the_page_of_roles_is_what_was_deployed(run, platform):
    assert roles.page(platform.client("iam"), platform.prefix) == roles.PAGE.read_text(), "make roles ENV=local"


def test_a_list_that_operators_filled_speaks_at_both_doors(run):
    api, stream = run.evidence["listed"]
    assert [(d["action"], d["door"], "listed_shop" in d["reasons"]) for d in (api, stream)] == [
        ("BLOCK", "api", True),
        ("BLOCK", "stream", True),
    ]
    for decision in (api, stream):
        assert decision["listed"] == ["list/raided/merchant_id"]
        assert "raided_shop" in decision["reasons"]
        assert decision["without_effect"] == ["shadow tried"]
    thresholds, _, rules = stream["policy_version"].partition("+")
    assert thresholds.startswith("1@")
    assert rules.startswith("shops-1@")
    assert api["policy_version"] == stream["policy_version"]


def test_a_candidate_of_credit_that_ranks_loans_the_other_way_round_is_refused_before_it_serves(run, platform):
    good = run.evidence["credit_release"]
    standing = platform.standing("credit")
    turned = planted_credit.registered(platform, good["model_package_arn"], "turned-around", turned=True)
    platform.approve(turned)
    with pytest.raises(StepFailed, match=r"ShadowDiffers.*rank correlation of the scores -?0?\.?\d"):
        platform.await_release("credit", turned, before=standing)
    assert platform.released("credit") == standing[0], "nothing that serves has changed"
    report = platform.json(f"monitoring/shadow/credit/{turned.rpartition('/')[2]}/shadow.json")
    assert report["rows"] >= 200
    assert report["rank_correlation"] < 0


def test_a_copy_of_the_credit_model_passes_its_shadow_and_its_endpoint_answers_what_the_shadow_has_computed(
    run, platform
):
    standing = platform.standing("credit")
    copy = planted_credit.registered(platform, run.evidence["credit_release"]["model_package_arn"], "the-copy")
    platform.approve(copy)
    released = platform.await_release("credit", copy, before=standing)
    told = released["shadow"]
    assert (told["verdict"], told["approved"], told["declined"], told["score_psi"]) == ("passed", 0, 0, 0)
    assert told["rank_correlation"] == pytest.approx(1)
    assert released["probed"] == {"probes": 40, "answered": 40, "failed": 0, "differing": 0}


def test_a_build_of_the_credit_model_that_cannot_answer_is_undone_by_itself_and_no_batch_has_heard_of_it(run, platform):
    standing = platform.standing("credit")
    good = standing[0]
    silent = planted_credit.registered(
        platform, run.evidence["credit_release"]["model_package_arn"], "silent", silent=True
    )
    platform.approve(silent)
    with pytest.raises(StepFailed, match=r"was rolled back: .*of 40 probes it answered 0, 40 failed"):
        platform.await_release("credit", silent, before=standing)
    eventually(
        lambda: platform.last_run("credit") != standing[1] and not is_under_way(platform, "credit"), "the run to end"
    )
    endpoint = platform.client("sagemaker").describe_endpoint(EndpointName=good["endpoint_config"].rpartition("-v")[0])
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", good["endpoint_config"])
    released = platform.released("credit")
    assert released.pop("undone")["shadow"]["verdict"] == "passed"
    assert released == {name: told for name, told in good.items() if name != "undone"}


def is_under_way(platform: Platform, problem: str) -> bool:
    last = platform.last_run(problem)
    assert last is not None
    return platform.client("stepfunctions").describe_execution(executionArn=last)["status"] == "RUNNING"


def list_a_shop(platform: Platform) -> None:
    operators = Operators.of(platform.client, platform.prefix, platform.lake)
    operators.change(listing("shops", Listing("merchant_id", frozenset({LISTED}))))
    why = Change("the test", "a raid")
    assert operators.entries is not None
    operators.entries.declare("raided", "merchant_id", "watch", why)
    named = {"name": "listed_shop", "field": "merchant_id", "list": "shops", "action": "BLOCK"}
    raided = {"name": "raided_shop", "action": "REVIEW", "when": {"all": [{"field": "merchant_id", "list": "raided"}]}}
    tried = {**raided, "name": "tried", "shadow": True}
    rules = [named, raided, tried]
    document = {"version": "shops-1", "review_at": 0, "block_at": 1, "rules": rules, "snooze_by": ["customer_id"]}
    rule(operators, document)
    operators.entries.put("raided", [LISTED], why)


def pay_at_the_listed_shop(platform: Platform) -> list[dict]:
    """The decisions of both doors."""
    paid = [a_payment(f"T-listed-{door}", customer_id="C-listed", merchant_id=LISTED) for door in ("api", "stream")]
    platform.ask(paid[0])
    platform.stream(paid[1:], float("inf"), lambda sent: None)

    def decided() -> list[dict]:
        named = {d["transaction_id"]: d for d in platform.decisions("2025-07-10")}
        found = [named[p["transaction_id"]] for p in paid if p["transaction_id"] in named]
        return found if len(found) == len(paid) else []

    return eventually(decided, "both doors to decide")


def a_payment(identifier: str, **other: str) -> dict[str, str]:
    return {
        "transaction_id": identifier,
        "event_time": "2025-07-10T10:00:00Z",
        "customer_id": "C1",
        "merchant_id": "M1",
        "amount": "1.00",
        **other,
    }


def to_review(platform: Platform, payment: str, customer: str, judged_again: str | None = None) -> None:
    """Tells as the stream door does; what was let through is the severest, and so the next to be taken."""
    action = "APPROVE" if judged_again else "REVIEW"
    told = {"transaction_id": payment, "customer_id": customer, "action": action, "judged_again": judged_again}
    topic = f"arn:aws:sns:eu-west-1:000000000000:{platform.prefix}-reviews"
    platform.client("sns").publish(TopicArn=topic, Message=json.dumps(told))


def polling(payer: Platform, payment: str) -> dict | None:
    """The answer that a payer waits for; none while there is no case of the payment yet."""
    try:
        return asked_of(payer, "GET", f"/decisions?transaction_id={payment}")
    except Refused as refused:
        if "404" in str(refused):
            return None
        raise


def answered(payer: Api, payment: str) -> dict | None:
    with suppress(NotFound):
        return payer.answer(transaction_id=payment)
    return None


def got(person: Platform, path: str) -> httpx.Response:
    """The API's answer, whatever it is, to a path below its base; `/..` leaves the version out."""
    url, headers = person.api
    base = url.removesuffix("/decisions")
    url = base.removesuffix("/v1") + path.removeprefix("/..") if path.startswith("/..") else base + path
    request = AWSRequest("GET", url, headers=headers)
    person.signer.add_auth(request)
    return person.http.get(url, headers=dict(request.headers))


def left_owed(platform: Platform, case: str) -> None:
    """Makes a decided case what it is when the door was stopped right after the decision, a day ago."""
    dynamodb, s3, table = platform.client("dynamodb"), platform.client("s3"), f"{platform.prefix}-cases"
    of = {"S": f"case#{case}"}
    key = {"of": of, "what": {"S": "case"}}
    item = dynamodb.get_item(TableName=table, Key=key)["Item"]
    yesterday = str(int(item["decided_at"]["N"]) - 86_400_000)
    dynamodb.put_item(TableName=table, Item={**item, "decided_at": {"N": yesterday}})
    owed = {"what": {"S": "owed"}, "queue": {"S": "OWED"}, "rank": {"S": "2025"}, "round": item["round"]}
    for written in platform.keys("raw/fraud_labels/"):
        if f"/case-{case}-" in written:
            s3.delete_object(Bucket=platform.lake, Key=written)
    dynamodb.put_item(TableName=table, Item={"of": of, **owed})


def said_by(platform: Platform, function: str, since: datetime | None = None) -> list[str]:
    events = platform.client("logs").get_paginator("filter_log_events")
    group = f"/aws/lambda/{platform.prefix}-{function}"
    pages = events.paginate(logGroupName=group, startTime=int(since.timestamp() * 1000) if since else 0)
    return [event["message"] for page in pages for event in page["events"]]


def holding(platform: Platform, word: str) -> list[str]:
    """Keys of all versions of all objects that hold a word, in bytes or in what Parquet decodes to."""
    s3 = platform.client("s3")

    def holds(version: dict) -> bool:
        body = s3.get_object(Bucket=platform.lake, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
        if body[:4] == b"PAR1":
            body = repr(pq.read_table(io.BytesIO(body)).to_pylist()).encode()
        return re.search(rf"\b{word}\b".encode(), body) is not None

    pages = s3.get_paginator("list_object_versions").paginate(Bucket=platform.lake)
    versions = [version for page in pages for version in page.get("Versions", ())]
    with ThreadPoolExecutor(8) as pool:
        return [v["Key"] for v, held in zip(versions, pool.map(holds, versions), strict=True) if held]


def division(key: str) -> str:
    """`.../event_date=2025-07-30/part.parquet` -> `2025-07-30`."""
    return key.split("/")[-2].partition("=")[2]


def bring(platform: Platform, batch: str, lines: list[str]) -> None:
    body = "\n".join(["transaction_id,event_time,customer_id,merchant_id,amount", *lines]).encode()
    key = f"raw/transactions/batch={batch}/transactions.csv"
    platform.client("s3").put_object(Bucket=platform.lake, Key=key, Body=body)


def decisions(run: Run) -> list[dict]:
    """The last decision of each payment of the streamed day."""
    (file,) = (run.folder / "decisions").glob("*.json")
    return [json.loads(line) for line in file.read_text().splitlines()]


def is_comparable(decision: dict) -> bool:
    """Made on the features that the lake computes for this payment."""
    return bool(decision["vector"]) and decision["degrade_step"] == "none" and not decision.get("overtaken")


def data_of(platform: Platform, day: str) -> list[bytes]:
    """The pages of the day's vectors. What follows them in a file of Parquet lists a column's encodings as the writing
    process hashes them, each in another order."""
    files = [platform.read(key) for key in platform.keys(f"gold/transaction_features/event_date={day}/")]
    return sorted(body[: -8 - int.from_bytes(body[-8:-4], "little")] for body in files if body)


def stored(platform: Platform, *prefixes: str) -> dict[str, str]:
    """Objects of the lake and what they hold, as S3 tags it."""
    pages = platform.client("s3").get_paginator("list_objects_v2")
    found = (page for prefix in prefixes for page in pages.paginate(Bucket=platform.lake, Prefix=prefix))
    return {o["Key"]: o["ETag"] for page in found for o in page.get("Contents", ())}


def one_value_changed(platform: Platform, day: str) -> tuple[str, str, bytes]:
    """An object of the day's log with one value of one comparable vector changed: key, payment, content."""
    for key in platform.keys(f"decisions/decision_date={day}/"):
        decisions = [json.loads(line) for line in platform.read(key).splitlines()]
        for decision in decisions:
            if is_comparable(decision):
                decision["vector"][0] += 0.01
                content = "".join(json.dumps(d) + "\n" for d in decisions).encode()
                return key, decision["transaction_id"], content
    raise AssertionError(f"no decision of {day} was made on fresh features")


def run_job(platform: Platform, name: str, arguments: dict[str, str]) -> None:
    glue, job = platform.client("glue"), f"{platform.prefix}-{name}"
    started = glue.start_job_run(JobName=job, Arguments=arguments)["JobRunId"]
    ended = wait(
        lambda: glue.get_job_run(JobName=job, RunId=started)["JobRun"],
        lambda found: found["JobRunState"] in ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT"),
        hours=PATIENCE_S / 3600,
    )
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")


@contextmanager
def listening(platform: Platform, topic: str):
    """A queue that hears what the topic says. What is given waits for an alarm's message and returns its new state."""
    sns, sqs = platform.client("sns"), platform.client("sqs")
    queue = sqs.create_queue(QueueName=f"{platform.prefix}-listening", Attributes=TOLD_BY_SERVICES)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)

    def told(alarm: str) -> str:
        def state() -> str | None:
            answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10, MaxNumberOfMessages=10)
            said = [json.loads(json.loads(message["Body"])["Message"]) for message in answer.get("Messages", [])]
            return next((s["NewStateValue"] for s in said if s["AlarmName"] == alarm), None)  # others may be heard

        return eventually(state, alarm)

    try:
        yield told
    finally:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=queue)


def script_key(name: str) -> str:
    return json.loads((package.BUILD / "platform.tfvars.json").read_text())["artifacts"][name]["key"]


def artifact(platform: Platform, key: str) -> bytes:
    bucket = platform.outputs["artifacts_bucket"]
    return platform.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()


class replaced:
    """Another content under an artifact's key, for as long as the block runs."""

    def __init__(self, platform: Platform, key: str, content: bytes) -> None:
        self.platform, self.key, self.content = platform, key, content
        self.original = artifact(platform, key)

    def __enter__(self) -> None:
        self.put(self.content)

    def __exit__(self, *_) -> None:
        self.put(self.original)

    def put(self, content: bytes) -> None:
        bucket = self.platform.outputs["artifacts_bucket"]
        self.platform.client("s3").put_object(Bucket=bucket, Key=self.key, Body=content)


def changed_archive(archive: bytes, path: str, content: bytes) -> bytes:
    """The archive with one file's content replaced."""
    target = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as old, tarfile.open(fileobj=target, mode="w:gz") as new:
        for member in old.getmembers():
            if not member.isfile():
                continue
            body = content if member.name.lstrip("./") == path else old.extractfile(member).read()
            member.size = len(body)
            new.addfile(member, io.BytesIO(body))
    return target.getvalue()
