"""What may go wrong around the doors of the deployed platform, for real, and then a recount from the lake.

After each fault every payment is in the decision log, and the log and the customers' records are what the feature
engine makes of each payment once. One platform serves all tests; each has customers of its own and repairs what it
breaks. What cannot be broken through AWS's own interface is broken on the wire between the doors and AWS.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from bench.deployed import deployed
from features.cards import is_card
from features.declaration import DAY
from features.payment import Payment
from features.state import State, fingerprint
from features.values import instant, iso
from features.vector import CUSTOMER_LAYOUT, cells_of
from tests.integration.faults_scene import ALL_ONCE, Kind, Scene, payments, trained, wired
from tests.integration.permissions import keep, may_everything, require_none_denied
from tests.waiting import eventually
from tools.attacks.play import play
from tools.operate.platform import ASKED_AGAIN, StepFailed
from tools.operators import Operators
from tools.telling import Teller

STREAM_WRITES = [
    ("PutObject", "/decisions/"),
    ("PutObject", "/late/"),
    ("PublishBatch", ""),
    ("PutRecords", ""),
    ("BatchWriteRecord", ""),
    ("UpdateItem", ""),
]

# Model servers that are healthy and no good.
SLOW = b"""
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        time.sleep(60)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""
WAITS = b"""
import time
while not os.path.exists("%s"):
    time.sleep(0.1)
"""
GARBAGE = b"""
import http.server, itertools, json, os
SAID = itertools.cycle(["", "<html>", "null", "[]", "{}", '{"scores": []}', "NaN", "1.5", "-0.1", "null", '"0.1"'])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["rows"]
        said = next(SAID)
        if said in ("NaN", "1.5", "-0.1", "null", '"0.1"'):
            said = '{"model": "garbage", "scores": [%s]}' % ", ".join([said] * len(rows))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with (
        deployed(tmp_path_factory.mktemp("platform")) as platform,
        wired(platform, os.environ["AWS_ENDPOINT_URL"]) as found,
    ):
        yield found
        keep(require_none_denied(), "test_faults")


def test_payments_that_come_repeatedly_and_in_any_order_are_counted_once(scene: Scene):
    paid = payments("dup", 60)
    rng = random.Random(7)
    sent = [p for p in paid for _ in range(rng.randint(1, 3))]
    rng.shuffle(sent)

    scene.pay(sent)

    assert scene.recount(paid) == ALL_ONCE
    assert scene.lines_of(paid) == len(paid), "no crash, so no line twice"


def test_a_payment_that_is_asked_about_and_streamed_as_well_is_decided_once(scene: Scene):
    paid = payments("both", 12)
    for payment in paid:
        scene.ask(payment)
        scene.pay([payment])

    assert scene.recount(paid) == ALL_ONCE
    assert scene.lines_of(paid) == len(paid)


def test_an_event_whose_receipt_was_lost_gets_the_same_answer_again_and_counts_once(scene: Scene):
    """Nor can the stream door note that it has applied it: each time that it is asked about it is handed on again."""
    (payment,) = payments("receipt", 1)
    with scene.wire.cut("UpdateItem", "denied"):
        with scene.wire.cut("PutRecord", "unanswered") as lost, pytest.raises(StepFailed, match=r"503.*ask again"):
            scene.ask(payment)
        first = scene.await_decided([payment])[payment["transaction_id"]]
        answered = scene.ask(payment)

    assert lost.hits == 2 * ASKED_AGAIN
    assert (answered["fraud_score"], answered["decided_at"]) == (first["fraud_score"], first["decided_at"])
    assert scene.recount([payment]) == ALL_ONCE
    assert scene.lines_of([payment]) == 1


def test_payments_streamed_while_the_endpoint_is_gone_are_decided_by_rules_and_counted_once(scene: Scene):
    before, during, after = payments("gone", 20), payments("gone", 20, first=20), payments("gone", 4, first=40)
    asked = {**during[0], "transaction_id": "gone-asked"}
    sagemaker, configuration = scene.client("sagemaker"), scene.serving
    degraded = scene.counted("degraded", "stream")
    scene.pay(before)
    scene.await_decided(before)
    sagemaker.delete_endpoint(EndpointName=scene.endpoint)
    try:
        scene.pay(during)
        decided = scene.await_decided(during).values()
        answered = scene.ask(asked)
    finally:
        there = lambda: {one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]}  # noqa: E731
        eventually(lambda: scene.endpoint not in there())
        sagemaker.create_endpoint(EndpointName=scene.endpoint, EndpointConfigName=configuration)
        scene.platform.await_endpoint(configuration)
        scene.await_scores()
    scene.pay(after)

    assert {line["degrade_step"] for line in decided} == {"rules_only"} == {answered["degrade_step"]}
    assert {(line["action"], *line["reasons"]) for line in decided} == {("REVIEW", "no_model_score")}
    assert scene.recount([*before, *during, *after, asked]) == ALL_ONCE
    assert {line["degrade_step"] for line in scene.decided(after).values()} == {"none"}
    eventually(lambda: scene.counted("degraded", "stream") >= degraded + len(during))


@pytest.mark.parametrize(("how", "server"), [("slow", SLOW), ("garbage", GARBAGE)])
def test_payments_that_the_model_does_not_score_are_decided_by_rules_and_counted_once(scene: Scene, how, server):
    streamed, asked = payments(how, 24), payments(how, 6, first=24)
    configuration = scene.offer(f"model-{how}", lambda files: files.update({"code/serve.py": server}))
    with scene.served_by(configuration):
        scene.pay(streamed)
        answers = [scene.platform.ask(payment) for payment in asked]
        decided = scene.await_decided(streamed).values()

    assert {answer["degrade_step"] for answer, _ in answers} == {"rules_only"}
    assert {(line["degrade_step"], line["fraud_score"]) for line in decided} == {("rules_only", None)}
    assert scene.recount([*streamed, *asked]) == ALL_ONCE

    def are_in_cases() -> bool:
        told = {i for i, message in scene.to_review().items() if message["reasons"] == ["no_model_score"]}
        return told >= {p["transaction_id"] for p in (*streamed, *asked)}

    assert eventually(are_in_cases, "a person decides: each in a case")


def test_a_payer_is_answered_while_store_model_and_table_hang_and_the_payment_counts_once(scene: Scene):
    before, (payment,) = payments("hang", 3, customers=1), payments("hang", 1, customers=1, first=3)
    scene.pay(before)
    assert scene.recount(before) == ALL_ONCE
    cut = scene.wire.cut
    with cut("BatchGetRecord", "silent"), cut("InvokeEndpoint", "silent"), cut("TransactWriteItems", "silent"):
        answer, _ = scene.platform.ask(payment)

    assert (answer["degrade_step"], answer["action"]) == ("rules_only", "REVIEW")
    assert scene.recount([*before, payment]) == ALL_ONCE
    assert scene.decided([payment])[payment["transaction_id"]]["overtaken"], (
        "it was decided without the customer's record"
    )


def test_payments_are_decided_while_no_alert_can_be_sent_and_the_unsent_ones_are_counted(scene: Scene):
    paid, unsent = payments("alert", 12), scene.counted("unsent_alerts", "stream")
    with scene.served_by(scene.offer("stern", sterner)), scene.wire.cut("PublishBatch", "denied"):
        scene.pay(paid)
        decided = scene.await_decided(paid).values()
        eventually(lambda: scene.counted("unsent_alerts", "stream") == unsent + len(paid))

    assert {line["action"] for line in decided} == {"BLOCK"}
    assert scene.recount(paid) == ALL_ONCE


def test_payments_are_decided_while_merchants_cannot_be_told_and_the_untold_ones_are_counted(scene: Scene):
    paid = payments("untold", 8)
    before = scene.counted("untold_merchants", "stream")
    with scene.wire.cut("PutRecords", "denied") as cut:
        scene.pay(paid)
        scene.await_decided(paid)
        eventually(lambda: scene.counted("untold_merchants", "stream") - before == len(paid))

    assert cut.hits
    eventually(lambda: list(scene.wrong(paid)) == ["counted otherwise in their traffic"])


@pytest.mark.parametrize("kind", ["denied", "unanswered", "killed", "killed_after"])
def test_payments_count_once_at_their_merchants_whatever_ails_their_counter_as_it_writes(scene: Scene, kind: Kind):
    paid = payments(f"counter-{kind}", 12)
    with scene.wired("merchants"), scene.wire.cut("BatchWriteRecord", kind, most=1) as cut:
        scene.tell(paid[:9])
        eventually(lambda: cut.hits)
        scene.tell(paid[9:])  # behind what comes again: once they are counted, it was
        eventually(lambda: all(fingerprint(p["transaction_id"]) in scene.traffic(p["merchant_id"]) for p in paid[9:]))

    assert [scene.traffic(f"counter-{kind}-m{n}") for n in range(3)] == [
        sorted(fingerprint(p["transaction_id"]) for p in paid[n::3]) for n in range(3)
    ]


def test_payments_that_the_counter_cannot_write_at_all_are_kept_in_its_queue(scene: Scene):
    sqs, (paid,) = scene.client("sqs"), payments("uncounted", 1)
    kept = sqs.get_queue_url(QueueName=f"{scene.platform.prefix}-merchants-failed")["QueueUrl"]

    def waiting() -> int:
        asked = sqs.get_queue_attributes(QueueUrl=kept, AttributeNames=["ApproximateNumberOfMessages"])
        return int(asked["Attributes"]["ApproximateNumberOfMessages"])

    with scene.wired("merchants"), scene.wire.cut("BatchWriteRecord", "denied"), scene.wire.cut("PutRecord", "denied"):
        scene.tell([paid])
        eventually(lambda: waiting() == 1)
    sqs.purge_queue(QueueUrl=kept)


def test_labels_through_the_api_are_in_raw_once_however_often_they_are_sent(scene: Scene):
    label = {"transaction_id": "labelled", "is_fraud": 1, "reported_at": iso(int(time.time() * 1000))}

    first, again = scene.label(label), scene.label(label)

    assert (first["accepted"], first["repeated"], again["repeated"]) == (1, False, True)
    key = f"raw/fraud_labels/batch={first['batch']}/{first['file']}"
    text = scene.client("s3").get_object(Bucket=scene.platform.lake, Key=key)["Body"].read().decode()
    assert text.splitlines()[1].split(",")[0] == "labelled"


def test_a_fraud_that_was_told_counts_once_at_its_merchant_and_is_told_again_where_it_could_not_be(scene: Scene):
    paid = payments("robbed", 1)
    now = int(time.time() * 1000)
    merchant = paid[0]["merchant_id"]
    label = {"transaction_id": paid[0]["transaction_id"], "is_fraud": 1, "reported_at": iso(now)}
    scene.ask(paid[0])
    eventually(lambda: scene.traffic(merchant) == [fingerprint(paid[0]["transaction_id"])])
    untold = scene.counted("frauds_untold", "labels")
    with scene.wired("labels"), scene.wire.cut("PutRecords", "denied") as cut:
        assert not scene.label(label)["repeated"], "it is stored though rules do not hear of it"
        eventually(lambda: scene.counted("frauds_untold", "labels") == untold + 1)
    assert cut.hits
    for _ in range(2):
        assert scene.label(label)["repeated"]

    eventually(lambda: scene.frauds(merchant, now) == 1)
    eventually(lambda: scene.counted("frauds_told", "labels") >= 2)
    assert scene.frauds(merchant, now) == 1
    assert scene.recount(paid) == ALL_ONCE


def test_payments_that_flow_while_the_model_is_released_and_rolled_back_are_all_scored_once(scene: Scene):
    rival, done = scene.offer("rival", sterner), threading.Event()
    sent: list[dict] = []

    def flow() -> None:
        for start in itertools.count(0, 10):
            if done.is_set():
                return
            some = payments("roll", 10, customers=12, first=start)
            scene.pay(some)
            sent.extend(some)
            eventually(lambda some=some: done.is_set() or len(scene.decided(some)) == len(some))

    def scored_by(model: str, after: int) -> bool:
        return any(line["model"] == model for line in list(scene.decided(sent[after:]).values()))

    sender = threading.Thread(target=flow)
    sender.start()
    try:
        eventually(lambda: len(scene.decided(sent)) > 20)
        (champion,) = {line["model"] for line in scene.decided(sent).values()}
        with scene.served_by(rival):
            eventually(lambda: scored_by("rival", 0))
        released = len(sent)
        eventually(lambda: scored_by(champion, released))
    finally:
        done.set()
        sender.join()

    assert scene.recount(sent) == ALL_ONCE
    assert {line["model"] for line in scene.decided(sent).values()} == {champion, "rival"}
    assert {line["degrade_step"] for line in scene.decided(sent).values()} == {"none"}
    blocked = {i for i, line in scene.decided(sent).items() if line["action"] == "BLOCK"}
    assert blocked == {i for i, line in scene.decided(sent).items() if line["model"] == "rival"}
    eventually(
        lambda: {json.loads(json.loads(told)["Message"])["transaction_id"] for told in scene.alerted()} >= blocked
    )


def test_a_model_that_is_approved_while_the_endpoint_changes_over_waits_and_serves_in_the_end(
    scene: Scene, tmp_path: Path
):
    approve, paid = scene.platform.approve, payments("approved", 6)
    gate = tmp_path / "gate"
    change = partial(waits_to_be_let_in, gate)
    first, second = (scene.register(name, partial(change, name)) for name in ("first", "second"))
    names = [f"{scene.endpoint}-v{package.rpartition('/')[2]}" for package in (first, second)]
    with scene.releasing():
        approve(first)
        eventually(lambda: scene.coming() == names[0])
        approve(second)
        eventually(lambda: scene.waits(names[1]))
        assert scene.coming() == names[0]
        assert scene.released()["policy"]["model"] == "first"
        gate.touch()
        released = scene.platform.await_release("fraud", second)
        scene.pay(paid)
        decided = scene.await_decided(paid).values()

    assert scene.recount(paid) == ALL_ONCE
    assert (released["endpoint_config"], released["earlier_policy"]["model"]) == (names[1], "first")
    assert {line["model"] for line in decided} == {"second"}
    assert {line["policy_version"].partition("@")[0] for line in decided} == {second.rpartition("/")[2]}


def test_an_archive_that_is_written_over_after_its_package_was_registered_never_serves(scene: Scene):
    s3, sagemaker, before = scene.client("s3"), scene.client("sagemaker"), scene.serving
    package = scene.register("swapped", sterner)
    place = {"Bucket": scene.platform.lake, "Key": trained("swapped")}
    registered_at = sagemaker.describe_model_package(ModelPackageName=package)["CreationTime"]

    def is_written_over() -> bool:
        s3.put_object(**place, Body=b"other code")
        return s3.head_object(**place)["LastModified"] > registered_at

    eventually(is_written_over)
    with scene.releasing():
        standing = scene.platform.standing("fraud")
        scene.platform.approve(package)
        with pytest.raises(StepFailed, match="was written after its package was registered"):
            scene.platform.await_release("fraud", package, before=standing)
        assert (scene.serving, scene.coming()) == (before, None)


def test_a_role_that_may_write_everything_changes_nothing_that_was_released(scene: Scene):
    lake, released = scene.platform.lake, "released/fraud/1/model.tar.gz"
    with may_everything("broken-trainer") as session:
        s3 = session.client("s3")
        s3.put_object(Bucket=lake, Key=trained("anything"), Body=b"")
        for call in (
            lambda: s3.put_object(Bucket=lake, Key=released, Body=b"other code"),
            lambda: s3.delete_object(Bucket=lake, Key=released),
            lambda: s3.copy_object(Bucket=lake, Key=released, CopySource={"Bucket": lake, "Key": trained("anything")}),
        ):
            with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
                call()


def test_payments_that_flow_while_the_stream_is_resharded_are_counted_once_in_their_order(scene: Scene):
    """Out to four shards and back to two, each time with payments of the same customers in the shards that are closed
    and, behind them, in those that take their place."""
    paid, closed = payments("shard", 400, customers=16), []
    for turn, count in enumerate((4, 2)):
        first = turn * 200
        with scene.wire.cut("BatchGetRecord", "silent") as cut:
            scene.pay(paid[first : first + 100])
            eventually(partial(getattr, cut, "hits"))
            closed.append(scene.reshard(count))
            scene.pay(paid[first + 100 : first + 200])
        scene.await_decided(paid[: first + 200])

    assert closed == [2, 4]
    assert scene.recount(paid) == ALL_ONCE
    assert scene.lines_of(paid) == len(paid)
    assert not [i for i, line in scene.decided(paid).items() if line["counted_at"] != instant(line["event_time"])], (
        "late"
    )


def test_payments_that_a_deleted_feature_group_could_not_tell_about_come_back_once(scene: Scene):
    """The accounts' group: it holds nothing yet, so that what is made again is what was deleted."""
    paid, sagemaker = payments("store", 9), scene.client("sagemaker")
    name = f"{scene.platform.prefix}-account"
    group = sagemaker.describe_feature_group(FeatureGroupName=name)
    sagemaker.delete_feature_group(FeatureGroupName=name)
    try:
        answered = scene.ask(paid[8])
        scene.pay(paid[:8])
        eventually(lambda: scene.waiting() == len(paid))
        moved, logged = set(scene.states(p["customer_id"] for p in paid).values()), scene.decided(paid)
    finally:
        again = (
            "RecordIdentifierFeatureName",
            "EventTimeFeatureName",
            "FeatureDefinitions",
            "OnlineStoreConfig",
            "RoleArn",
        )
        sagemaker.create_feature_group(
            FeatureGroupName=name,
            **{key: group[key] for key in again},
            OfflineStoreConfig=offline(group["OfflineStoreConfig"]),
        )
        eventually(lambda: sagemaker.describe_feature_group(FeatureGroupName=name)["FeatureGroupStatus"] == "Created")

    scene.bring_back(paid)

    assert answered["degrade_step"] != "none", "the payer is answered, and told on what"
    assert (moved, logged) == ({""}, {})
    assert scene.recount(paid) == ALL_ONCE
    assert scene.lines_of(paid) == len(paid)


