"""The doors: own CPU per decision, cold import, size; then the deployed doors on the local AWS, under load.

`decide_cpu_p50_ms` is the function's own CPU for one payment of a busy customer, AWS's answers coming from memory.
`api_p99_ms` is the client's wait at 50 requests/s; `stream_tps` payments per second from the first arrival to the last
decision, `stream_p99_ms` the age of a payment when it was decided. The stream is filled faster than it is worked off,
so that age is mostly waiting. The model is the one that an empty account starts with.
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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.deployed import deployed
from bench.replay import Aws
from demo.platform import Platform
from features.declaration import DAY, MINUTE
from features.fraud import FRAUD
from features.payment import Payment
from features.state import State, label_event, payment_event
from features.values import iso
from features.vector import CUSTOMER_LAYOUT, MERCHANT_LAYOUT
from tools import package

DECISIONS = 3_000
IMPORTS = 7
RATE, SECONDS = 50, 40  # of the API door
STREAMED, LONG = 20_000, 1_000_000
FIRST = 1_748_736_000_000  # 2025-06-01: one UTC day, so that merchants' closed days hold nothing yet
CUSTOMERS, MERCHANTS = 2_000, 200


def measure(payments: int = STREAMED) -> dict:
    """`missing` and `duplicated` are counted in the decision log; `mismatches` are values of logged vectors that differ
    from the feature engine's own, fed in the order of the shard."""
    found = {"decide_cpu_p50_ms": decide_cpu_ms(), "cold_import_ms": cold_import_ms(), "zip_mb": zip_mb()}
    with tempfile.TemporaryDirectory(prefix="bench-doors-") as folder, deployed(Path(folder)) as platform:
        return {**found, **api(platform), **stream(platform, payments)}


def decide_cpu_ms() -> float:
    """The median of many payments, each with its customer's records read anew."""
    from decide.door import ApiDoor
    from scoring.answers import Answers
    from scoring.aws import Model, Records, Release

    aws = Memory()
    names = {entity: entity for entity in ("customer", "merchant", "account")}
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
    return statistics.median(took)


class Memory(Aws):
    """One customer with six payments a day for 30 days, one merchant with a hundred."""

    def __init__(self) -> None:
        rng = random.Random(1)
        customer, merchant = State(CUSTOMER_LAYOUT), State(MERCHANT_LAYOUT)
        for at in sorted(FIRST + rng.randrange(30 * DAY) for _ in range(180)):
            customer.pay(at, rng.randrange(90_000), f"m{rng.randrange(40)}", f"t{at}")
        for at in sorted(FIRST + rng.randrange(30 * DAY) for _ in range(3_000)):
            merchant.apply(payment_event(at, rng.randrange(90_000)))
            merchant.apply(label_event(at, int(rng.random() < 0.01)))
        self.texts = {"customer": customer.dump(), "merchant": merchant.dump()}

    def batch_get_record(self, Identifiers: list[dict]) -> dict:
        records = [
            {
                "FeatureGroupName": group["FeatureGroupName"],
                "RecordIdentifierValueAsString": identifier,
                "Record": [
                    {"FeatureName": "feature_version", "ValueAsString": FRAUD.version},
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
    """An open loop: a payment every 20 ms, however long answers take."""
    for number in range(20):  # connections, and containers that are warm
        platform.ask(payment(900_000 + number, FIRST - DAY, whose="a"))
    waited: list[float] = []
    begun = time.perf_counter()

    def ask(number: int) -> None:
        due = begun + number / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        platform.ask(payment(800_000 + number, FIRST - DAY + number, whose="a"))
        waited.append((time.perf_counter() - due) * 1000)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(ask, range(RATE * SECONDS)))
    p50, p99 = np.quantile(waited, (0.5, 0.99))
    return {"api_requests_per_s": RATE, "api_p50_ms": float(p50), "api_p99_ms": float(p99)}


def stream(platform: Platform, payments: int) -> dict:
    day = iso(FIRST)[:10]
    messages = [payment(number, FIRST + number * (DAY - MINUTE) // payments) for number in range(payments)]
    begun = time.perf_counter()
    sender = threading.Thread(target=lambda: platform.stream(messages, float("inf"), lambda sent: None))
    sender.start()
    decisions = platform.await_decisions(day, payments, lambda count: None)
    sender.join()
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
