"""The doors: own CPU per decision, cold import, size; then the deployed doors on the local AWS, under load.

`decide_cpu_p50_ms` is the function's own CPU for one payment of a busy customer, AWS's answers coming from memory.
`cold_import_ratio` holds the import against boto3's with one client, which every function pays. `hop_ms` are the API
door's calls one by one, with its own clients and nothing else under way.

`capacity_per_s` is what this machine carries through the API door when `ASKING` clients ask one after another.
`api_p50_ms` and `api_p99_ms` are the client's wait at SHARE of that, after containers have started; `bare_...` the same
at the same load of a function that makes the door's calls and nothing else (`bench/bare.py`), in turns with it.
The stream door rests meanwhile; these and their ratios are medians over the turns, `..._worst_p99_ms` is of the worst
of them. `cpu_ms` is processor time by payment in those turns: the function's own, the model server's, the local AWS's,
and the whole path's; `path_cpu_ratio` is the door's path over the bare function's.

`stream_tps` is payments per second through the stream door, which finds all of them on its stream, `counted_tps` the
same of a function that only counts them (`bench/counting.py`), and `..._cpu_ms` their processor time by payment. The
API's and the stream's figures are with the model that an empty account starts with, which costs next to nothing;
`hop_ms` asks it about vectors without a value.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZipFile

import boto3
import numpy as np

from bench import bare, counting
from bench.deployed import deployed
from bench.processor import per_call, spent
from bench.replay import Aws
from features.declaration import DAY, MINUTE
from features.fraud import FRAUD
from features.moments import met_by_a_door
from features.payment import Payment
from features.state import State, label_event, payment_event, text_fingerprint
from features.traffic import TRAFFIC_LAYOUTS
from features.values import iso
from features.vector import ACCOUNT_LAYOUT, CUSTOMER_LAYOUT, DEVICE_LAYOUT, LAYOUTS, MERCHANT_LAYOUT, VERSIONS, cells_of
from tools import package
from tools.operate.platform import Platform
from tools.telling import Teller

DECISIONS = 3_000
IMPORTS = 7
ASKING, SHARE = 8, 0.3  # clients that find out what the machine carries, and the share of it that is measured
WAITING = 20  # clients that may wait at once, each for an environment of its own
TURNS, SECONDS = 8, 5  # of each side
WARMING = 8  # seconds
CALLS = 300  # of each hop
SETTLING = 5  # seconds: the local AWS keeps its state when it has been quiet for two, and each call would wait for that
STREAMED, LONG = 20_000, 1_000_000
FIRST = 1_748_736_000_000  # 2025-06-01: one UTC day, so that merchants' closed days hold nothing yet
CUSTOMERS, MERCHANTS = 2_000, 200
# What a payment says besides where the CPU is measured: features look at it.
TOLD = {
    "device_id": "f1c3a2b5d4e6",
    "ip": "192.0.2.7",
    "country": "IE",
    "channel": "online",
    "entry_mode": "keyed",
    "beneficiary_id": "b1",
}


def measure(payments: int, teller: Teller) -> dict:
    """`missing` and `duplicated` are counted in the decision log; `mismatches` are values of logged vectors that differ
    from the feature engine's own, fed in the order of the shard."""
    with teller.phase("the function by itself", ("deployment", "API door", "stream", "hops")):
        door, boto = cold_import_ms("decide.handler"), cold_import_ms("boto3", "boto3.client('kinesis')")
        imported = {"cold_import_ms": door, "boto3_import_ms": boto, "cold_import_ratio": door / boto}
        found = {**decide_cpu(), **imported, "zip_mb": zip_mb()}
    with (
        tempfile.TemporaryDirectory(prefix="bench-doors-") as folder,
        ended(teller.phase("deployment"), deployed(Path(folder))) as platform,
    ):
        steps: dict[str, Callable[[], dict]] = {
            "API door": lambda: api(platform, teller),
            f"{payments:,} payments that are counted": lambda: counted(platform, payments, teller),
            f"{payments:,} payments through the stream door": lambda: stream(platform, payments, teller),
            "hops": lambda: {"hop_ms": hops(platform)},
        }
        for of_step in teller.through(steps).values():
            found |= of_step
    return {
        **found,
        "stream_ratio": found["stream_tps"] / found["counted_tps"],
        "stream_cpu_ratio": found["stream_cpu_ms"]["path"] / found["counted_cpu_ms"]["path"],
    }