def test_a_store_that_throttles_for_a_moment_delays_payments_and_parks_none(scene: Scene):
    """Three calls in a row, of three tries each, in each of the two shards: as many as open a breaker."""
    paid = payments("moment", 24)
    with scene.wire.cut("BatchGetRecord", "throttled") as cut:
        scene.pay(paid)
        eventually(lambda: cut.hits >= 18)
    try:
        eventually(lambda: scene.waiting() or len(scene.decided(paid)) == len(paid))
        assert scene.waiting() == 0
    finally:
        scene.bring_back(paid)

    assert scene.recount(paid) == ALL_ONCE


@pytest.mark.parametrize("operation", ["BatchGetRecord", "InvokeEndpoint", "PutObject", "BatchWriteRecord"])
def test_payments_whose_calls_were_done_and_not_answered_are_counted_once(scene: Scene, operation):
    paid = payments(f"lost-{operation}", 24)
    with scene.wire.cut(operation, "unanswered") as cut:
        scene.pay(paid)
        eventually(lambda: cut.hits >= 4)

    scene.bring_back(paid)

    assert scene.recount(paid) == ALL_ONCE


@pytest.mark.parametrize("kind", ["killed", "killed_after"])
def test_payments_count_once_at_whichever_write_the_stream_door_is_killed(scene: Scene, kind: Kind):
    """In each round one that was asked about, some that come late, and a model that blocks all: so that every write
    takes place."""
    whole: list[dict] = []
    with scene.served_by(scene.offer(f"stern-{kind}".replace("_", "-"), sterner)):
        for operation, where in STREAM_WRITES:
            whose = f"{kind}-{operation}{where.strip('/')}"
            before, late = payments(whose, 4), payments(whose, 4, day=-1, first=4)
            (asked,) = payments(whose, 1, first=8)
            scene.pay(before)
            scene.await_decided(before)
            with scene.wire.cut(operation, kind, where, most=1) as cut:
                scene.ask(asked)
                scene.pay(late)
                eventually(lambda cut=cut: cut.hits)
            whole += [*before, *late, asked]
            scene.bring_back(whole)

    assert scene.recount(whole) == ALL_ONCE


