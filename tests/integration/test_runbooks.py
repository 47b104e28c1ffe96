"""Each runbook does what it says: its commands, taken out of its page, put right what this test has broken.

The platform is built by the first of them: a new one in another region. The others work on it, in the order in which
a day could bring them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import boto3
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import local
from datasets import generated
from datasets.population import Settings
from features.values import iso
from tests.integration.dead_letters import given_up
from tests.integration.permissions import require_none_denied
from tests.waiting import eventually
from tools.operate.experiments import runs
from tools.operate.platform import Platform, StepFailed
from tools.operators import Operators
from tools.releases import live
from tools.runbooks import of_alarms, runbooks
from tools.terraform import stacks

ROOT = Path(__file__).resolve().parents[2]
AWAY = "eu-central-1"
BOOKS = {book.name: book for book in runbooks()}
TODAY = datetime.now(UTC).date()  # what the doors decide lies under the day of the payment
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
DAYS = 60


@dataclass
class Desk:
    """Where an engineer sits: a shell, whose environment points to the platform, and the platform itself."""

    environment: dict[str, str]
    folder: Path

    def platform(self) -> Platform:
        return Platform(stacks.outputs("local"))

    def follow(self, book: str, **filled_in: str) -> str:
        """Runs a runbook from top to bottom. What a block wants filled in, and is not given, is the test's mistake."""
        return "".join(self.run(book, place, **filled_in) for place in range(len(self.blocks(book))))

    def blocks(self, book: str) -> list:
        return [block for block in BOOKS[book].blocks if not block.on_aws_only]

    def run(self, book: str, place: int, **filled_in: str) -> str:
        """What a block of a runbook prints. It must end well."""
        block = self.blocks(book)[place]
        wanted = set(block.names) - {"ENV", "AWS_REGION"}
        assert wanted <= filled_in.keys(), f"{book}: fill in {wanted - filled_in.keys()}"
        return self._printed(
            ["bash", "-euo", "pipefail", "-c", block.commands], filled_in, f"{book}:\n{block.commands}"
        )

    def made(self, target: str, **given: str) -> str:
        """What a target of the Makefile prints. It must end well."""
        asked = ["make", target, *(f"{name}={value}" for name, value in given.items())]
        return self._printed(asked, {}, " ".join(asked))

    def _printed(self, command: list[str], further: dict[str, str], named: str) -> str:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment | further,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{named}\n{done.stdout[-6000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[Desk]:
    """A shell with an AWS of another region, in which nothing is."""
    folder = tmp_path_factory.mktemp("desk")
    before, state = dict(os.environ), stacks.STATE
    with local.running(folder / "aws", region=AWAY) as aws:
        ours = aws.environment() | {"ENV": "local", "BUILD_DIR": str(folder)}
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            ours.pop(name, None)
        # Some of 8,000 payments are frauds, too few for every dossier to pass: versions are approved with a reason.
        ours["REASON"] = "a test has few payments"
        os.environ.clear()
        os.environ.update(ours)
        stacks.STATE = folder / "terraform"
        try:
            yield Desk(ours, folder)
            require_none_denied()
        finally:
            stacks.STATE = state
            os.environ.clear()
            os.environ.update(before)


@pytest.fixture(scope="module")
def built(desk: Desk) -> Desk:
    """What is left when a region is lost: code, and what the bank delivers again."""
    data = delivered(desk.folder / "raw")
    *first, last, over = range(len(desk.blocks("region-lost")))
    for place in first:
        desk.run("region-lost", place, DATA=str(data))
    desk.run("region-lost", last, PACKAGE=newest(desk.platform()))
    said = desk.run("region-lost", over)
    assert ", 0 differ" in said
    assert "fraud version 1" in said
    return desk


@pytest.fixture(scope="module")
def paid(built: Desk) -> list[dict]:
    """Payments of today, of customers whom the lake knows, decided by the stream door."""
    (file,) = (built.folder / "raw").glob("transactions.parquet")
    known = sorted(set(pq.read_table(file, columns=["customer_id"])["customer_id"].to_pylist()))[:40]
    now = int(time.time() * 1000) // 1000 * 1000
    payments = [
        {
            "transaction_id": f"today-{number}",
            "event_time": iso(max(now - number * 1000, midnight(TODAY))),
            "customer_id": known[number % len(known)],
            "merchant_id": f"M{number % 7:06}",
            "amount": f"{number + 1}.50",
        }
        for number in range(120)
    ]
    platform = built.platform()
    platform.stream(payments, float("inf"), lambda sent: None)
    await_decided(platform, payments)
    return payments


def test_a_region_that_is_lost_is_built_anew_elsewhere(built: Desk):
    platform = built.platform()
    assert platform.outputs["state_machines"]["nightly"].split(":")[3] == AWAY
    assert live(platform.client("dynamodb"), platform.prefix)["model_name"] == f"{platform.prefix}-fraud-v1"


def test_every_alarm_of_the_platform_has_a_runbook(built: Desk):
    platform = built.platform()
    pages = platform.client("cloudwatch").get_paginator("describe_alarms").paginate()
    names = {alarm["AlarmName"].removeprefix(f"{platform.prefix}-") for page in pages for alarm in page["MetricAlarms"]}
    assert len(names) > 30
    assert names - of_alarms().keys() == set()


def test_an_endpoint_that_is_gone_serves_the_released_model_again(built: Desk):
    platform = built.platform()
    platform.client("sagemaker").delete_endpoint(EndpointName=platform.outputs["endpoint_name"])
    eventually(lambda: "is gone" in make(built, "status"))

    said = built.follow("endpoint-down", VERSION="1")

    assert ", 0 differ" in said
    assert serving(platform) == f"{platform.prefix}-fraud-v1"


def test_what_the_stream_door_gave_up_is_brought_back(paid: list[dict], built: Desk):
    platform = built.platform()
    url = f"{platform.prefix}-stream-failed"
    given_up(platform, b"no payment")
    eventually(lambda: f"{url} 1 waiting" in squeezed(make(built, "status")))

    said = built.follow("replay-the-dead-letter-queue")

    assert "poison record" in said, "the errors are shown"
    assert "1 poison records set aside" in said
    assert f"{url} 0 waiting" in squeezed(said.rpartition("what ")[2])


def test_a_message_that_is_no_payment_to_review_is_shown_and_discarded(built: Desk):
    platform = built.platform()
    sqs, name = platform.client("sqs"), f"{platform.prefix}-reviews"
    urls = [sqs.get_queue_url(QueueName=queue)["QueueUrl"] for queue in (name, f"{name}-failed")]
    for url in urls:
        sqs.send_message(QueueUrl=url, MessageBody="no payment")
    eventually(lambda: "no payment to review" in make(built, "errors", "OF=intake"))
    assert f"{name}-failed 1 waiting" in squeezed(make(built, "status"))

    said = built.follow("review-cases-wait")

    assert "the message is not JSON" in said, "the errors are shown"
    assert f"{name}-failed 0 waiting" in squeezed(said)


def test_a_door_that_was_changed_by_hand_is_put_back(built: Desk):
    platform = built.platform()
    functions, name = platform.client("lambda"), f"{platform.prefix}-stream"
    (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    eventually(lambda: "DIFFERS  mapping" in make(built, "verify", fine=(0, 2)))

    built.follow("a-door-fails")

    assert ", 0 differ" in make(built, "verify")


def test_a_night_that_was_refused_ends_well_with_the_corrected_batch(paid: list[dict], built: Desk):
    platform, data = built.platform(), built.folder / "corrected"
    header = "transaction_id,event_time,customer_id,merchant_id,amount"
    good = [",".join(payment[column] for column in header.split(",")) for payment in paid]
    bring(platform, [header.replace("amount", "price"), *good])
    night = {"batch": str(TODAY), "as_of": f"{TOMORROW}T02:00:00Z"}
    with pytest.raises(StepFailed, match="column amount is missing"):
        platform.run_machine("nightly", night)
    data.mkdir()
    (data / "transactions.csv").write_text("\n".join([header, *good]))

    look, corrected, over = range(len(built.blocks("a-night-that-failed")))
    assert "column amount is missing" in built.run("a-night-that-failed", look)
    built.run("a-night-that-failed", corrected, DATA=str(data), BATCH=str(TODAY), AS_OF=night["as_of"])
    said = built.run("a-night-that-failed", over)
    assert "nightly SUCCEEDED" in squeezed(said)
    assert "sealed" in said


def test_a_vector_that_is_asked_about_is_computed_again(paid: list[dict], built: Desk):
    said = built.follow("served-vectors-differ", TX=paid[-1]["transaction_id"])
    assert "equal to the bit" in said


def test_a_training_is_made_again_bit_for_bit_and_registers_nothing(built: Desk):
    platform = built.platform()
    *_, first = runs(platform, "fraud")
    before = newest(platform)

    said = built.made("reproduce", PROBLEM="fraud", RUN=first.name)

    assert f"is bit for bit what {first.name} was" in said
    assert newest(platform) == before
    shown = built.made("experiments", PROBLEM="fraud")
    again, *_ = runs(platform, "fraud")
    assert [again.line() in shown, first.line() in shown, again.evaluation is None] == [True, True, False]


def test_rules_and_thresholds_are_rotated(paid: list[dict], built: Desk):
    platform = built.platform()
    day = str(TODAY)
    *before, approve, over = range(len(built.blocks("rotate-thresholds")))
    (suspects := built.folder / "suspects.txt").write_text("M-listed\nM000017\n")
    listed = {"LIST": "merchant_under_investigation", "FILE": str(suspects)}
    filled_in = {"POLICY": "policies/example.json", "FROM": day, "TO": day, "COSTS": '{"review": 6}', **listed}
    said = "".join(built.run("rotate-thresholds", place, **filled_in) for place in before)
    built.run("rotate-thresholds", approve, PACKAGE=newest(platform))

    policy = live(platform.client("dynamodb"), platform.prefix)["policy"]
    assert "written to build/backtest.json" in said
    assert "list merchant_under_investigation holds 2 of merchant_id" in said
    ruled = Operators.of(platform.client, platform.prefix, platform.lake).read()
    assert policy["version"].startswith("2@")
    assert ruled.stored.body["version"] == json.loads((ROOT / "policies/example.json").read_text())["version"]
    assert ruled.lists["merchant_under_investigation"].among == {"M-listed", "M000017"}
    assert policy["costs"]["review"] == 6
    assert "fraud version 2" in built.run("rotate-thresholds", over)


def test_a_model_is_rolled_back_to_the_one_before(built: Desk):
    platform = built.platform()
    assert live(platform.client("dynamodb"), platform.prefix)["model_name"].endswith("-v2")

    said = built.follow("roll-a-model-back", PROBLEM="fraud", VERSION="1", REASON="a test has seen nothing")

    assert "version 2 is rejected" in said
    released = live(platform.client("dynamodb"), platform.prefix)
    assert serving(platform) == released["model_name"] == f"{platform.prefix}-fraud-v1"


def test_a_score_that_has_drifted_is_shown_and_a_new_model_serves(paid: list[dict], built: Desk):
    platform = built.platform()
    platform.run_machine("drift", {"day": str(TODAY), "as_of": f"{TOMORROW}T00:00:00Z"})
    look, train, approve, over = range(len(built.blocks("score-drift")))

    said = built.run("score-drift", look) + built.run("score-drift", train)
    judged = built.run("decisions-turn-out-worse", 0)
    assert f"fraud as of {TODAY}" in judged
    assert "moved by more than is borne, and not by chance: " in judged
    package = newest(platform)  # that of the training that the alarm has begun, or of the one asked for
    built.run("score-drift", approve, PACKAGE=package)

    version = int(package.rpartition("/")[2])
    assert version >= 3
    assert f"{TODAY}: {len(paid)} decisions, PSI of the score" in said + built.run("score-drift", over)
    assert serving(platform) == f"{platform.prefix}-fraud-v{version}"


def test_a_month_is_made_again(paid: list[dict], built: Desk):
    platform = built.platform()
    rows = {"FROM": str(YESTERDAY - timedelta(days=3)), "TO": str(YESTERDAY)}
    missing = f"gold/transaction_features/event_date={YESTERDAY}/"
    for key in platform.keys(missing):
        platform.client("s3").delete_object(Bucket=platform.lake, Key=key)
    data = built.folder / "old"
    data.mkdir()
    (data / "transactions.csv").write_text(
        "transaction_id,event_time,customer_id,merchant_id,amount\n"
        f"old-1,{YESTERDAY}T10:00:00Z,{paid[0]['customer_id']},M000001,3.00\n"
    )

    built.follow("backfill-a-month", DATA=str(data), BATCH="old", **rows)

    assert platform.keys(missing)


def test_a_customer_is_forgotten(paid: list[dict], built: Desk):
    said = built.follow("forget-a-customer", CUSTOMER=paid[5]["customer_id"])
    assert "0 hold the customer" in said


def test_keys_that_wait_for_their_deletion_are_kept(built: Desk):
    platform = built.platform()
    kms = boto3.client("kms")
    for name in ("lake", "delivery"):
        key = kms.describe_key(KeyId=f"alias/{platform.prefix}-{name}")["KeyMetadata"]["KeyId"]
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

    said = built.follow("a-key-scheduled-for-deletion")

    assert said.count("PendingDeletion, now Enabled") == 2
    assert ", 0 differ" in said


def make(desk: Desk, *words: str, fine: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(["make", *words], cwd=ROOT, env=desk.environment, capture_output=True, text=True, check=False)
    assert done.returncode in fine, done.stdout + done.stderr
    return done.stdout


def squeezed(table: str) -> str:
    """However wide its columns are."""
    return re.sub(" +", " ", table)


def delivered(folder: Path) -> Path:
    """What the bank's systems know by now: payments until yesterday, and what was reported of them."""
    start = str(YESTERDAY - timedelta(days=DAYS - 1))
    generated.write(Settings(payments=8_000, loans=200, days=DAYS, start=start, seed=3), folder)
    for loans in folder.glob("loan_*"):
        loans.unlink()
    labels = pq.read_table(folder / "fraud_labels.parquet")
    pq.write_table(labels.filter(pc.less(labels["reported_at"], str(TODAY))), folder / "fraud_labels.parquet")
    return folder


def newest(platform: Platform) -> str:
    listed = platform.client("sagemaker").list_model_packages(
        ModelPackageGroupName=f"{platform.prefix}-fraud", SortBy="CreationTime", SortOrder="Descending"
    )
    return listed["ModelPackageSummaryList"][0]["ModelPackageArn"]


def serving(platform: Platform) -> str:
    found = platform.client("sagemaker").describe_endpoint(EndpointName=platform.outputs["endpoint_name"])
    return found["EndpointConfigName"]


def await_decided(platform: Platform, payments: list[dict]) -> None:
    wanted = {payment["transaction_id"] for payment in payments}
    eventually(lambda: wanted <= {decision["transaction_id"] for decision in platform.decisions(str(TODAY))})


def bring(platform: Platform, lines: list[str]) -> None:
    key = f"raw/transactions/batch={TODAY}/transactions.csv"
    platform.client("s3").put_object(Bucket=platform.lake, Key=key, Body="\n".join(lines).encode())


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
