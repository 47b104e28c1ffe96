"""Killed at any call, delivered twice and in other cuts: nothing lost, nothing doubled, the same decisions."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest
from scoring.breaker import Breaker
from scoring.terms import TermsUnread

from features.currency import UNIT, Rates
from tests.unit.lambda_functions.aws import Down
from tests.unit.lambda_functions.scene import Scene, fields

CALLS = {
    "store": ("batch_get_record", "batch_write_record"),
    "endpoint": ("invoke_endpoint",),
    "bucket": ("put_object",),
    "topic": ("publish_batch",),
    "table": ("put_item", "transact_write_items", "update_item"),
    "kms": ("generate_data_key",),
    "stream": ("put_record",),
    "merchants": ("put_records",),
}


class Killed(BaseException):
    """The function's process ends: nothing in it can catch that."""


class Killer:
    """Ends the process at the n-th call that leaves it, before or after the service has done its work."""

    def __init__(self, scene: Scene) -> None:
        self.calls, self.at, self.after = 0, -1, False
        for part, operations in CALLS.items():
            service = getattr(scene, part)
            for operation in operations:
                setattr(service, operation, self.guarded(getattr(service, operation)))

    def guarded(self, call: Callable) -> Callable:
        def made(**request):
            self.calls += 1
            if self.calls == self.at and not self.after:
                raise Killed
            answer = call(**request)
            if self.calls == self.at:
                raise Killed
            return answer

        return made

    def arm(self, at: int, after: bool) -> None:
        self.calls, self.at, self.after = 0, at, after


def payments() -> list[dict]:
    """Thirty payments of four customers: some of one millisecond, some late."""
    rng = random.Random(3)
    return [fields(n, customer=f"c{rng.randrange(4)}", minute=max(0, n - rng.choice((0, 0, 0, 5)))) for n in range(30)]


def blocking(rows: list) -> list[float]:
    """A score that depends on the vector, and blocks some."""
    return [0.95 if int(sum(value or 0 for value in row)) % 3 == 0 else 0.01 for row in rows]


def undisturbed(asked: list[dict]) -> Scene:
    scene = Scene()
    scene.endpoint.scorer = blocking
    for start in range(0, len(asked), 10):
        scene.deliver(asked[start : start + 10], first=start + 1)
    return scene


def most_calls(asked: list[dict]) -> int:
    """Of any batch: late payments and alerts make more."""
    scene = Scene()
    scene.endpoint.scorer = blocking
    killer, most = Killer(scene), 0
    for start in range(0, len(asked), 10):
        killer.arm(-1, False)
        scene.deliver(asked[start : start + 10], first=start + 1)
        most = max(most, killer.calls)
    return most


ASKED = payments()


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after it"])
@pytest.mark.parametrize("at", range(1, most_calls(ASKED) + 1))
def test_a_stream_door_that_is_killed_at_any_call_loses_and_doubles_nothing(at, after):
    wanted, scene = undisturbed(ASKED), Scene()
    scene.endpoint.scorer = blocking
    killer, deaths = Killer(scene), 0
    for start in range(0, len(ASKED), 10):
        batch = ASKED[start : start + 10]
        killer.arm(at, after)
        try:
            scene.deliver(batch, first=start + 1)
        except Killed:
            deaths += 1
        killer.arm(-1, False)
        scene.deliver(batch, first=start + 1)

    assert deaths
    assert scene.logged() == wanted.logged(), "the same decisions, each payment once"
    assert all(same(lines) for lines in by_identifier(scene).values()), "a line written twice is the same line"
    assert scene.states() == wanted.states(), "the same states"
    assert counted_at_merchants(scene) == counted_at_merchants(wanted)


def counted_at_merchants(scene: Scene) -> dict[str, list[int]]:
    """Fingerprints of the payments that each merchant's record counts."""
    scene.count()
    states = scene.records.read({"traffic": {p["merchant_id"] for p in ASKED}})["traffic"]
    return {merchant: sorted(state.remembered) for merchant, state in states.items()}


def by_identifier(scene: Scene) -> dict[str, list[dict]]:
    lines: dict[str, list[dict]] = {}
    for line in scene.bucket.lines():
        lines.setdefault(line["transaction_id"], []).append(line)
    return lines


def same(lines: list[dict]) -> bool:
    return all(line == lines[0] for line in lines)


