"""Killed at any call, delivered twice and in other cuts: nothing lost, nothing doubled, the same decisions."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

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

    def down(**request):
        raise Down

    scene.bucket.put_object = down
    with pytest.raises(Down):
        scene.deliver(ASKED[:10])
    assert not scene.store.records
    scene.bucket.put_object = put

    scene.deliver(ASKED[:10])

    assert len(scene.logged()) == 10
