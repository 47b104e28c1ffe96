"""Both doors over one in-memory AWS."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from decide.door import ApiDoor
from merchants import counter
from scoring.answers import Answers
from scoring.entries import Entries
from scoring.frauds import Frauds
from scoring.lists import Lists
from scoring.live import Places, Release
from scoring.merchants import MerchantStream
from scoring.model import Model
from scoring.records import Records
from scoring.signing import Signer, Verifier
from scoring.tails import Tails
from scoring.terms import Terms
from stream.door import StreamDoor
from stream.quarantine import Quarantine
from stream.sinks import BLOCKED, REVIEWED, DecisionLog, LateLog, Topic

from features.currency import Rates
from features.declaration import EntityName
from features.declared import TERMS
from features.entities import IDENTIFIERS
from features.fraud import FRAUD
from features.state import State
from features.traffic import TRAFFIC_NAMES, traffic_at
from features.vector import CUSTOMER_LAYOUT
from tests.unit.lambda_functions.aws import (
    Bucket,
    Documents,
    Endpoint,
    FeatureStore,
    Kms,
    ListsTable,
    Messages,
    Stream,
    Table,
    kinesis_record,
)

POLICY = {"version": "7", "review_at": 0.5, "block_at": 0.9, "rules": []}
GROUPS: dict[EntityName, str] = {entity: f"risk-test-{entity.replace('_', '-')}" for entity in IDENTIFIERS}
NOW = 1_522_575_001_000


def fields(number: int, customer: str = "c1", amount: str = "10.00", minute: int | None = None, **further) -> dict:
    minute = number if minute is None else minute
    return {
        "transaction_id": f"t{number}",
        "event_time": f"2018-04-01T{9 + minute // 60:02d}:{minute % 60:02d}:00Z",
        "customer_id": customer,
        "merchant_id": "m1",
        "amount": amount,
        **further,
    }


def publish(bucket: Bucket, rates: Rates, *no_cards: str, coarse_times: bool = False) -> None:
    """What the night leaves for the doors."""
    document = {"money": rates.document(), "no_cards": no_cards, "coarse_times": coarse_times}
    bucket.put_object(Bucket="lake", Key=TERMS, Body=json.dumps(document).encode())


OPERATIONS = {
    "store": ("batch_get_record", "batch_write_record"),
    "endpoint": ("invoke_endpoint",),
    "bucket": ("put_object", "get_object"),
    "topic": ("publish_batch",),
    "table": ("put_item", "get_item", "update_item", "batch_get_item", "transact_write_items"),
    "listed": ("batch_get_item",),
    "stream": ("put_record",),
    "kms": ("generate_data_key", "decrypt"),
    "merchants": ("put_records",),
}
SERVICES = (
    "store",
    "endpoint",
    "stream",
    "merchants",
    "bucket",
    "table",
    "listed",
    "kms",
    "topic",
    "reviews",
    "documents",
)


class AtOnce(Executor):
    """Does what it is given before it is asked for it."""

    def submit(self, work, /, *given, **named) -> Future:
        done: Future = Future()
        try:
            done.set_result(work(*given, **named))
        except Exception as failed:
            done.set_exception(failed)
        return done


@dataclass
class Scene:
    """The doors and everything behind them."""

    policy: dict | None = field(default_factory=lambda: dict(POLICY))
    now: int = NOW  # ms, of the API door
    beside: Scene | None = None  # whose services it shares

    def __post_init__(self) -> None:
        self.store, self.endpoint, self.stream, self.merchants = FeatureStore(), Endpoint(), Stream(), Stream()
        self.bucket, self.table, self.listed, self.kms = Bucket(), Table(), ListsTable(), Kms()
        self.topic, self.reviews = Messages(), Messages()
        self.documents = Documents(releases={"policy": self.policy})
        if self.beside is not None:
            for name in SERVICES:
                setattr(self, name, getattr(self.beside, name))
        self.answers = Answers(self.table, "risk-test-answers", lambda: NOW / 1000)
        self.tails = Tails(self.table, "risk-test-tails", lambda: NOW / 1000)
        self.lists = Lists(self.listed, "risk-test-lists", lambda: NOW / 1000)
        self.entries = Entries(self.listed, "risk-test-lists", lambda: NOW / 1000)
        self.signer = Signer(self.kms, "signing")
        self.records = Records(self.store, GROUPS)

    def release(self, clock=lambda: 0.0) -> Release:
        places = Places("risk-test-releases", "risk-test-policies", "lake")
        return Release(self.documents, self.bucket, places, clock)

    def terms(self) -> Terms:
        return Terms(self.bucket, "lake", lambda: 0.0)

    def publish(self, rates: Rates, *no_cards: str, coarse_times: bool = False) -> None:
        publish(self.bucket, rates, *no_cards, coarse_times=coarse_times)

    def api(self) -> ApiDoor:
        model = Model(self.endpoint, "risk-test-fraud")
        return ApiDoor(
            self.records,
            model,
            self.release(),
            self.terms(),
            self.answers,
            self.tails,
            self.lists,
            AtOnce(),
            self.signer,
            self.stream,
            "risk-test-transactions",
            lambda: self.now,
        )

    def stream_door(self) -> StreamDoor:
        return StreamDoor(
            self.records,
            Model(self.endpoint, "risk-test-fraud"),
            self.release(),
            self.terms(),
            DecisionLog(self.bucket, "lake"),
            LateLog(self.bucket, "lake"),
            Topic(self.topic, "arn:aws:sns:eu-west-1:000000000000:alerts", BLOCKED),
            Topic(self.reviews, "arn:aws:sns:eu-west-1:000000000000:reviews", REVIEWED),
            MerchantStream(self.merchants, "risk-test-merchants"),
            self.answers,
            self.tails,
            self.lists,
            Verifier(self.kms, "signing"),
            Quarantine(self.bucket, "lake"),
            lambda: NOW,
        )

    def frauds(self) -> Frauds:
        """As the doors that take labels have it."""
        return Frauds(self.answers, MerchantStream(self.merchants, "risk-test-merchants"), lambda: self.now)

    def ask(self, payment: dict) -> dict:
        return self.api().decide(self.terms().payment(payment), payment)

    def signed(self, event: object) -> object:
        """As the API door hands it on, if it carries a decision that nobody has signed."""
        decision = event.get("decision") if isinstance(event, dict) else None
        if not isinstance(event, dict) or not isinstance(decision, dict) or "signature" in decision:
            return event
        signature = self.signer.sign(event)
        return {**event, "decision": {**decision, "signature": signature}}

    def deliver(self, payments: list, first: int = 1, signing: bool = True) -> list[dict]:
        """A batch through a new stream door; returns what it has set aside."""
        payments = [self.signed(p) for p in payments] if signing else payments
        before = len(self.bucket.lines("quarantine/"))
        self.stream_door().take([kinesis_record(p, first + i) for i, p in enumerate(payments)])
        return self.bucket.lines("quarantine/")[before:]

    def count(self, first: int = 0) -> list[dict]:
        """What the merchants' stream holds from the `first` record on, through a new counter."""
        told = [(r["Data"], r["PartitionKey"]) for r in self.merchants.records[first:]]
        records = [kinesis_record(data, n, key=key) for n, (data, key) in enumerate(told)]
        return counter.Counter(self.records, lambda: NOW).take(records)

    def traffic(self, whose: str, entity: EntityName = "traffic") -> dict[str, int]:
        """What a record of traffic holds, by name, at its own clock."""
        state = self.records.read({entity: [whose]})[entity][whose]
        found = dict(zip(TRAFFIC_NAMES, traffic_at({entity: state}, 0), strict=True))
        return {name: count for name, count in found.items() if name.startswith(f"{entity}_")}

    def calls_during(self, work: Callable[[], object]) -> Counter[str]:
        """How often each operation is asked for."""
        calls: Counter[str] = Counter()

        def counted(operation: str, ask: Callable) -> Callable:
            def asked(**request):
                calls[operation] += 1
                return ask(**request)

            return asked

        for part, operations in OPERATIONS.items():
            service = getattr(self, part)
            for operation in operations:
                setattr(service, operation, counted(operation, getattr(service, operation)))
        work()
        return calls

    def told(self, decision: dict) -> dict[str, float | None]:
        """A decision's vector by feature, if it was made with features of these doors, else nothing."""
        own = decision["feature_version"].removesuffix("-partial") == FRAUD.version
        return dict(zip(FRAUD.columns, decision["vector"], strict=True)) if own else {}

    def customer(self, identifier: str) -> State:
        stored = self.store.records.get((GROUPS["customer"], identifier))
        return State.load(stored["state"], CUSTOMER_LAYOUT) if stored else State(CUSTOMER_LAYOUT)

    def states(self) -> dict[tuple[str, str], str]:
        """Every stored state, whatever its record is dated."""
        return {key: record["state"] for key, record in self.store.records.items()}

    def counted(self, identifier: str) -> int:
        """Payments that the customer's record holds, all time of the test."""
        state = self.customer(identifier)
        return state.values(state.clock + 1)["customer_payment_count_30d"]

    def logged(self) -> dict[str, dict]:
        """Decisions by payment, without the payment as it came."""
        return {d["transaction_id"]: {k: v for k, v in d.items() if k != "event"} for d in self.bucket.lines()}

    def met(self) -> dict[str, dict]:
        """Payments as they came, which the night brings to RAW."""
        return {d["transaction_id"]: json.loads(d["event"]) for d in self.bucket.lines()}