@pytest.mark.parametrize("kind", ["killed", "killed_after"])
@pytest.mark.parametrize("operation", ["TransactWriteItems", "PutRecord"])
def test_a_payment_counts_once_though_the_api_door_is_killed_as_it_writes(scene: Scene, operation, kind: Kind):
    asked: list[dict] = []

    def ask_until_it_is_killed() -> None:
        # A door that lost patience with a busy machine has answered before it was killed: the next one is.
        for payment in payments(f"api-{kind}-{operation}", 8):
            asked.append(payment)
            with scene.wire.cut(operation, kind, most=1):
                scene.ask(payment)

    with pytest.raises(StepFailed, match="answered 50"):
        ask_until_it_is_killed()

    scene.ask(asked[-1])

    assert scene.recount(asked) == ALL_ONCE
    assert scene.lines_of(asked) == len(asked)


def test_a_log_that_takes_nothing_moves_no_state_and_gets_every_decision_once_afterwards(scene: Scene):
    paid = payments("sink", 8)
    with scene.wire.cut("PutObject", "denied", "/decisions/"):
        scene.pay(paid)
        eventually(lambda: scene.waiting() == len(paid))
        moved, logged = set(scene.states(p["customer_id"] for p in paid).values()), scene.decided(paid)

    scene.bring_back(paid)

    assert (moved, logged) == ({""}, {})
    assert scene.recount(paid) == ALL_ONCE
    assert scene.lines_of(paid) == len(paid)


