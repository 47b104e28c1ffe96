"""How the doors' classes are put together here: the same as in their handlers, with the models' clients.

Whoever changes what a door is made of changes it here, and nowhere else in the simulator.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

from decide import handler
from decide.door import ApiDoor
from labels.door import LabelsDoor
from merchants.counter import Counter
from scoring.answers import Answers
from scoring.breaker import Breaker
from scoring.budget import API, COUNTER, FRAUDS, LABELS, STREAM
from scoring.frauds import Frauds
from scoring.labels import LabelFiles
from scoring.lists import Lists
from scoring.live import Places, Release
from scoring.merchants import MerchantStream
from scoring.model import Model
from scoring.records import Records
from scoring.signing import Signer, Verifier
from scoring.tables import PATIENCE
from scoring.tails import Tails
from scoring.terms import Terms
from stream.door import StreamDoor
from stream.quarantine import Quarantine
from stream.sinks import BLOCKED, REVIEWED, DecisionLog, LateLog, Topic

from features.declaration import EntityName
from features.entities import COUNTED, IDENTIFIERS
from simulation.models.dynamodb import DynamoDB
from simulation.models.endpoint import Endpoint
from simulation.models.feature_store import FeatureStore
from simulation.models.keys import Keys
from simulation.models.kinesis import Stream
from simulation.models.messages import Topics
from simulation.models.storage import S3
from simulation.scheduler import Actor, Killed, Scheduler

GROUPS: dict[EntityName, str] = {entity: f"sim-{entity}" for entity in IDENTIFIERS}
ANSWERS, TAILS, RELEASES, POLICIES, LISTS = "sim-answers", "sim-tails", "sim-releases", "sim-policies", "sim-lists"
TABLES = {ANSWERS: "transaction_id", TAILS: "customer_id"}  # what the doors remember of payments: the name of its key
DOCUMENTS = {RELEASES: "problem", POLICIES: "problem"}
LAKE, ALERTS, REVIEWS, ENDPOINT, KEY = "sim-lake", "sim-alerts", "sim-reviews", "sim-fraud", "sim-key"
STREAM_NAME, MERCHANTS = "sim-transactions", "sim-merchants"
FIRST_MODEL = "model-1"


class Cloud:
    """Every model that the doors need."""

    def __init__(self, scheduler: Scheduler, shards: int, stale: float = 0.0) -> None:
        self.scheduler = scheduler
        groups = {GROUPS[entity]: IDENTIFIERS[entity] for entity in GROUPS}
        self.store = FeatureStore(scheduler, "store", groups, stale)
        self.answers = DynamoDB(scheduler, "answers", TABLES)
        self.documents = DynamoDB(scheduler, "documents", DOCUMENTS)
        self.bucket = S3(scheduler, "bucket")
        self.topics = Topics(scheduler, "topics")
        self.keys = Keys(scheduler, "keys")
        self.endpoint = Endpoint(scheduler, "endpoint", FIRST_MODEL)
        self.stream = Stream(scheduler, "stream", shards)
        self.merchants = Stream(scheduler, "merchants", 1)

    def api_door(self, skew: int) -> ApiDoor:
        """Of a new process whose clock is `skew` ms ahead. As decide/handler.py puts it together."""
        return ApiDoor(
            records=Records(
                self.store.client(API.store.tries), GROUPS, patience=API.store.requests, breaker=self._breaker()
            ),
            model=Model(self.endpoint.client(API.model.tries), ENDPOINT, self._breaker(), self._breaker()),
            release=self._release(API.policy.tries),
            terms=Terms(self.bucket.client(API.terms.tries), LAKE, self._monotonic),
            answers=InOrder(self.answers.client(API.answers.tries), ANSWERS, self._seconds(skew), self._breaker()),
            tails=Tails(self.answers.client(API.tails.tries), TAILS, self._seconds(skew), self._breaker()),
            lists=self._lists(API.lists.tries, skew),
            beside=Beside(self.scheduler),
            signer=Signer(self.keys.client(API.key.tries), KEY, self._breaker()),
            stream=self.stream.client(API.stream.tries),
            stream_name=STREAM_NAME,
            now=self._milliseconds(skew),
        )

    def stream_door(self, skew: int) -> StreamDoor:
        """As stream/handler.py puts it together."""
        bucket, topics = self.bucket.client(STREAM.log.tries), self.topics.client(STREAM.alerts.tries)
        return StreamDoor(
            records=Records(self.store.client(STREAM.store.tries), GROUPS, breaker=self._breaker(pause=0)),
            model=Model(self.endpoint.client(STREAM.model.tries), ENDPOINT, self._breaker(), self._breaker()),
            release=self._release(STREAM.policy.tries),
            terms=Terms(self.bucket.client(STREAM.terms.tries), LAKE, self._monotonic),
            log=DecisionLog(bucket, LAKE),
            late=LateLog(bucket, LAKE),
            alerts=Topic(topics, ALERTS, BLOCKED, self._breaker()),
            reviews=Topic(topics, REVIEWS, REVIEWED, self._breaker()),
            merchants=MerchantStream(self.merchants.client(STREAM.merchants.tries), MERCHANTS, self._breaker()),
            answers=InOrder(self.answers.client(STREAM.answers.tries), ANSWERS, self._seconds(skew), self._breaker()),
            tails=Tails(self.answers.client(STREAM.tails.tries), TAILS, self._seconds(skew), self._breaker()),
            lists=self._lists(STREAM.lists.tries, skew),
            verifier=Verifier(self.keys.client(STREAM.key.tries), KEY),
            quarantine=Quarantine(bucket, LAKE),
            now=self._milliseconds(skew),
        )

    def counter(self, skew: int) -> Counter:
        """As merchants/handler.py puts it together."""
        groups: dict[EntityName, str] = {entity: GROUPS[entity] for entity in COUNTED}
        records = Records(self.store.client(COUNTER.tries), groups, breaker=self._breaker(pause=0))
        return Counter(records, self._milliseconds(skew))

    def labels_door(self, skew: int) -> LabelsDoor:
        """As labels/handler.py puts it together."""
        answers = self.answers.client(FRAUDS.answers.tries)
        frauds = Frauds(
            InOrder(answers, ANSWERS, self._seconds(skew), self._breaker()),
            MerchantStream(self.merchants.client(FRAUDS.merchants.tries), MERCHANTS, self._breaker()),
            self._milliseconds(skew),
        )
        files = LabelFiles(self.bucket.client(LABELS.tries), LAKE)
        return LabelsDoor(files, frauds, self._milliseconds(skew))

    def _release(self, tries: int) -> Release:
        places = Places(RELEASES, POLICIES, LAKE)
        return Release(self.documents.client(tries), self.bucket.client(tries), places, self._monotonic)

    def _lists(self, tries: int, skew: int) -> Lists:
        """Which the simulated policies look nothing up in."""
        return Lists(self.answers.client(tries), LISTS, self._seconds(skew), self._breaker())

    def _breaker(self, **told: Any) -> Breaker:
        return Breaker(clock=self._monotonic, **told)

    def _monotonic(self) -> float:
        return self.scheduler.now / 1000

    def _milliseconds(self, skew: int) -> Callable[[], int]:
        return lambda: self.scheduler.now + skew

    def _seconds(self, skew: int) -> Callable[[], float]:
        return lambda: (self.scheduler.now + skew) / 1000


class InOrder(Answers):
    """The doors' own, but what they ask for as a set is asked for in order: that of a set differs from process to
    process."""

    def applied(self, identifiers: Iterable[str]) -> None:
        super().applied(sorted(identifiers))

    def kept(self, identifiers: Iterable[str], patience: int = PATIENCE) -> dict[str, dict]:
        return super().kept(sorted(identifiers), patience)


def asked(body: str, door: ApiDoor, scheduler: Scheduler) -> dict:
    """What the API's function answers to a body, running in the current actor."""
    if scheduler.current is not None:
        scheduler.current.door = door
    return handler.handle({"body": body}, None)


