"""The console on a platform that holds a million decisions and 100,000 review cases (`make bench ONLY=console`).

One payment is asked of the deployed API door. What the stream door then writes into the decision log is the pattern of
all others, over DAYS days; each line differs in its payment, customer, merchant, device, moment, amount, score and
action. SILVER holds the same payments. Cases are what the review intake writes. Pages are measured as by
`make console-check`; `cold_ms` is of a page's first load, before anything is remembered.
"""

from __future__ import annotations

import gzip
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from cases.case import Verdict, claim, decide
from cases.table import Cases, Told, case_of, item_of

from bench import console
from bench.browser import BROWSERS
from bench.deployed import ENVIRONMENT, deployed
from features.values import instant, iso
from glue.lake import Lake
from glue.tables import SILVER
from tools.operate.platform import Platform, wait
from tools.telling import Teller

DECISIONS, CASES, DAYS = 1_000_000, 100_000, 30
WAITING = 2_000  # cases that nobody has decided: a week of what reviewers can do
FIRST = instant("2026-01-01T00:00:00Z")  # ms
DAY = 86_400_000
CUSTOMERS, MERCHANTS = 50_000, 2_000
FOREIGN = 0.002  # share of the payments that are made from another customer's device
STOPPED = 0.01  # share of the decisions that are reviewed or blocked
TOGETHER = 25  # items of a BatchWriteItem, the API's limit
WRITING = 4  # requests to DynamoDB at once
BROWSER = Path(".venv/browser/bin/python")


def measure(teller: Teller) -> dict:
    require_browser()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with teller.phase("The platform is deployed"):
            stack = deployed(Path(folder))
            platform = stack.__enter__()
        try:
            return measured(platform, teller)
        finally:
            stack.__exit__(None, None, None)


def measured(platform: Platform, teller: Teller) -> dict:
    with teller.phase("One payment is decided and logged"):
        pattern = decided(platform)
    with teller.phase(f"{DECISIONS:,} decisions are written to log and SILVER"):
        for day in range(DAYS):
            write(platform, pattern, day)
        catalogue(platform)
    with teller.phase(f"{CASES:,} cases are opened"):
        open_cases(platform, pattern)
    walk, rss_mb = console.walked(ENVIRONMENT, platform, str(BROWSER), None, teller)
    return {"decisions": DECISIONS, "cases": CASES, **console.report(walk, rss_mb)}


def require_browser() -> None:
    """Raises SystemExit before anything is deployed."""
    if not BROWSER.exists() or not any(map(shutil.which, BROWSERS)):
        raise SystemExit(
            f"bench: console: expected {BROWSER} (make .venv/browser/.ready) and one of {', '.join(BROWSERS)} "
            "(on Debian: apt-get install chromium)"
        )


def decided(platform: Platform) -> dict[str, Any]:
    """A line of the decision log, as the stream door wrote it."""
    at = iso(FIRST)
    said = {"device_id": "D0", "country": "IE", "channel": "online", "entry_mode": "keyed"}
    platform.ask(
        {
            "transaction_id": "first",
            "customer_id": "C0",
            "merchant_id": "M0",
            "event_time": at,
            "amount": "12.34",
            **said,
        }
    )
    (line,) = wait(lambda: platform.decisions(at[:10]), lambda lines: len(lines) == 1, hours=1)
    return line


