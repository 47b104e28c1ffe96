"""The doors: own CPU per decision, cold import, size; then the deployed doors on the local AWS, under load.

`decide_cpu_p50_ms` is the function's own CPU for one payment of a busy customer, AWS's answers coming from memory.
`hop_ms` are the API door's calls one by one, with its own clients and nothing else under way. `api_p99_ms` is the
client's wait at 50 requests/s, after twenty seconds of the same load, in which containers start, and a pause; on AWS
provisioned concurrency spares that. `stream_tps` is payments per second from the first arrival to the last decision,
`stream_p99_ms` the age of a payment when it was decided. The stream is filled faster than it is worked off, so that age
is mostly waiting. The API's and the stream's figures are with the model that an empty account starts with, which costs
next to nothing; `hop_ms` asks it about vectors without a value.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import numpy as np

from bench.deployed import deployed
from bench.replay import Aws
from demo.platform import Platform
from features.declaration import DAY, MINUTE
from features.fraud import FRAUD
from features.payment import Payment
from features.state import State, label_event, payment_event
from features.traffic import TRAFFIC_LAYOUT
from features.values import iso
from features.vector import ACCOUNT_LAYOUT, CUSTOMER_LAYOUT, LAYOUTS, MERCHANT_LAYOUT, VERSIONS
from tools import package

DECISIONS = 3_000
IMPORTS = 7
RATE, SECONDS = 50, 40  # of the API door
WARMING = 20  # seconds
CALLS = 300  # of each hop
SETTLING = 5  # seconds: the local AWS keeps its state when it has been quiet for two, and each call would wait for that
STREAMED, LONG = 20_000, 1_000_000
FIRST = 1_748_736_000_000  # 2025-06-01: one UTC day, so that merchants' closed days hold nothing yet
CUSTOMERS, MERCHANTS = 2_000, 200


def measure(payments: int = STREAMED) -> dict:
    """`missing` and `duplicated` are counted in the decision log; `mismatches` are values of logged vectors that differ
    from the feature engine's own, fed in the order of the shard."""
    found = {**decide_cpu(), "cold_import_ms": cold_import_ms(), "zip_mb": zip_mb()}
    with tempfile.TemporaryDirectory(prefix="bench-doors-") as folder, deployed(Path(folder)) as platform:
        return {**found, **api(platform), **stream(platform, payments), "hop_ms": hops(platform)}


def decide_cpu() -> dict[str, float]:
    """Percentiles of many payments, each with its customer's records read anew."""
    from decide.door import ApiDoor
    from scoring.answers import Answers
    from scoring.aws import Model, Records, Release

    aws = Memory()
    names = {entity: entity for entity in LAYOUTS}
    door = ApiDoor(
        Records(aws, names),  # type: ignore[arg-type]
        Model(aws, "fraud"),
        Release(aws, "release"),
        Answers(aws, "answers", lambda: 0),
        aws,
        "stream",
        lambda: FIRST,
    )
    took = []
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for number in range(DECISIONS):
            fields = payment(number, FIRST + 30 * DAY)
            begun = time.thread_time()
            door.decide(Payment.parse(fields), fields)
            took.append((time.thread_time() - begun) * 1000)
    return {f"decide_cpu_{name}_ms": value for name, value in percentiles(took).items()}