def test_payments_that_were_logged_and_given_up_count_once_as_they_were_decided_last(scene: Scene):
    """Logged by rules while neither model nor records could be reached. Others of the same customers are applied before
    they come back, so that they come late, see more, and are scored: the log then holds two decisions of each. What a
    payer was told stands: it is logged with the next payment of its customer."""
    given_up, meanwhile = payments("write", 8, day=5), payments("write", 8, day=5, first=8)
    with scene.wire.cut("BatchWriteRecord", "denied"), scene.wire.cut("InvokeEndpoint", "denied"):
        scene.pay(given_up[:6])
        for payment in given_up[6:]:
            scene.ask(payment)
        eventually(lambda: scene.waiting() == len(given_up))
    scene.pay(meanwhile)
    scene.await_decided(meanwhile)

    scene.bring_back([*given_up, *meanwhile])

    assert scene.recount([*given_up, *meanwhile], twice=given_up[:6]) == ALL_ONCE
    counted = scene.read_by_analysts(given_up[0]["event_time"][:10])
    last = scene.decided([*given_up, *meanwhile]).values()
    assert counted == Counter(line["action"] for line in last), "analysts count each payment once, as it was applied"


def test_a_payment_that_waited_while_a_night_counted_it_is_decided_and_told_once_and_not_counted_again(scene: Scene):
    (waiting,) = payments("night", 1)
    payment = Payment.parse(waiting)
    counted = State(CUSTOMER_LAYOUT)
    cells = cells_of(payment.at, payment.further)
    counted.pay(payment.at, payment.amount, payment.merchant_id, payment.transaction_id, cells)
    counted.await_decision(payment.transaction_id)
    scene.publish(payment.customer_id, counted)

    scene.pay([waiting, waiting])

    line = scene.await_decided([waiting])[payment.transaction_id]
    counted.end_waiting(payment.transaction_id)
    eventually(lambda: scene.states([payment.customer_id]) == {payment.customer_id: counted.dump()})
    assert (line["overtaken"], line["counted_at"]) == (True, payment.at)
    eventually(lambda: scene.traffic(payment.merchant_id) == [fingerprint(payment.transaction_id)])
    assert scene.lines_of([waiting]) == 1


