"""A log of payments through the stream door's own code and through the feature job's own code: are all bits equal?

Feature Store, the endpoint and S3 are stood in for in memory; everything between them and the Kinesis batch is what the
Lambda's zip holds. Merchants and accounts are published once a night, as on AWS, and 2 % of the payments come late.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lambda"))

from scoring.answers import Answers
from scoring.lists import Lists
from scoring.live import Places, Release
from scoring.merchants import MerchantStream
from scoring.model import Model
from scoring.records import Records
from scoring.signing import Verifier
from scoring.tails import Tails
from scoring.terms import Terms
from stream.door import StreamDoor
from stream.quarantine import Quarantine, Source
from stream.sinks import BLOCKED, REVIEWED, DecisionLog, LateLog, Topic

from bench.measured import measured
from features.declaration import DAY, HOUR, MINUTE, EntityName
from features.fraud import FRAUD, LABEL_PATIENCE
from features.moments import met_by_a_door
from features.state import Event, State, label_event, payment_event
from features.values import iso
from features.vector import CUSTOMER_LAYOUT, LAYOUTS
from tools.telling import Teller

DOORS = 2  # processes, each with its share of the customers, like shards
BATCH = 200
PUBLISHED_AFTER = 2 * HOUR  # the night's jobs end some time after midnight
LATE = 50  # one payment in so many
LATEST = 60 * MINUTE
POLICY = {"version": "1", "review_at": 0.5, "block_at": 0.9, "rules": []}

Row = tuple[str, str, str, int, int]  # transaction, customer, merchant, event time (ms), cents
Stored = tuple[str, str]  # the record's event time, the entity's state


def measure(rows: int, teller: Teller) -> dict:
    """Replays `rows` payments; `mismatches` counts values whose bits differ, `compared` the vectors."""
    folder = Path(tempfile.mkdtemp(prefix="replay-"))
    try:
        with teller.phase(f"replay: population of {rows:,} payments", ("doors", "feature job", "comparison")):
            measured("population", rows, folder)
            deliveries = delivered(folder)
        with teller.phase(f"replay: {rows:,} payments through the doors", ("feature job", "comparison")):
            began = time.perf_counter()
            served = through_doors(folder, deliveries)
            seconds = time.perf_counter() - began
        with teller.phase("replay: feature job", ("comparison",)):
            measured("platform", rows, folder)
        with teller.phase("replay: comparison"):
            compared, mismatches = compare(folder / "out-platform", served)
        late = told_late(folder)
    finally:
        shutil.rmtree(folder)
    return {
        "payments": rows,
        "compared": compared,
        "mismatches": mismatches,
        "late": late,
        "doors_payments_per_s": rows / seconds,
    }


def through_doors(folder: Path, deliveries: list[tuple[int, Row]], doors: int = DOORS) -> np.ndarray:
    """The vectors that the doors logged, by the payment's number. One door serves in this process: where Spark runs,
    a fork would share its connections."""
    nights = Nights(folder, deliveries)
    served = np.lib.format.open_memmap(folder / "served.npy", "w+", np.float64, (len(deliveries), len(FRAUD.columns)))
    if doors == 1:
        serve(folder, deliveries, nights, 0, doors)
        return served
    processes = [
        multiprocessing.get_context("fork").Process(target=serve, args=(folder, deliveries, nights, number, doors))
        for number in range(doors)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a door ended before its payments did")
    return served


def told_late(folder: Path) -> int:
    """Payments that the doors told the lake had come late."""
    return sum(len(file.read_text().splitlines()) for file in (folder / "late").glob("*.json"))


def delivered(folder: Path) -> list[tuple[int, Row]]:
    """Payments with their arrivals, in order of arrival."""
    fields = ("transaction_id", "customer_id", "merchant_id", "event_time", "amount_cents")
    return sorted((row[3] + lateness(row[0]), row) for row in read(folder / "transactions", *fields))


def lateness(identifier: str) -> int:
    key = crc32(identifier.encode())
    return key // LATE % LATEST if key % LATE == 0 else 0


class Nights:
    """What happened to merchants and accounts, in order, and their records as the last night published them."""

    def __init__(self, folder: Path, deliveries: Iterable[tuple[int, Row]]) -> None:
        events: list[tuple[EntityName, str, Event]] = []
        customers: dict[str, State] = {}
        paid: dict[str, tuple[str, str, int, frozenset[str]]] = {}
        for _, (identifier, customer, merchant, at, cents) in deliveries:
            state = customers.setdefault(customer, State(CUSTOMER_LAYOUT))
            counted = met_by_a_door(at, None, state.clock)
            paid[identifier] = (customer, merchant, at, state.flags(counted, cents))
            state.pay(counted, cents, merchant, identifier)
            events.append(("merchant", merchant, payment_event(counted, cents)))
        first: dict[tuple[str, int], int] = {}
        for identifier, is_fraud, told in read(folder / "fraud_labels", "transaction_id", "is_fraud", "reported_at"):
            first[identifier, is_fraud] = min(told, first.get((identifier, is_fraud), told))
        for (identifier, is_fraud), told in first.items():
            customer, merchant, at, flags = paid[identifier]
            if told - at <= LABEL_PATIENCE:
                label = label_event(max(told, at), is_fraud, flags)
                events += [("merchant", merchant, label), ("account", customer, label)]
        asked = {}
        for loan, customer, at, cents in read(
            folder / "loan_applications", "loan_id", "customer_id", "applied_at", "amount_cents"
        ):
            asked[loan] = customer, at
            events.append(("account", customer, Event(at, "loan", (1, cents))))
        for loan, defaulted, seen in read(folder / "loan_outcomes", "loan_id", "defaulted", "observed_at"):
            customer, at = asked[loan]
            events.append(("account", customer, Event(max(seen, at), "outcome", (1, defaulted))))
        self.events = sorted(events, key=lambda e: e[2].at)
        self.applied = 0
        self.published = 0
        self.states: dict[tuple[EntityName, str], State] = {}
        self.texts: dict[tuple[EntityName, str], str] = {}

    def pass_until(self, now: int) -> None:
        """Publishes what counted before the midnight whose jobs have ended by now."""
        self.published = night_of(now) * DAY
        while self.applied < len(self.events) and self.events[self.applied][2].at < self.published:
            entity, identifier, event = self.events[self.applied]
            key = entity, identifier
            self.states.setdefault(key, State(LAYOUTS[entity])).apply(event)
            self.texts.pop(key, None)
            self.applied += 1

    def record(self, entity: EntityName, identifier: str) -> Stored | None:
        """Dated by the midnight up to which the lake was folded, as the night's job does it."""
        key = entity, identifier
        if key not in self.states:
            return None
        if key not in self.texts:
            self.texts[key] = self.states[key].dump()
        return iso(self.published), self.texts[key]


