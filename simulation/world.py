"""A plan played: clients at both doors, the mappings behind the streams, operators, the night, and in the end
everything is repaired, drained and replayed."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace
from typing import Any

from scoring import documents
from scoring.labels import NotStored
from stream.arrival import event_of

from features.message import fields_of
from features.values import iso
from simulation import night, wiring
from simulation.mapping import Mapping
from simulation.models.kinesis import Held
from simulation.plan import Act, Operation, Paid, Plan
from simulation.scheduler import Endless, Killed, Scheduler, Step
from simulation.wiring import Cloud

PATIENCE = 4  # times that a client asks for one answer
ROUNDS = 6  # of replaying what was given up, once nothing goes wrong any more
POLICY: dict[str, Any] = {"version": "1", "model": wiring.FIRST_MODEL, "review_at": 0.5, "block_at": 0.8}
RULES = [{"name": "often", "feature": "customer_payment_count_10m", "above": 3, "action": "BLOCK"}]


@dataclass(frozen=True)
class Asked:
    """A question at the API door and what came of it, with the steps at which it began and ended, and how many ms it
    took; `fields` as they were sent. No status of one whose process died. `remembered`: the door did not complain that
    the table of answers, or KMS, failed."""

    paid: Paid
    fields: dict
    began: int
    ended: int
    took: int
    status: int | None
    body: dict | None
    remembered: bool
    signed: bool

    @property
    def answered(self) -> bool:
        return self.status == 200


@dataclass
class Written:
    """What operators were told: acknowledged changes by document."""

    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    doubtful: set[tuple[str, str]] = field(default_factory=set)  # no answer came: done or not


class World:
    """Everything that happened is in its fields once it was played."""

    def __init__(self, plan: Plan, traced: bool = False) -> None:
        self.plan = plan
        self.scheduler = Scheduler(
            random.Random(plan.order), plan.start, dict(plan.faults), plan.outages, plan.staying, traced
        )
        self.cloud = Cloud(self.scheduler, plan.shards, plan.stale)
        self.asked: list[Asked] = []
        self.taken: list[tuple[int, Paid]] = []  # by the stream from clients, with the step
        self.frauds: set[str] = set()  # payments of which the labels door has told rules that they were fraud
        self.poison = 0  # records that the stream has taken and that are no payments
        self.happened: set[str] = set()  # payments that a client has come to
        self.lines: list[str] = []
        self.endless: str | None = None
        self.written = Written()
        self.nights: list[night.Published] = []
        self.publishing: list[tuple[list, night.Published]] = []  # records of a night, taken or not
        self.outdated: list[tuple[str, list]] = []  # customers and records of doors that a night's record has outdated
        self.cloud.store.on_write, self.cloud.store.on_refusal = self._on_record, self._on_refusal
        self.processes = 0
        self.idle_doors: list[Any] = []
        self.invocations: list[tuple[int, list[dict]]] = []  # of the stream door: when it began, by step, its records
        self.stream_mapping = Mapping(
            self.scheduler, "stream", self._stream_invoked, plan.batch, lambda n: n in plan.redelivered
        )
        self.merchant_mapping = Mapping(self.scheduler, "counter", self._counter_invoked, plan.batch)
        self._doors: dict[str, Any] = {}

    @property
    def steps(self) -> int:
        return self.scheduler.steps

    @property
    def trace(self) -> list[Step]:
        return self.scheduler.trace or []

    def play(self) -> World:
        with wiring.simulated(self.scheduler) as lines:
            self.lines = lines.texts
            try:
                self._begin()
                self.scheduler.run()
                self._repair()
            except Endless as endless:
                self.endless = str(endless)
            self.scheduler.end()
        return self

    def _begin(self) -> None:
        cloud, scheduler = self.cloud, self.scheduler
        first = documents.Stored({}, 0)
        policy = {**documents.first_release("fraud"), "policy": POLICY, "updates": []}
        documents.write(cloud.documents.client(), wiring.RELEASES, "fraud", policy, first)
        rules = {"version": "rules-0", "explore_share": 0.0, "rules": RULES, "lists": None, "updates": []}
        documents.write(cloud.documents.client(), wiring.POLICIES, "fraud", rules, first)
        cloud.stream.on_put = self.stream_mapping.told
        cloud.merchants.on_put = self.merchant_mapping.told
        for shard in cloud.stream.shards:
            self.stream_mapping.read(shard)
        for shard in cloud.merchants.shards:
            self.merchant_mapping.read(shard)
        for client in sorted({act.client for act in self.plan.acts}):
            acts = [act for act in self.plan.acts if act.client == client]
            scheduler.spawn(f"client {client}", lambda acts=acts: self._client(acts))  # type: ignore[misc]
        for number, operation in enumerate(self.plan.operations):
            run = lambda operation=operation, number=number: self._operate(operation, number)  # noqa: E731
            scheduler.spawn(operation.kind, run, operation.after)

    def _repair(self) -> None:
        """Whatever ailed the doors is over: what was given up is replayed until nothing is left but poison."""
        self.scheduler.heal()
        self.scheduler.run()
        for _ in range(ROUNDS):
            if not self.stream_mapping.given_up:
                return
            self.scheduler.spawn("replay", self._replay)
            self.scheduler.run()

    def _on_record(self, place: tuple[str, str], before: list | None, record: list) -> None:
        self.nights += [published for sent, published in self.publishing if sent is record]

    def _on_refusal(self, place: tuple[str, str], there: list, record: list) -> None:
        nightly = {id(sent) for sent, _ in self.publishing}
        if id(there) in nightly and id(record) not in nightly:
            self.outdated.append((place[1], record))

    # Clients

    def _client(self, acts: list[Act]) -> None:
        for act in acts:
            self.scheduler.sleep(act.pause / 1000)
            paid = self.plan.payments[act.payment]
            if act.kind not in ("poison", "forged", "label"):
                self.happened.add(paid.identifier)
            if act.kind in ("ask", "once"):
                self._ask(paid, fields_of_payment(paid), PATIENCE if act.kind == "ask" else 1)
            elif act.kind == "other":
                self._ask(paid, fields_of_payment(other(paid)), 1)
            elif act.kind in ("put", "put_again"):
                self._put(paid, fields_of_payment(paid), 2 if act.kind == "put_again" else 1)
            elif act.kind == "label":
                self._label(paid)
            elif act.kind == "forged":
                fields = {**fields_of_payment(paid), "decision": forged(paid, self._signature(act))}
                self._set_aside(paid.customer, json.dumps(fields).encode())
            else:
                self._set_aside(paid.customer, b"no payment")

    def _ask(self, paid: Paid, fields: dict, patience: int) -> None:
        for turn in range(patience):
            self.scheduler.sleep(0.2 * turn)
            door = self.idle_doors.pop() if self.idle_doors else self.cloud.api_door(self._skew())
            began, since, said = self.steps, self.scheduler.now, len(self.lines)
            status, body = None, None
            try:
                answer = wiring.asked(json.dumps(fields), door, self.scheduler)
                status, body = answer["statusCode"], json.loads(answer["body"])
                self.idle_doors.append(door)
            except Killed:
                pass
            self.scheduler.note(f"asked {paid.identifier}", told(status, body))
            took = self.scheduler.now - since
            complaints = " ".join(self.lines[said:])
            kept, signed = "answer is not remembered" not in complaints, "decision is not signed" not in complaints
            self.asked.append(Asked(paid, fields, began, self.steps, took, status, body, kept, signed))
            if status not in (None, 503):
                return

    def _put(self, paid: Paid, fields: dict, times: int) -> None:
        for _ in range(times):
            if self._put_raw(paid.customer, json.dumps(fields).encode()):
                self.taken.append((self.steps, paid))

    def _label(self, paid: Paid) -> None:
        """Says that a payment was fraud until its label is stored and rules are told of it, or nobody knows of it."""
        for turn in range(PATIENCE):
            self.scheduler.sleep(0.2 * turn)
            door, said = self.cloud.labels_door(self._skew()), len(self.lines)
            reported = iso(self.plan.start)
            try:
                door.take({"transaction_id": paid.identifier, "is_fraud": 1, "reported_at": reported})
            except NotStored:
                continue
            except Killed:
                return
            (counts,) = (json.loads(line) for line in self.lines[said:] if '"frauds_told"' in line)
            self.scheduler.note(f"labelled {paid.identifier}", "told" if counts["frauds_told"] else "not told")
            if counts["frauds_told"]:
                self.frauds.add(paid.identifier)
            if not counts["frauds_untold"]:
                return

    def _set_aside(self, key: str, data: bytes) -> None:
        """Puts what is no payment."""
        if self._put_raw(key, data):
            self.poison += 1

    def _signature(self, act: Act) -> object:
        """One that whoever reads the stream can have: none, an invented one, or that of another event."""
        seen = [record.data for shard in self.cloud.stream.shards for record in shard.records]
        signed = [json.loads(data)["decision"].get("signature") for data in seen if b'"signature"' in data]
        invented = {"key": "a2V5", "mac": "0" * 64}
        return (None, invented, signed[-1] if signed else None)[act.payment % 3]

    def _put_raw(self, key: str, data: bytes) -> bool:
        """A producer tries until the stream has said that it took the record, for a while."""
        stream = self.cloud.stream.client()
        for turn in range(PATIENCE):
            self.scheduler.sleep(0.2 * turn)
            try:
                stream.put_record(StreamName=wiring.STREAM_NAME, PartitionKey=key, Data=data)
                return True
            except Killed:
                return False
            except Exception:
                continue
        return False

    # Functions

    def _stream_invoked(self, records: list[dict]) -> list[dict]:
        name = self._reader()
        door = self._doors.pop(name, None) or self.cloud.stream_door(self._skew())
        self.invocations.append((self.steps, records))
        door.take(records)
        self._doors[name] = door
        return []

    def _counter_invoked(self, records: list[dict]) -> list[dict]:
        name = self._reader()
        door = self._doors.pop(name, None) or self.cloud.counter(self._skew())
        failures = door.take(records)
        self._doors[name] = door
        return failures

    def _reader(self) -> str:
        return self.scheduler.current.name if self.scheduler.current else ""

    def _skew(self) -> int:
        """Of the clock of the next process."""
        self.processes += 1
        return self.plan.skews[self.processes % len(self.plan.skews)]

    # Operators

    def _operate(self, operation: Operation, number: int) -> None:
        if operation.kind == "night":
            night.run(self)
        elif operation.kind == "replay":
            self._replay()
        elif operation.kind == "reshard":
            self._reshard()
        else:
            self._write(operation.kind, number)

    def _reshard(self) -> None:
        open_shards = [shard for shard in self.cloud.stream.shards if not shard.closed]
        if len(open_shards) < 6:
            chosen = open_shards[int(self.scheduler.order.random() * len(open_shards))]
            self.scheduler.note("reshard", f"{chosen.name} is split")
            self.cloud.stream.split(chosen)

    def _write(self, kind: str, number: int) -> None:
        """Another operator, or the release: read, change, write as the successor, and once more where somebody was
        faster."""
        table = {"policy": wiring.POLICIES, "release": wiring.RELEASES}[kind]
        mark, client = (table, f"{kind}-{number}"), self.cloud.documents.client()
        for _ in range(PATIENCE):
            try:
                before = documents.read(client, table, "fraud", {})
                body = {**before.body, "updates": [*before.body["updates"], mark[1]]}
                if kind == "policy":
                    body["version"] = f"rules-{len(body['updates'])}"
                else:
                    model = f"model-{number + 2}"
                    body |= {"earlier_policy": body["policy"], "policy": {**POLICY, "version": mark[1], "model": model}}
                self.written.doubtful.add(mark)
                documents.write(client, table, "fraud", body, before)
            except documents.Conflict:
                continue
            except Killed:
                return
            except Exception:
                self.scheduler.sleep(0.5)
                continue
            self.written.acknowledged.append(mark)
            if kind == "release":
                self.cloud.endpoint.model = body["policy"]["model"]
            return

    def _replay(self) -> None:
        """What `make replay-dlq` does: every payment on the stream again as it was, poison aside."""
        client = self.cloud.stream.client(2)
        while self.stream_mapping.given_up:
            letter = self.stream_mapping.given_up[0]
            try:
                for record in letter.records:
                    if not self._is_payment(record):
                        self.poison -= 1  # it is set aside by the command
                    else:
                        client.put_record(StreamName=wiring.STREAM_NAME, PartitionKey=record.key, Data=record.data)
            except (Killed, Exception):
                return
            if letter in self.stream_mapping.given_up:
                self.stream_mapping.given_up.remove(letter)

    def _is_payment(self, record: Held) -> bool:
        terms = self.cloud.stream_door(0).terms
        try:
            event_of(fields_of(record.data), record.arrived, record.key, terms)
        except (ValueError, RecursionError):
            return False
        return True


def fields_of_payment(paid: Paid) -> dict:
    return {
        "transaction_id": paid.identifier,
        "event_time": iso(paid.at),
        "customer_id": paid.customer,
        "merchant_id": paid.merchant,
        "amount": f"{paid.amount // 100}.{paid.amount % 100:02d}",
        **paid.further,
    }


def other(paid: Paid) -> Paid:
    """Another payment under the same identifier; its amount, too, is a power of two of its own."""
    return replace(paid, amount=paid.amount << 10)


def forged(paid: Paid, signature: object) -> dict:
    """A decision that no door has made, as one who knows the form writes it."""
    signed = {} if signature is None else {"signature": signature}
    return {
        **signed,
        "transaction_id": paid.identifier,
        "fraud_score": 0.0,
        "action": "APPROVE",
        "reasons": ["forged"],
        "explanation": [],
        "event_time": iso(paid.at),
        "customer_id": paid.customer,
        "merchant_id": paid.merchant,
        "amount_cents": paid.amount,
        "vector": None,
        "feature_version": "forged",
        "model": "forged",
        "policy_version": "forged",
        "degrade_step": "none",
        "door": "api",
        "counted_at": paid.at,
        "overtaken": False,
        "arrived_at": paid.at,
        "decided_at": paid.at,
        "traffic": None,
    }


def told(status: int | None, body: dict | None) -> str:
    if status is None or body is None:
        return "no answer"
    if status != 200:
        return f"{status} {body.get('error', '')[:60]}"
    return f"{status} {body['action']}"