def test_good_payments_between_poison_are_decided_and_the_poison_is_set_aside(scene: Scene):
    good = payments("poison", 16, customers=1)
    large = {**good[15], "note": "x" * (2**20 - 1_000)}
    stranger = {**good[14], "merchant_id": "a merchant that nobody knows"}
    good[14:] = [stranger, large]
    ahead = iso(int(time.time() * 1000) + DAY)

    def but(**changed: object) -> bytes:
        return json.dumps({**good[0], "transaction_id": "bad", **changed}).encode()

    answered = scene.ask(good[0])
    of_small = {"transaction_id": "forged", "amount_cents": 9_999_900}
    forged = {**good[0], "transaction_id": "forged", "amount": "99999.00", "decision": {**answered, **of_small}}

    poison = {
        b"no JSON": "the record is not JSON",
        b"\xff\xfe\x00": "the record is not JSON",
        b"[" * (2**20 - 100): "the record is not JSON",
        b"[1, 2]": "expected a JSON object",
        but(transaction_id=7): "transaction_id: expected text",
        but(customer_id={"id": "c"}): "customer_id: expected text",
        but(merchant_id=None): "missing merchant_id",
        but(merchant_id="m" * 2**19): "merchant_id: expected text of at most 128",
        but(amount="much"): "amount: expected a decimal",
        but(amount=-1): "amount: expected an amount between",
        but(event_time="yesterday"): "event_time: expected an ISO 8601",
        but(event_time=ahead): "event_time: expected at most five minutes ahead",
        but(decision={"action": "APPROVE"}): "decision: expected what the API door hands on",
        encoded(forged): "decision: expected one that the API door has signed",
    }
    mixed = [record for pair in zip(map(encoded, good), poison, strict=False) for record in pair]
    known = {key for key, _ in scene.objects("quarantine/stream/")}
    scene.put(*mixed, *map(encoded, good[len(poison) :]), key="poison-c0")
    decided = scene.await_decided(good)

    def set_aside() -> list[dict]:
        return [line for key, lines in scene.objects("quarantine/stream/") if key not in known for line in lines]

    eventually(lambda: len(set_aside()) == len(poison))
    assert scene.recount(good) == ALL_ONCE
    assert len(decided) == len(good)
    assert scene.waiting() == 0, "poison goes to no queue"
    aside = set_aside()
    reasons = sorted(line["reasons"][0] for line in aside)
    assert len(reasons) == len(poison)
    assert all(any(reason.startswith(wanted) for reason in reasons) for wanted in poison.values()), reasons