@contextlib.contextmanager
def ended(phase: contextlib.AbstractContextManager, made: contextlib.AbstractContextManager) -> Iterator:
    """What is made, in a phase that ends when it stands."""
    with contextlib.ExitStack() as stack:
        with phase:
            stands = stack.enter_context(made)
        yield stands


def decide_cpu() -> dict[str, float]:
    """Percentiles of many payments, each with its customer's records read anew."""
    from decide.door import ApiDoor
    from scoring.answers import Answers
    from scoring.lists import Lists
    from scoring.live import Places, Release
    from scoring.model import Model
    from scoring.records import Records
    from scoring.signing import Signer
    from scoring.tails import Tails
    from scoring.terms import Terms

    aws = Memory()
    names = {entity: entity for entity in LAYOUTS}
    door = ApiDoor(
        Records(aws, names),  # type: ignore[arg-type]
        Model(aws, "fraud"),
        Release(aws, aws, Places("releases", "policies", "lake")),
        Terms(aws, "lake"),
        Answers(aws, "answers", lambda: 0),
        Tails(aws, "tails", lambda: 0),
        Lists(aws, "lists", lambda: 0),
        ThreadPoolExecutor(1),
        Signer(aws, "signing"),
        aws,
        "stream",
        lambda: FIRST,
    )
    took = []
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for number in range(DECISIONS):
            fields = payment(number, FIRST + 30 * DAY) | TOLD
            begun = time.thread_time()
            door.decide(Payment.parse(fields), fields)
            took.append((time.thread_time() - begun) * 1000)
    return {f"decide_cpu_{name}_ms": value for name, value in percentiles(took).items()}