def night_of(now: int) -> int:
    return (now - PUBLISHED_AFTER) // DAY


def read(folder: Path, *names: str) -> Iterator[tuple]:
    """Rows of a folder of Parquet, times in milliseconds."""
    frame = pq.read_table(folder, columns=list(names)).to_pandas()
    for name in frame.select_dtypes(include=["datetime", "datetimetz"]):
        frame[name] = (
            pd.to_datetime(frame[name], utc=True).dt.tz_localize(None).astype("datetime64[ms]").astype("int64")
        )
    return frame.itertuples(index=False, name=None)


@dataclass
class Aws:
    """What the door calls: Feature Store, the endpoint, tables, S3 and SNS, in memory.

    As in Feature Store, a record stays when another comes that is not later: a door that dates its records wrongly
    loses what it has counted, and vectors differ.
    """

    nights: Nights
    customers: dict[str, Stored] = field(default_factory=dict)
    logged: list[bytes] = field(default_factory=list)
    late: list[bytes] = field(default_factory=list)
    tails: dict[str, dict] = field(default_factory=dict)

    def batch_get_record(self, Identifiers: list[dict]) -> dict:
        found = []
        for group in Identifiers:
            entity = group["FeatureGroupName"]
            for identifier in group["RecordIdentifiersValueAsString"]:
                own = entity == "customer"
                stored = self.customers.get(identifier) if own else self.nights.record(entity, identifier)
                if stored is not None:
                    found.append(answer(entity, identifier, stored))
        return {"Records": found}

    def batch_write_record(self, Entries: list[dict]) -> dict:
        for entry in Entries:
            values = {f["FeatureName"]: f["ValueAsString"] for f in entry["Record"]}
            identifier, stored = values["customer_id"], (values["event_time"], values["state"])
            if identifier not in self.customers or stored[0] > self.customers[identifier][0]:
                self.customers[identifier] = stored
        return {}

    def invoke_endpoint(self, Body: str, **_: str) -> dict:
        scores = [0.0 for _ in json.loads(Body)["rows"]]
        return {"Body": io.BytesIO(json.dumps({"scores": scores, "model": "none"}).encode())}

    def batch_get_item(self, RequestItems: dict) -> dict:
        if "tails" in RequestItems:
            asked = [key["customer_id"]["S"] for key in RequestItems["tails"]["Keys"]]
            return {"Responses": {"tails": [self.tails[c] for c in asked if c in self.tails]}}
        item = {"number": {"N": "1"}, "body": {"S": json.dumps({"policy": POLICY})}}
        return {"Responses": {"releases": [item], "policies": []}}

    def transact_write_items(self, TransactItems: list[dict]) -> None:
        for member in TransactItems:
            item = member["Put"]["Item"]
            self.tails[item["customer_id"]["S"]] = item

    def put_records(self, Records: list[dict], **_: str) -> dict:
        return {"Records": [{} for _ in Records]}

    def put_object(self, Key: str, Body: bytes, **_: str) -> dict:
        (self.late if Key.startswith("late/") else self.logged).append(Body)
        return {}