def test_poison_that_is_nested_too_deep_is_set_aside_like_any_other(scene: Scene):
    (good,) = payments("deep", 1)
    nested = b'{"transaction_id": "deep-bad", "nested": %s%s}' % (b"[" * 700, b"]" * 700)
    known = {key for key, _ in scene.objects("quarantine/stream/")}
    scene.put(nested, encoded(good), key=good["customer_id"])

    scene.await_decided([good])
    assert scene.recount([good]) == ALL_ONCE
    eventually(lambda: len({key for key, _ in scene.objects("quarantine/stream/")} - known) == 1)


def test_attacks_hold_at_both_doors_and_the_policy_of_before_decides_afterwards(scene: Scene):
    operators = Operators.of(scene.client, scene.platform.prefix, scene.platform.lake)
    before = operators.read()
    scene.start_doors_anew()  # instances that have read a policy judge by it for half a minute
    try:
        played = play(scene.platform, Teller())
    finally:
        scene.start_doors_anew()
    after = operators.read()
    paid = payments("peace", 8, customers=1)
    for payment in paid[:4]:
        scene.ask(payment)
    scene.pay(paid[4:])
    decided = scene.await_decided(paid)

    assert [attack for attack in played if not attack.holds] == []
    kinds = {re.split("[,:]", attack.name)[0] for attack in played}
    assert kinds == {
        "velocity",
        "concurrent",
        "clock trick",
        "card testing",
        "card testing from one address",
        "takeover",
        "ring",
        "forged record",
        "hostile input",
    }
    assert (after.stored.body, after.lists) == (before.stored.body, before.lists)
    assert [d["policy_version"] for d in decided.values() if "attack-" in d["policy_version"]] == []
    assert scene.waiting() == 0