@pytest.mark.parametrize("seed", range(6))
def test_batches_that_come_again_in_other_cuts_count_once(seed):
    """As after a bisect, a reshard or a second consumer: any stretch of the shard may be delivered again."""
    rng = random.Random(seed)
    wanted, scene = undisturbed(ASKED), Scene()
    scene.endpoint.scorer = blocking
    done = 0
    while done < len(ASKED):
        begin = rng.randrange(max(0, done - 12), done + 1)
        end = min(len(ASKED), done + rng.randrange(1, 9))
        scene.deliver(ASKED[begin:end], first=begin + 1)
        done = end

    assert scene.logged() == wanted.logged()
    assert scene.states() == wanted.states()


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after it"])
@pytest.mark.parametrize("at", range(1, 5))
def test_an_api_door_that_is_killed_at_any_call_answers_when_asked_again_and_counts_once(at, after):
    scene = Scene()
    killer = Killer(scene)
    killer.arm(at, after)
    with pytest.raises(Killed):
        scene.ask(fields(0))
    killer.arm(-1, False)

    answered = scene.ask(fields(0))
    scene.deliver([json.loads(record["Data"]) for record in scene.stream.records])

    assert scene.counted("c1") == 1
    (logged,) = scene.logged().values()
    assert logged["fraud_score"] == answered["fraud_score"]
    assert logged["vector"] == answered["vector"]


@pytest.mark.parametrize("garbage", [[], [0.1, 0.2], [float("nan")], [1.5], ["0.1"], [True], None])
def test_an_endpoint_that_answers_garbage_is_taken_for_one_that_is_down(garbage):
    scene = Scene()
    scene.endpoint.scorer = lambda rows: garbage

    assert scene.ask(fields(0))["degrade_step"] == "rules_only"


def test_without_any_policy_a_person_decides():
    scene = Scene(policy=None)

    decision = scene.ask(fields(0))
    scene.deliver([fields(1)])

    assert (decision["action"], decision["degrade_step"], decision["reasons"]) == ("REVIEW", "review", ["no_policy"])
    assert scene.logged()["t1"]["degrade_step"] == "review"


def test_a_log_that_is_down_holds_the_batch_and_moves_no_state():
    scene = Scene()
    put = scene.bucket.put_object
    scene.bucket.put_object = down
    with pytest.raises(Down):
        scene.deliver(ASKED[:10])
    assert not scene.store.records
    scene.bucket.put_object = put

    scene.deliver(ASKED[:10])

    assert len(scene.logged()) == 10


STORM = 60


@pytest.mark.parametrize("seed", range(10))
def test_in_a_storm_of_conflicts_on_one_customer_each_payment_is_answered_logged_and_counted_once(seed):
    """Whenever a door writes the tail, another payment of the customer is asked about, or arrives on the stream, just
    before it. What is called exact knows every exact answer that was given before it was asked for."""
    rng = random.Random(seed)
    scene, numbers, delivered = Scene(), iter(range(STORM)), 0
    write = scene.table.transact_write_items
    given: list[dict] = []
    known_to: dict[str, int] = {}
    depth = 0

    def ask() -> None:
        number = next(numbers, None)
        if number is not None:
            before = sum(answer["velocity_exact"] for answer in given)
            given.append(scene.ask(fields(number, minute=0)))
            known_to[given[-1]["transaction_id"]] = before

    def deliver() -> None:
        nonlocal delivered
        records = scene.stream.records[delivered : delivered + 3]
        delivered += len(records)
        scene.deliver([json.loads(record["Data"]) for record in records], first=1 + delivered)

    def after_another_one(**request) -> None:
        nonlocal depth
        if depth < 8 and rng.random() < 0.8:
            depth += 1
            rng.choice((ask, ask, deliver))()
            depth -= 1
        write(**request)

    scene.table.transact_write_items = after_another_one
    while len(given) < STORM:
        ask()
    while delivered < len(scene.stream.records):
        deliver()

    logged = scene.logged()
    assert set(logged) == set(by_identifier(scene)) == {f"t{n}" for n in range(STORM)}
    assert all(same(lines) for lines in by_identifier(scene).values())
    assert scene.counted("c1") == STORM
    exact = [answer for answer in given if answer["velocity_exact"]]
    assert 0 < len(exact) < STORM, "the storm is one, and some come through it"
    for answer in exact:
        assert counted_before(answer) >= known_to[answer["transaction_id"]]
    assert {i: d["action"] for i, d in logged.items()} == {a["transaction_id"]: a["action"] for a in given}