class Beside(Executor):
    """A second thread of a door's process: an actor of its own, which dies with the process and takes it along."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

    def submit(self, work: Callable, /, *given: Any, **named: Any) -> Future:
        done = Awaited(self.scheduler)

        def do() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(work(*given, **named))
            except Killed:
                done.killed = True
            except Exception as failed:
                done.set_exception(failed)
            done.wake()

        name = self.scheduler.current.name if self.scheduler.current else ""
        self.scheduler.spawn(f"{name} beside", do)
        return done


class Awaited(Future):
    """Who asks for the result while there is none waits in the scheduler's time."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self.scheduler, self.killed = scheduler, False
        self.waiting: Actor | None = None

    def wake(self) -> None:
        if self.waiting is not None:
            self.scheduler.wake(self.waiting)

    def result(self, timeout: float | None = None) -> Any:
        self.waiting = self.scheduler.current
        while not self.done() and not self.killed:
            self.scheduler.idle()
        if self.killed:
            raise Killed
        return super().result(0)


class Time:
    """What the product's modules take for the module `time`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.sleep = scheduler.sleep
        self.scheduler = scheduler

    def time(self) -> float:
        return self.scheduler.now / 1000

    monotonic = time


class Lines:
    """What the doors print."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> None:
        if text != "\n":
            self.texts.append(text)

    def flush(self) -> None:
        """Nothing waits."""


@contextmanager
def simulated(scheduler: Scheduler) -> Iterator[Lines]:
    """Within it the product's modules sleep and look at the clock in the scheduler's time, the API's function runs in
    the door of the current actor, and what is printed is kept."""
    modules, door, out = timed(), handler.door, sys.stdout
    clock, lines = Time(scheduler), Lines()
    for module in modules:
        module.time = clock  # type: ignore[attr-defined]
    handler.door = lambda: scheduler.current.door  # type: ignore[assignment,union-attr]
    sys.stdout = lines  # type: ignore[assignment]
    try:
        yield lines
    finally:
        sys.stdout, handler.door = out, door
        for module in modules:
            module.time = time  # type: ignore[attr-defined]


@cache
def timed() -> tuple[ModuleType, ...]:
    """The product's modules that import `time`. All that the doors need are imported above."""
    rooms = ("scoring", "decide", "stream", "merchants", "labels", "features")
    modules = [(name, module) for name, module in sys.modules.items() if name.partition(".")[0] in rooms]
    return tuple(module for _, module in modules if getattr(module, "time", None) is time)