def test_late_payments_count_when_they_come_and_early_ones_are_refused_at_both_doors(scene: Scene):
    paid = payments("skew", 16)
    late = [p for days in (1, 3, 40) for p in payments(f"skew{days}", 4, day=-days)]
    late = [{**p, "customer_id": f"skew-c{number % 4}"} for number, p in enumerate(late)]
    ahead = {**paid[0], "transaction_id": "skew-ahead", "event_time": iso(int(time.time() * 1000) + DAY)}
    scene.pay(paid)
    scene.await_decided(paid)
    for start in range(0, len(late), 4):
        scene.pay(late[start : start + 4])
        scene.await_decided(late[start : start + 4])
    with pytest.raises(StepFailed, match=r"400.*five minutes ahead of the clock"):
        scene.ask(ahead)
    scene.pay([ahead])
    set_aside = lambda: [line for _, lines in scene.objects("quarantine/stream/") for line in lines]  # noqa: E731
    eventually(lambda: "skew-ahead" in {line.get("transaction_id") for line in set_aside()})

    assert scene.recount([*paid, *late]) == ALL_ONCE
    assert not scene.decided([ahead])


def test_no_card_number_is_taken_in_and_nothing_that_the_platform_wrote_holds_one(scene: Scene):
    (payment, *good) = payments("pan", 9, customers=1)
    cards = [card(f"4{number:014}") for number in range(101, 117)]
    spaced = " ".join(cards[1][start : start + 4] for start in range(0, 16, 4))
    places: list[dict] = [
        {"customer_id": cards[0]},
        {"merchant_id": spaced},
        {"transaction_id": "-".join(cards[2][start : start + 4] for start in range(0, 16, 4))},
        {"note": cards[3]},
        {"card": int(cards[4])},
        {"card": float(cards[5])},
        {"card": {"number": {"plain": cards[6]}}},
        {"cards": ["x", [cards[7]]]},
        {cards[8]: "a column's name"},
        {"inner": {cards[9]: 1}},
        {"amount": cards[10]},
        {"event_time": cards[11]},
        {"device_id": f"  {cards[12]}\t"},
        {"transaction_id": f"{cards[13]}-1"},
        {"note": f"paid by {cards[14]}, thanks"},
        {"note": ".".join(cards[15][start : start + 4] for start in range(0, 16, 4))},
    ]
    bad = [{**payment, "transaction_id": f"pan-bad{number}", **place} for number, place in enumerate(places)]
    said = []
    for fields in bad:
        with pytest.raises(StepFailed, match=r"answered 400.*looks like a card number") as refused:
            scene.ask(fields)
        said.append(("answer", str(refused.value)))
    broken = b'{"card": "%s", ' % cards[3].encode()
    known = {key for key, _ in scene.objects("quarantine/stream/")}
    scene.put(*map(encoded, bad), broken, *map(encoded, good), key="pan-c0")
    scene.await_decided(good)

    def masked() -> list[dict]:
        new = [lines for key, lines in scene.objects("quarantine/stream/") if key not in known]
        rows = [line for lines in new for line in lines]
        return [row for row in rows if "****" in json.dumps(row)]

    eventually(lambda: len(masked()) == len(bad) + 1)
    assert scene.recount(good) == ALL_ONCE
    assert not scene.decided(bad)
    number = re.compile("|".join("[ .-]?".join(digits) for digits in cards))
    assert [where for where, text in (*said, *scene.everything_said()) if number.search(text)] == []