def counted_before(decision: dict) -> float:
    return Scene().told(decision)["customer_payment_count_10m"] or 0


@pytest.mark.parametrize("seed", range(10))
def test_while_the_tails_table_is_away_now_and_then_answers_go_on_are_marked_and_nothing_is_lost(seed):
    rng = random.Random(seed)
    scene, delivered = Scene(), 0
    without: set[str] = set()  # decided while the table was away
    waiting: list[dict] = []
    for number in range(60):
        if number % 10 == 0:
            away(scene, bool(number // 10 % 2))
        payment = fields(number, minute=0)
        if rng.random() < 0.5:
            answer = scene.ask(payment)
            assert answer["degrade_step"] == "none"
            assert answer["velocity_exact"] == (scene.table.refused is None)
        else:
            waiting.append(payment)
        if rng.random() < 0.3 or number == 59:
            handed_on = [json.loads(record["Data"]) for record in scene.stream.records[delivered:]]
            delivered += len(handed_on)
            without |= {p["transaction_id"] for p in waiting} if scene.table.refused else set()
            scene.deliver([*waiting, *handed_on], first=1 + 100 * number)
            waiting = []

    logged = scene.logged()
    assert set(logged) == {f"t{n}" for n in range(60)}
    assert len(scene.bucket.lines()) == scene.counted("c1") == 60
    assert len({d["counted_at"] for d in logged.values()}) == 60
    assert without
    assert not any(logged[identifier]["velocity_exact"] for identifier in without)
    away(scene, False)
    answer = scene.ask(fields(99, minute=1))
    assert (counted_before(answer), answer["velocity_exact"]) == (60, True), "once it is back, everything is known"


def away(scene: Scene, is_away: bool) -> None:
    """The doors look at once whether the table is there."""
    scene.table.refused = "risk-test-tails" if is_away else None
    scene.tails.breaker = Breaker()


def test_while_no_rates_can_be_read_foreign_amounts_wait_and_home_ones_are_decided(monkeypatch):
    """By instances that have never read any: the stream door gives its batch back whole, and takes it once rates are
    there, each payment at its rate and once."""
    scene = Scene()
    scene.publish(Rates("EUR").published([("USD", "2018-03-30", UNIT * 8 // 10)], "2018-03-30"))
    foreign, home = fields(0, currency="USD"), fields(1)
    batch = [home, foreign, fields(2, customer="c2")]
    with monkeypatch.context() as away:
        away.setattr(scene.bucket, "list_objects_v2", down)
        answer = scene.ask(home)
        with pytest.raises(TermsUnread):
            scene.ask(foreign)
        with pytest.raises(TermsUnread):
            scene.deliver(batch)
    assert (answer["action"], answer["velocity_exact"], answer["degrade_step"]) == ("APPROVE", True, "none")
    assert (scene.bucket.lines(), scene.states()) == ([], {}), "nothing was begun"

    set_aside = scene.deliver([*batch, *(json.loads(record["Data"]) for record in scene.stream.records)])

    assert set_aside == []
    assert {i: d["amount_cents"] for i, d in scene.logged().items()} == {"t0": 800, "t1": 1_000, "t2": 1_000}
    assert (scene.counted("c1"), scene.counted("c2")) == (2, 1)


def test_a_payment_that_no_rate_is_known_of_is_set_aside_and_holds_up_no_other():
    scene = Scene()
    scene.publish(Rates("EUR").published([("USD", "2018-03-30", UNIT * 8 // 10)], "2018-03-30"))

    aside = scene.deliver([fields(0), fields(1, currency="XAU"), fields(2, currency="USD")])

    assert [(line["transaction_id"], line["reasons"][0].split(":")[0]) for line in aside] == [("t1", "currency")]
    assert set(scene.logged()) == {"t0", "t2"}
    assert scene.counted("c1") == 2
    assert not scene.deliver([fields(0), fields(2, currency="USD")]), "what comes again counts no more"
    assert scene.counted("c1") == 2


def down(**request) -> None:
    raise Down