def rows(pattern: dict[str, Any], day: int) -> Iterator[dict[str, Any]]:
    """A day's decisions, the same in each run."""
    dice = random.Random(day)
    each = DECISIONS // DAYS
    for number in range(each):
        at = FIRST + day * DAY + number * (DAY // each)
        score = dice.random() ** 8
        stopped = score > 0.5 and dice.random() < STOPPED * 10
        cents = int(dice.random() ** 3 * 50_000)
        vector = [float(cents), *pattern["vector"][1:]]
        customer = int(dice.random() ** 2 * CUSTOMERS)
        owner = customer if dice.random() < 1 - FOREIGN else int(dice.random() * CUSTOMERS)
        yield {
            **pattern,
            "transaction_id": f"T{day:02d}{number:07d}",
            "customer_id": f"C{customer}",
            "merchant_id": f"M{int(dice.random() ** 2 * MERCHANTS)}",
            "event_time": iso(at),
            "counted_at": at,
            "arrived_at": at,
            "decided_at": at + 12,
            "amount_cents": cents,
            "vector": vector,
            "fraud_score": score,
            "action": ("BLOCK" if score > 0.9 else "REVIEW") if stopped else "APPROVE",
            "reasons": ["score_at_or_above_review_threshold"] if stopped else [],
            "attributes": json.dumps({**json.loads(pattern["attributes"]), "device_id": f"D{owner}"}),
        }


def write(platform: Platform, pattern: dict[str, Any], day: int) -> None:
    """A day of the log, in one file, and of SILVER."""
    s3, date = platform.client("s3"), iso(FIRST + day * DAY)[:10]
    found = list(rows(pattern, day))
    lines = "".join(json.dumps(row) + "\n" for row in found).encode()
    key = f"decisions/decision_date={date}/bench-{day:02d}.json.gz"
    s3.put_object(Bucket=platform.lake, Key=key, Body=gzip.compress(lines, 1))
    table = SILVER["transactions"]
    kinds = {
        "map<string,string>": pa.map_(pa.string(), pa.string()),
        "string": pa.string(),
        "bigint": pa.int64(),
        "int": pa.int32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    columns = {
        field.name: pa.array([cell(row, field.name) for row in found], kinds[field.type]) for field in table.columns
    }
    with tempfile.NamedTemporaryFile() as file:
        pq.write_table(pa.table(columns), file.name, compression="zstd")
        s3.upload_file(
            file.name, platform.lake, f"{table.prefix}/event_date={date}/batch={date}/part-{day:05d}.parquet"
        )


def cell(row: dict[str, Any], name: str) -> object:
    """What SILVER has of a payment; nothing of what the pattern does not say."""
    if name == "event_time":
        return datetime.fromtimestamp(row["counted_at"] / 1000, UTC)
    if name == "original_cents":
        return row["amount_cents"]
    if name in ("transaction_id", "customer_id", "merchant_id", "amount_cents"):
        return row[name]
    return json.loads(row["attributes"]).get(name)


def catalogue(platform: Platform) -> None:
    """Makes Athena see the days, as the night does it."""
    glue, days = platform.client("glue"), [iso(FIRST + day * DAY)[:10] for day in range(DAYS)]
    lake = Lake(f"s3://{platform.lake}", platform.prefix.replace("-", "_"), platform.client("s3"), glue)
    lake.register(SILVER["transactions"], [(day, day) for day in days])
    crawler = f"{platform.prefix}-decisions"
    glue.start_crawler(Name=crawler)
    wait(lambda: glue.get_crawler(Name=crawler)["Crawler"], lambda found: found["State"] == "READY", hours=1)


class Written:
    """DynamoDB that holds nothing and keeps what is put: the intake's own items, to be written many at a time."""

    def __init__(self) -> None:
        self.items: list[dict] = []

    def get_item(self, **_: object) -> dict:
        return {}

    def transact_write_items(self, TransactItems: list[dict]) -> None:
        self.items += [member["Put"]["Item"] for member in TransactItems]

    def decide(self, since: int, at: int) -> None:
        """Makes the case of the items from `since` on a decided one."""
        place = next(n for n in range(since, len(self.items)) if self.items[n]["what"]["S"] == "case")
        case = case_of(self.items[place])
        by, honest = "arn:aws:iam::111122223333:user/bench", Verdict("honest", "known to the customer", case.payments)
        held = claim(case, by, case.opened_at, at - case.opened_at + 1).case
        self.items[place] |= item_of(decide(held, by, honest, at).case)


def open_cases(platform: Platform, pattern: dict[str, Any]) -> None:
    """One payment each, the newest WAITING of them not yet decided. Of ten cases one has been let through and would be
    blocked now."""
    dynamodb, table = platform.client("dynamodb"), f"{platform.prefix}-cases"
    written, now = Written(), int(time.time() * 1000)
    for number in range(CASES):
        opened = now - (CASES - number) * 1000
        cases = Cases(written, table, lambda opened=opened: opened)
        message = {
            "transaction_id": f"R{number}",
            "customer_id": f"R{number}",
            "merchant_id": "M1",
            "amount_cents": 1234,
            "fraud_score": 0.7,
            "action": "APPROVE" if number % 10 == 0 else "REVIEW",
            "judged_again": "BLOCK" if number % 10 == 0 else None,
            "reasons": ["score_at_or_above_review_threshold"],
            "explanation": pattern["explanation"],
            "event_time": iso(opened),
        }
        since = len(written.items)
        cases.take_in(Told(f"R{number}", f"R{number}", message))
        if number < CASES - WAITING:
            written.decide(since, opened + 60_000)
    batches = [written.items[start : start + TOGETHER] for start in range(0, len(written.items), TOGETHER)]

    def put(items: list[dict]) -> None:
        left = {table: [{"PutRequest": {"Item": item}} for item in items]}
        while left:
            left = dynamodb.batch_write_item(RequestItems=left).get("UnprocessedItems") or {}

    with ThreadPoolExecutor(WRITING) as pool:
        list(pool.map(put, batches))