class Memory(Aws):
    """One customer with six payments a day for 30 days, all judged, and one merchant with a hundred, and
    two thousand in the last day, as the device and the address have, too."""

    def __init__(self) -> None:
        rng = random.Random(1)
        customer, merchant = State(CUSTOMER_LAYOUT), State(MERCHANT_LAYOUT)
        for at in sorted(FIRST + rng.randrange(30 * DAY) for _ in range(180)):
            customer.pay(at, rng.randrange(90_000), f"m{rng.randrange(40)}", f"t{at}", cells_of(at, TOLD))
        for at in sorted(FIRST + rng.randrange(30 * DAY) for _ in range(3_000)):
            merchant.apply(payment_event(at, rng.randrange(90_000)))
            merchant.apply(label_event(at, int(rng.random() < 0.01)))
        account = State(ACCOUNT_LAYOUT)
        for number in range(180):
            account.apply(label_event(FIRST + number * (DAY // 6), int(number % 60 == 0)))
        traffic = {entity: State(layout) for entity, layout in TRAFFIC_LAYOUTS.items()}
        for counted in traffic.values():
            for number in range(2_000):
                counted.pay(FIRST + 29 * DAY + number * 43_000, rng.randrange(90_000), "m", f"t{number}")
        device = State(DEVICE_LAYOUT)
        for number in range(180):  # a household's
            cells = {"customer_id": text_fingerprint(f"c{number % 3}")}
            device.apply(payment_event(FIRST + number * (DAY // 6), rng.randrange(90_000), cells=cells))
        states = {"customer": customer, "merchant": merchant, "account": account, "device": device, **traffic}
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

    def generate_data_key(self, **_: object) -> dict:
        return {"CiphertextBlob": b"key", "Plaintext": b"secret"}

    def get_item(self, **_: object) -> dict:
        return {}

    def transact_write_items(self, TransactItems: list[dict]) -> None: ...

    def put_record(self, **_: object) -> None: ...


def payment(number: int, at: int, whose: str = "c") -> dict:
    return {
        "transaction_id": f"{whose}{number}",
        "event_time": iso(at),
        "customer_id": f"{whose}{number % CUSTOMERS}",
        "merchant_id": f"m{number % MERCHANTS}",
        "amount": f"{number % 500}.{number % 100:02d}",
    }


def cold_import_ms(module: str, then: str = "pass") -> float:
    """The median of fresh processes that import a module beside the packaged function, as a cold start does: AWS
    unpacks the archive into a folder that nothing writes to, so each start compiles what it imports."""
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); begun = time.perf_counter(); "
        f"import {module}; {then}; print((time.perf_counter() - begun) * 1000)"
    )
    with tempfile.TemporaryDirectory(prefix="bench-task-") as task:
        with ZipFile(packaged("lambda/decide")) as archive:
            archive.extractall(task)
        command = [sys.executable, "-B", "-c", program, task]
        setting = {**os.environ, "AWS_DEFAULT_REGION": "eu-west-1"}
        runs = [
            subprocess.run(command, env=setting, stdout=subprocess.PIPE, text=True, check=True).stdout
            for _ in range(IMPORTS)
        ]
    return statistics.median(map(float, runs))


def zip_mb() -> float:
    """Of the larger of the two doors."""
    return max(packaged(f"lambda/{door}").stat().st_size for door in ("decide", "stream")) / 2**20


def packaged(name: str) -> Path:
    if not (package.BUILD / "platform.tfvars.json").is_file():
        package.main()
    listed = json.loads((package.BUILD / "platform.tfvars.json").read_text())["artifacts"]
    return package.BUILD / listed[name]["key"]


def api(platform: Platform, teller: Teller) -> dict:
    """An open loop, whose payments come on time however long answers take, at the door and at the bare function in
    turns: both see the same machine.

    A first one warms as many environments as it needs. All of them start on this machine's cores at once; what is
    measured begins when nobody waits for them any more.
    """
    numbers = itertools.count(800_000)
    waited: dict[str, list[list[float]]] = {"api": [], "bare": []}
    taken: dict[str, Counter[str]] = {"api": Counter(), "bare": Counter()}

    def ask(side: Platform, due: float) -> float:
        time.sleep(max(0.0, due - time.perf_counter()))
        side.ask(payment(next(numbers), FIRST - DAY, whose="a"))
        return (time.perf_counter() - due) * 1000

    def loop(name: str, side: Platform) -> None:
        begun = time.perf_counter()
        dues = [begun + place / rate for place in range(int(rate * SECONDS))]
        with spent(taken[name]):
            waited[name].append([*pool.map(ask, itertools.repeat(side), dues)])

    counting.reads(platform, f"{platform.prefix}-stream", False)
    with bare.beside(platform) as other, ThreadPoolExecutor(WAITING) as pool:
        for side in (platform, other):
            closed(side, numbers, WARMING, WAITING)
        capacity = closed(platform, numbers, WARMING, ASKING)
        rate = capacity * SHARE
        time.sleep(SETTLING)
        for turn in range(TURNS):
            teller.say(f"API door and bare function at {rate:.0f} payments/s, turn {turn + 1} of {TURNS}")
            loop("api", platform)
            loop("bare", other)
    asked = next(numbers) - 800_000
    counting.reads(platform, f"{platform.prefix}-stream", True)
    with teller.phase("payments that waited on the stream"):
        log = platform.await_decisions(iso(FIRST - DAY)[:10], asked, lambda done: teller.far("decided", done, asked))
    answered = [decision for decision in log if decision["door"] == "api"]
    own = {"api": f"{platform.prefix}-decide", "bare": f"{platform.prefix}-bare"}
    cpu = {name: per_call(taken[name], own[name], sum(map(len, waited[name]))) for name in own}
    door, plain = (over_turns(waited[side]) for side in ("api", "bare"))
    return {
        "capacity_per_s": capacity,
        "load_share": SHARE,
        "overtaken_in_10000": 10_000 * sum(d["overtaken"] for d in answered) / len(answered),
        "inexact_in_10000": 10_000 * sum(not d["velocity_exact"] for d in answered) / len(answered),
        "api_requests_per_s": rate,
        **{f"api_{name}_ms": value for name, value in door.items()},
        **{f"bare_{name}_ms": value for name, value in plain.items()},
        **{f"api_{name}_ratio": value for name, value in by_turn(waited["api"], waited["bare"]).items()},
        "cpu_ms": cpu,
        "path_cpu_ratio": cpu["api"]["path"] / cpu["bare"]["path"],
    }


def over_turns(turns: list[list[float]]) -> dict[str, float]:
    """Medians of the turns' percentiles, and the 99th of the worst turn, in which the machine may have been busy."""
    found = [percentiles(waited) for waited in turns]
    medians = {name: statistics.median(turn[name] for turn in found) for name in found[0]}
    return {**medians, "worst_p99": max(turn["p99"] for turn in found)}


def by_turn(ours: list[list[float]], theirs: list[list[float]]) -> dict[str, float]:
    """Ratios of percentiles: the median of the turns', for the machine may be busy with something else in one."""
    turns = [(percentiles(door), percentiles(other)) for door, other in zip(ours, theirs, strict=True)]
    return {name: statistics.median(door[name] / other[name] for door, other in turns) for name in turns[0][0]}


def closed(side: Platform, numbers: Iterator[int], seconds: float, asking: int) -> float:
    """Payments per second when so many clients ask one after another."""
    until = time.perf_counter() + seconds

    def client(_: int) -> int:
        answered = 0
        while time.perf_counter() < until:
            side.ask(payment(next(numbers), FIRST - DAY, whose="a"))
            answered += 1
        return answered

    with ThreadPoolExecutor(asking) as pool:
        return sum(pool.map(client, range(asking))) / seconds


def hops(platform: Platform) -> dict:
    """Percentiles of each call, as the function makes it, and the sum of the 99th: what a door waits at worst but for
    its own work and API Gateway's."""
    from scoring.answers import Answers
    from scoring.budget import API
    from scoring.model import Model
    from scoring.records import Records
    from scoring.tails import Record, Tail, Tails

    name = platform.prefix
    groups = {entity: f"{name}-{entity}" for entity in LAYOUTS}
    store = boto3.client("sagemaker-featurestore-runtime", config=API.store.config)
    records = Records(store, groups, patience=API.store.requests)  # type: ignore[arg-type]
    model = Model(boto3.client("sagemaker-runtime", config=API.model.config), platform.outputs["endpoint_name"])
    table = boto3.client("dynamodb", config=API.answers.config)
    answers = Answers(table, f"{name}-answers", time.time)
    tails = Tails(table, f"{name}-tails", time.time)
    kinesis = boto3.client("kinesis", config=API.stream.config)
    time.sleep(SETTLING)
    empty: list[float | None] = [None] * len(FRAUD.columns)
    paid = [Payment.parse(payment(700_000 + number, FIRST - 2 * DAY, whose="h")) for number in range(CALLS)]
    calls: dict[str, Callable[[Payment], object]] = {
        "BatchGetRecord": lambda p: records.about([p]),
        "InvokeEndpoint": lambda p: model.score([empty]),
        "GetItem": lambda p: tails.of(p.customer_id),
        "TransactWriteItems": lambda p: answers.claim(
            p, {"vector": empty}, {}, tails.put(p.transaction_id, Tail(), Tail().appended(Record(), ()))
        ),
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


def counted(platform: Platform, payments: int, teller: Teller) -> dict:
    with counting.beside(platform) as other:
        fill(other, streamed(payments), teller)
        taken: Counter[str] = Counter()
        with spent(taken):
            begun = let_go(other, other.name)
            last = other.await_counts(payments, lambda done: teller.far("payments counted", done, payments))
        rate = payments / (last - begun)
        return {"counted_tps": rate, "counted_cpu_ms": per_call(taken, other.name, payments)}


def streamed(payments: int) -> list[dict]:
    return [payment(number, FIRST + number * (DAY - MINUTE) // payments) for number in range(payments)]


def fill(platform: Platform, messages: list[dict], teller: Teller) -> None:
    with teller.phase("the stream is filled"):
        platform.stream(messages, float("inf"), lambda sent: teller.far("payments sent", sent, len(messages)))


def let_go(platform: Platform, function: str) -> float:
    """The function begins to read its stream. Returns when, in seconds since 1970."""
    begun = time.time()
    counting.reads(platform, function, True)
    return begun


def stream(platform: Platform, payments: int, teller: Teller) -> dict:
    messages, function = streamed(payments), f"{platform.prefix}-stream"
    counting.reads(platform, function, False)
    time.sleep(SETTLING)
    fill(platform, messages, teller)
    taken: Counter[str] = Counter()
    with spent(taken):
        begun = let_go(platform, function)
        decisions = platform.await_decisions(
            iso(FIRST)[:10], payments, lambda done: teller.far("payments decided", done, payments)
        )
    if not decisions:
        raise RuntimeError("the stream door decided nothing for a minute: its log says why")
    decided = {d["transaction_id"]: d for d in decisions}
    last = max(d["decided_at"] for d in decisions) / 1000
    return {
        "streamed": payments,
        "stream_tps": len(decided) / (last - begun),
        "stream_cpu_ms": per_call(taken, function, payments),
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
        counted = met_by_a_door(paid.at, None, state.clock)
        values = state.values(counted)
        logged = decided.get(paid.transaction_id)
        if logged is not None:
            vector = dict(zip(FRAUD.columns, logged["vector"], strict=True))
            found += sum(vector[name] != value for name, value in values.items() if name in vector)
        cells = cells_of(paid.at, paid.further)
        state.pay(counted, paid.amount, paid.merchant_id, paid.transaction_id, cells)
    return found