class Memory(Aws):
    """One customer with six payments a day for 30 days, all judged, and one merchant with a hundred, and
    two thousand in the last day."""

    def __init__(self) -> None:
        rng = random.Random(1)
        customer, merchant = State(CUSTOMER_LAYOUT), State(MERCHANT_LAYOUT)
        for at in sorted(FIRST + rng.randrange(30 * DAY) for _ in range(180)):
            customer.pay(at, rng.randrange(90_000), f"m{rng.randrange(40)}", f"t{at}")
        for at in sorted(FIRST + rng.randrange(30 * DAY) for _ in range(3_000)):
            merchant.apply(payment_event(at, rng.randrange(90_000)))
            merchant.apply(label_event(at, int(rng.random() < 0.01)))
        account = State(ACCOUNT_LAYOUT)
        for number in range(180):
            account.apply(label_event(FIRST + number * (DAY // 6), int(number % 60 == 0)))
        traffic = State(TRAFFIC_LAYOUT)
        for number in range(2_000):
            traffic.pay(FIRST + 29 * DAY + number * 43_000, rng.randrange(90_000), "m", f"t{number}")
        states = {"customer": customer, "merchant": merchant, "account": account, "traffic": traffic}
        self.texts = {entity: state.dump() for entity, state in states.items()}

    def batch_get_record(self, Identifiers: list[dict]) -> dict:
        records = [
            {
                "FeatureGroupName": group["FeatureGroupName"],
                "RecordIdentifierValueAsString": identifier,
                "Record": [
                    {"FeatureName": "event_time", "ValueAsString": iso(FIRST + 30 * DAY)},
                    {"FeatureName": "feature_version", "ValueAsString": VERSIONS[group["FeatureGroupName"]]},
                    {"FeatureName": "state", "ValueAsString": self.texts[group["FeatureGroupName"]]},
                ],
            }
            for group in Identifiers
            for identifier in group["RecordIdentifiersValueAsString"]
            if group["FeatureGroupName"] in self.texts
        ]
        return {"Records": records}

    def put_item(self, **_: object) -> None: ...

    def put_record(self, **_: object) -> None: ...


def payment(number: int, at: int, whose: str = "c") -> dict:
    return {
        "transaction_id": f"{whose}{number}",
        "event_time": iso(at),
        "customer_id": f"{whose}{number % CUSTOMERS}",
        "merchant_id": f"m{number % MERCHANTS}",
        "amount": f"{number % 500}.{number % 100:02d}",
    }


def cold_import_ms() -> float:
    """The median of fresh processes that import the packaged function, boto3 included, as a cold start does."""
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); begun = time.perf_counter(); "
        "import decide.handler; print((time.perf_counter() - begun) * 1000)"
    )
    command = [sys.executable, "-c", program, str(packaged("lambda/decide"))]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(IMPORTS)]
    return statistics.median(map(float, runs))


def zip_mb() -> float:
    """Of the larger of the two doors."""
    return max(packaged(f"lambda/{door}").stat().st_size for door in ("decide", "stream")) / 2**20


def packaged(name: str) -> Path:
    if not (package.BUILD / "package.tfvars.json").is_file():
        package.main()
    listed = json.loads((package.BUILD / "package.tfvars.json").read_text())["artifacts"]
    return package.BUILD / listed[name]["key"]


def api(platform: Platform) -> dict:
    """An open loop: a payment every 20 ms, however long answers take.

    A first one warms as many environments as it needs. All of them start on this machine's cores at once; the second,
    which is measured, begins when nobody waits for them any more.
    """

    def ask(number: int, due: float) -> float:
        time.sleep(max(0.0, due - time.perf_counter()))
        platform.ask(payment(800_000 + number, FIRST - DAY + number, whose="a"))
        return (time.perf_counter() - due) * 1000

    def loop(numbers: range) -> list[float]:
        begun = time.perf_counter()
        return list(pool.map(ask, numbers, (begun + place / RATE for place in range(len(numbers)))))

    with ThreadPoolExecutor(20) as pool:
        warming = RATE * WARMING
        loop(range(warming))
        time.sleep(SETTLING)
        waited = loop(range(warming, warming + RATE * SECONDS))
    p50, p99 = np.quantile(waited, (0.5, 0.99))
    return {"api_requests_per_s": RATE, "api_p50_ms": float(p50), "api_p99_ms": float(p99)}


