"""A batch of stream records is retried, bisected and given up as AWS's event source mappings do it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local.plugins.kinesis_delivery import Answer, Delivery, Discarded, Policy


class Shard:
    """Records 1..n, a function that fails as told, and everything that happened."""

    def __init__(self, policy: Policy, function: Callable[[list[int]], Answer], now: float = 1000.0) -> None:
        self.function, self.now = function, now
        self.calls: list[list[int]] = []
        self.discarded: list[Discarded] = []
        self.done: list[int] = []
        self.waits: list[float] = []
        self.delivery = Delivery(
            policy,
            self.invoke,
            self.discarded.append,
            lambda number: self.done.append(int(number)),
            lambda: self.now,
            self.wait,
        )

    def invoke(self, records):
        self.calls.append([int(record["kinesis"]["sequenceNumber"]) for record in records])
        return self.function(self.calls[-1])

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return len(self.waits) < 50

    def deliver(self, count: int, arrived: float = 1000.0) -> bool:
        return self.delivery.deliver(
            [
                {"kinesis": {"sequenceNumber": f"{n}", "approximateArrivalTimestamp": arrived}}
                for n in range(1, count + 1)
            ]
        )

    def given_up(self) -> list[tuple[list[int], str, int]]:
        return [
            ([int(r["kinesis"]["sequenceNumber"]) for r in item.records], item.condition, item.invocations)
            for item in self.discarded
        ]


def poison(bad: int) -> Callable[[list[int]], Answer]:
    return lambda numbers: Answer(error=bad in numbers)


def partial(*failures: object) -> Callable[[list[int]], Answer]:
    return lambda _: Answer({"batchItemFailures": [{"itemIdentifier": failure} for failure in failures]})


def test_a_batch_that_succeeds_is_done_once():
    shard = Shard(Policy(), poison(0))
    assert shard.deliver(3)
    assert (shard.calls, shard.done, shard.discarded) == ([[1, 2, 3]], [3], [])


def test_retries_are_counted_beside_the_first_attempt():
    shard = Shard(Policy(retries=2), poison(2))
    shard.deliver(3)
    assert shard.calls == [[1, 2, 3]] * 3
    assert shard.given_up() == [([1, 2, 3], "RetryAttemptsExhausted", 3)]
    assert shard.done == [3]


def test_no_retry_means_one_attempt():
    shard = Shard(Policy(retries=0), poison(1))
    shard.deliver(1)
    assert shard.calls == [[1]]


def test_bisecting_isolates_the_poison_record_and_costs_no_retry():
    shard = Shard(Policy(retries=2, bisect=True), poison(3))
    shard.deliver(8)
    assert shard.given_up() == [([3], "RetryAttemptsExhausted", 3)]
    assert shard.calls.count([3]) == 3
    assert shard.done[-1] == 8


def test_order_is_kept_while_a_batch_is_bisected():
    delivered: list[int] = []

    def function(numbers: list[int]) -> Answer:
        if 3 in numbers:
            return Answer(error=True)
        delivered.extend(numbers)
        return Answer()

    Shard(Policy(retries=0, bisect=True), function).deliver(8)
    assert delivered == [1, 2, 4, 5, 6, 7, 8]


def test_a_partial_answer_keeps_what_came_before_the_lowest_failure():
    shard = Shard(Policy(retries=1, partial=True), partial("3", "2"))
    shard.deliver(4)
    assert shard.calls[0] == [1, 2, 3, 4]
    assert shard.calls[1] == [2, 3, 4]
    assert shard.done[0] == 1


def test_a_partial_answer_with_bisecting_dead_letters_the_poison_record_alone():
    def function(numbers: list[int]) -> Answer:
        return Answer({"batchItemFailures": [{"itemIdentifier": "5"}] if 5 in numbers else []})

    shard = Shard(Policy(retries=1, partial=True, bisect=True), function)
    shard.deliver(8)
    assert shard.given_up() == [([5], "RetryAttemptsExhausted", 2)]
    assert shard.done[-1] == 8


@pytest.mark.parametrize("identifier", ["99", "", None])
def test_an_identifier_that_is_not_in_the_batch_fails_all_of_it(identifier: object):
    shard = Shard(Policy(retries=0, partial=True), partial("2", identifier))
    shard.deliver(3)
    assert shard.given_up() == [([1, 2, 3], "RetryAttemptsExhausted", 1)]


@pytest.mark.parametrize("value", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, "text"])
def test_an_answer_without_failures_is_a_success(value: object):
    shard = Shard(Policy(retries=0, partial=True), lambda _: Answer(value))
    shard.deliver(2)
    assert shard.discarded == []


def test_a_partial_answer_counts_for_nothing_unless_it_was_asked_for():
    shard = Shard(Policy(retries=0), partial("1"))
    shard.deliver(2)
    assert shard.discarded == []


def test_a_record_that_is_too_old_is_not_tried_again():
    shard = Shard(Policy(seconds=60), poison(1))

    def grow_old(_: float) -> bool:
        shard.now += 61
        return True

    shard.delivery.wait = grow_old
    shard.deliver(2)
    assert shard.given_up() == [([1, 2], "RecordAgeExceeded", 1)]


def test_a_throttle_costs_no_retry():
    answers = [Answer(error=True, throttled=True)] * 3 + [Answer()]
    shard = Shard(Policy(retries=0), lambda _: answers.pop(0))
    shard.deliver(2)
    assert (len(shard.calls), shard.discarded) == (4, [])


def test_a_mapping_that_ends_while_it_waits_leaves_the_batch_for_next_time():
    shard = Shard(Policy(), poison(1))
    assert not shard.deliver(1)
    assert shard.done == []


def test_waits_grow_to_five_seconds():
    shard = Shard(Policy(), poison(1))
    shard.deliver(1)
    assert shard.waits[:3] == [0.1, 0.2, 0.4]
    assert max(shard.waits) == 5.0