def sterner(files: dict[str, bytes]) -> None:
    """Makes of the bootstrap model one that blocks everything."""
    manifest = json.loads(files["manifest.json"])
    files["manifest.json"] = json.dumps({**manifest, "name": "rival", "base_rate": 1.0}).encode()


def waits_to_be_let_in(gate: Path, name: str, files: dict[str, bytes]) -> None:
    """Makes of the bootstrap model another one, whose server starts once there is a file: an update of the endpoint
    can be met. A released model has no network to be told by."""
    manifest = json.loads(files["manifest.json"])
    files["manifest.json"] = json.dumps({**manifest, "name": name}).encode()
    files["code/serve.py"] = files["code/serve.py"].replace(
        b"import os\n", b"import os\n" + WAITS % str(gate).encode(), 1
    )


def offline(described: dict) -> dict:
    """What CreateFeatureGroup takes of what DescribeFeatureGroup says; the table is there and stays as it is."""
    storage = {key: value for key, value in described["S3StorageConfig"].items() if key != "ResolvedOutputS3Uri"}
    return {"S3StorageConfig": storage, "DisableGlueTableCreation": True}


def encoded(fields: dict) -> bytes:
    return json.dumps(fields).encode()


def card(digits: str) -> str:
    """The digits and a check digit."""
    return next(number for number in (f"{digits}{check}" for check in range(10)) if is_card(number))