def hops(platform: Platform) -> dict:
    """Percentiles of each call, as the function makes it, and the sum of the 99th: what a door waits at worst but for
    its own work and API Gateway's."""
    from scoring.answers import Answers
    from scoring.aws import Model, Records
    from scoring.budget import API

    name = platform.prefix
    groups = {entity: f"{name}-{entity}" for entity in LAYOUTS}
    store = boto3.client("sagemaker-featurestore-runtime", config=API.store.config)
    records = Records(store, groups, patience=API.store.requests)  # type: ignore[arg-type]
    model = Model(boto3.client("sagemaker-runtime", config=API.model.config), platform.outputs["endpoint_name"])
    answers = Answers(boto3.client("dynamodb", config=API.answers.config), f"{name}-answers", time.time)
    kinesis = boto3.client("kinesis", config=API.stream.config)
    time.sleep(SETTLING)
    empty: list[float | None] = [None] * len(FRAUD.columns)
    paid = [Payment.parse(payment(700_000 + number, FIRST - 2 * DAY, whose="h")) for number in range(CALLS)]
    calls: dict[str, Callable[[Payment], object]] = {
        "BatchGetRecord": lambda p: records.about([p]),
        "InvokeEndpoint": lambda p: model.score([empty]),
        "PutItem": lambda p: answers.claim(p, {"vector": empty}),
        "PutRecord": lambda p: kinesis.put_record(
            StreamName=platform.outputs["stream_name"],
            PartitionKey=p.customer_id,
            Data=json.dumps(payment(int(p.transaction_id[1:]), p.at, whose="h")).encode(),
        ),
    }
    found = {call: percentiles([timed(ask, p) for p in paid][CALLS // 10 :]) for call, ask in calls.items()}
    return {**found, "sum_of_p99": sum(of["p99"] for of in found.values())}


def timed(ask: Callable[[Payment], object], paid: Payment) -> float:
    begun = time.perf_counter()
    ask(paid)
    return (time.perf_counter() - begun) * 1000


def percentiles(milliseconds: list[float]) -> dict[str, float]:
    p50, p99 = np.quantile(milliseconds, (0.5, 0.99))
    return {"p50": float(p50), "p99": float(p99)}


def stream(platform: Platform, payments: int) -> dict:
    day = iso(FIRST)[:10]
    messages = [payment(number, FIRST + number * (DAY - MINUTE) // payments) for number in range(payments)]
    begun = time.perf_counter()
    sender = threading.Thread(target=lambda: platform.stream(messages, float("inf"), lambda sent: None))
    sender.start()
    decisions = platform.await_decisions(day, payments, lambda count: None)
    sender.join()
    if not decisions:
        raise RuntimeError("the stream door decided nothing for a minute: its log says why")
    decided = {d["transaction_id"]: d for d in decisions}
    last = max(d["decided_at"] for d in decisions) / 1000
    first = min(d["arrived_at"] for d in decisions) / 1000
    ages = [d["decided_at"] - d["arrived_at"] for d in decisions]
    p50, p99 = np.quantile(ages, (0.5, 0.99))
    return {
        "streamed": payments,
        "stream_tps": len(decided) / (last - first),
        "stream_wall_s": time.perf_counter() - begun,
        "stream_p50_ms": float(p50),
        "stream_p99_ms": float(p99),
        "missing": payments - len(decided),
        "duplicated": len(decisions) - len(decided),
        "mismatches": mismatches(messages, decided),
    }


def mismatches(messages: list[dict], decided: dict[str, dict]) -> int:
    """Customers' values that differ from those of an engine that was given the payments once each, in order."""
    found = 0
    states: dict[str, State] = {}
    for fields in messages:
        paid = Payment.parse(fields)
        state = states.setdefault(paid.customer_id, State(CUSTOMER_LAYOUT))
        values = state.values(max(paid.at, state.clock))
        logged = decided.get(paid.transaction_id)
        if logged is not None:
            vector = dict(zip(FRAUD.columns, logged["vector"], strict=True))
            found += sum(vector[name] != value for name, value in values.items() if name in vector)
        state.pay(paid.at, paid.amount, paid.merchant_id, paid.transaction_id)
    return found
