"""One seed, one schedule; and what goes wrong goes wrong where the plan says."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from scoring import records

from simulation.models.messages import Queue
from simulation.models.service import Client
from simulation.plan import drawn
from simulation.run import outcome, shrunk
from simulation.scheduler import Endless, Killed, Outage, Scheduler
from simulation.world import World
from tests.architecture.source import ROOT

SEEDS = range(40)


def played(seed: int) -> list:
    return World(drawn(seed), traced=True).play().trace


def test_a_seed_gives_the_same_schedule_whenever_it_is_played():
    assert [played(seed) for seed in SEEDS] == [played(seed) for seed in SEEDS]


TRACES = """
from hashlib import sha256
from simulation.plan import drawn
from simulation.world import World
print(sha256(repr([World(drawn(seed), traced=True).play().trace for seed in range(40)]).encode()).hexdigest())
"""


def test_a_seed_gives_the_same_schedule_in_every_process():
    """Whatever order its sets and hashes have."""
    found = {
        subprocess.run(
            [sys.executable, "-c", TRACES],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'lambda'}", "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_schedule_leaves_the_product_s_modules_as_they_were():
    outcome(drawn(0))

    assert records.time is time
    assert sys.stdout.write is not None


def test_different_seeds_give_different_schedules():
    assert len({repr(played(seed)) for seed in SEEDS}) == len(SEEDS)


class Sent:
    """What an actor that sends three messages met; each `send` is a step."""

    def __init__(self, faults: dict, outages: tuple = (), tries: int = 1) -> None:
        self.scheduler = Scheduler(random.Random(1), 0, faults, outages)
        self.queue = Queue(self.scheduler, "queue")
        self.met: list[str] = []
        self.scheduler.spawn("sender", lambda: self.send(self.queue.client(tries)))
        self.scheduler.run()

    def send(self, client: Client) -> None:
        for number in range(3):
            try:
                client.send_message(QueueUrl="", MessageBody=str(number))
                self.met.append("done")
            except (Exception, Killed) as failed:
                self.met.append(type(failed).__name__)


@pytest.mark.parametrize(
    ("fault", "met", "taken"),
    [
        ("refused", "ClientError", ["0", "2"]),
        ("lost", ReadTimeoutError.__name__, ["0", "1", "2"]),
        ("late", ReadTimeoutError.__name__, ["0", "2", "1"]),
        ("killed", "Killed", ["0", "2"]),
        ("killed_after", "Killed", ["0", "1", "2"]),
        ("killed_late", "Killed", ["0", "2", "1"]),
    ],
)
def test_a_fault_becomes_of_the_step_that_it_is_planned_for(fault, met, taken):
    sent = Sent({2: fault})

    assert sent.met == ["done", met, "done"]
    assert sent.queue.messages == taken


def test_what_boto3_sends_again_is_done_twice_and_answered():
    sent = Sent({2: "twice"}, tries=2)

    assert sent.met == ["done"] * 3
    assert sent.queue.messages == ["0", "1", "1", "2"]


def test_a_service_is_away_for_as_long_as_is_planned():
    sent = Sent({}, (Outage("queue", first=1, length=2),))

    assert sent.met == [EndpointConnectionError.__name__] * 2 + ["done"]


def test_an_actor_that_runs_in_a_circle_ends_the_schedule():
    scheduler = Scheduler(random.Random(1), 0, {})
    client = Queue(scheduler, "queue").client()

    def forever() -> None:
        while True:
            client.send_message(QueueUrl="", MessageBody="")

    scheduler.spawn("circle", forever)
    with pytest.raises(Endless):
        scheduler.run()


def test_an_operation_that_a_model_does_not_have_is_named():
    with pytest.raises(AttributeError, match="the model of queue has no purge_queue"):
        Queue(Scheduler(random.Random(1), 0, {}), "queue").client().purge_queue(QueueUrl="")


def test_a_failing_plan_is_made_smaller_for_as_long_as_it_fails():
    """By an invariant that breaks as soon as anybody is answered."""
    name = "an_answer_is_about_the_question"
    plan = next(p for p in map(drawn, SEEDS) if len(p.acts) > 4 and any(a.kind == "ask" for a in p.acts))
    smallest = shrunk(plan, name, lambda seen: ["somebody was answered"] if seen.answers else [])

    assert [act.kind for act in smallest.acts] in (["ask"], ["once"], ["other"])
    assert (smallest.operations, smallest.faults, smallest.outages) == ((), (), ())
    assert replace(smallest, acts=plan.acts).payments == plan.payments