class Refusing(Quarantine):
    """None of these payments is refused."""

    def __init__(self) -> None:
        super().__init__(None, "lake")

    def put(self, stage: str, source: Source, at: int, row: dict, reason: str) -> None:
        raise RuntimeError(f"a payment was refused: {reason}")


def answer(entity: str, identifier: str, stored: Stored) -> dict:
    event_time, text = stored
    record = {"event_time": event_time, "feature_version": FRAUD.version, "state": text}
    return {
        "FeatureGroupName": entity,
        "RecordIdentifierValueAsString": identifier,
        "Record": [{"FeatureName": name, "ValueAsString": value} for name, value in record.items()],
    }


def serve(folder: Path, deliveries: list[tuple[int, Row]], nights: Nights, number: int, doors: int) -> None:
    """One door with its share of the customers: writes the vectors that it logged, by the payment's number."""
    served = np.lib.format.open_memmap(folder / "served.npy", "r+")
    aws = Aws(nights)
    door = StreamDoor(
        Records(aws, {entity: entity for entity in LAYOUTS}),
        Model(aws, "fraud"),
        Release(aws, aws, Places("releases", "policies", "lake")),
        Terms(aws, "lake"),
        DecisionLog(aws, "lake"),
        LateLog(aws, "lake"),
        Topic(aws, "alerts", BLOCKED),
        Topic(aws, "reviews", REVIEWED),
        MerchantStream(aws, "merchants"),
        Answers(aws, "answers", lambda: 0),
        Tails(aws, "tails", lambda: 0),
        Lists(aws, "lists", lambda: 0),
        Verifier(aws, "signing"),
        Refusing(),
        lambda: 0,
    )
    mine = [d for d in deliveries if crc32(d[1][1].encode()) % doors == number]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for batch in batches(mine):
            nights.pass_until(batch[0][0])
            door.take([kinesis_record(arrived, row) for arrived, row in batch])
            for body in aws.logged:
                for line in body.splitlines():
                    decision = json.loads(line)
                    served[number_of(decision["transaction_id"])] = decision["vector"]
            aws.logged.clear()
    served.flush()
    told = folder / "late"
    told.mkdir(exist_ok=True)
    (told / f"{number}.json").write_bytes(b"".join(aws.late))


def batches(deliveries: list[tuple[int, Row]]) -> Iterator[list[tuple[int, Row]]]:
    """None spans the end of a night's jobs."""
    for _, group in groupby(deliveries, key=lambda d: night_of(d[0])):
        rows = list(group)
        for start in range(0, len(rows), BATCH):
            yield rows[start : start + BATCH]


def kinesis_record(arrived: int, row: Row) -> dict:
    identifier, customer, merchant, at, cents = row
    payment = {
        "transaction_id": identifier,
        "event_time": iso(at),
        "customer_id": customer,
        "merchant_id": merchant,
        "amount": f"{cents // 100}.{cents % 100:02d}",
    }
    return {
        "eventID": f"shardId-000000000000:{identifier}",
        "kinesis": {
            "sequenceNumber": identifier,
            "partitionKey": customer,
            "data": base64.b64encode(json.dumps(payment).encode()).decode(),
            "approximateArrivalTimestamp": arrived / 1000,
        },
    }


def compare(lake: Path, served: np.ndarray) -> tuple[int, int]:
    """Vectors compared, and values whose bits differ."""
    compared, mismatches = 0, 0
    seen = np.zeros(len(served), bool)
    for file in sorted(lake.rglob("*.parquet")):
        table = pq.read_table(file, columns=["transaction_id", *FRAUD.columns])
        numbers = np.array([number_of(i) for i in table["transaction_id"].to_pylist()], dtype=np.int64)
        values = np.column_stack([table[name].to_numpy() for name in FRAUD.columns])
        mismatches += int((values.view(np.int64) != served[numbers].view(np.int64)).sum())
        seen[numbers] = True
        compared += len(numbers)
    if not seen.all() or compared != len(served):
        raise RuntimeError(f"the lake has {compared} vectors of {len(served)} payments")
    return compared, mismatches


def number_of(identifier: str) -> int:
    return int(identifier[1:])


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), Teller(sys.stderr)), indent=1))
