"""What analysts ask: every view and every saved query, as Terraform makes them, answered by Athena from rows in S3.

What is expected is computed here, row by row, from the same rows.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from scoring.policy import Policy

from features.fraud import FRAUD
from features.payment import Payment
from glue.lake import Lake
from glue.tables import CREDIT_DECISIONS, DECISIONS, PREDICTIONS, SILVER, TABLES, TRANSACTION_FEATURES, Table
from tests.ruled import limit, listed
from tools import athena, package
from tools.backtest.__main__ import backtest
from tools.terraform.stacks import ROOT, mirror
from training.policy import Costs

MODULES = ROOT / "terraform" / "modules"
VIEWS = sorted(path.stem for path in (MODULES / "catalog" / "views").glob("*.sql"))
QUERIES = sorted(path.stem for path in (MODULES / "catalog" / "queries").glob("*.sql"))
ARROW = {
    "string": pyarrow.string(),
    "int": pyarrow.int32(),
    "bigint": pyarrow.int64(),
    "double": pyarrow.float64(),
    "timestamp": pyarrow.timestamp("us"),
    "map<string,string>": pyarrow.map_(pyarrow.string(), pyarrow.string()),
}
START = datetime(2026, 3, 30, 1)
NASTY = ("", ", x", ' "y"', " \\Zoë'", ',"')  # what identifiers may hold, and CSV must keep
Row = dict[str, Any]


class World:
    """A small bank: the rows of every table that a view reads."""

    def __init__(self) -> None:
        draw = Random(17)
        self.payments = [
            {
                "transaction_id": f"T{n:03}",
                "event_time": START + timedelta(hours=3 * n, minutes=draw.randrange(60)),
                "customer_id": f"C{draw.randrange(6)}",
                "merchant_id": draw.choice(("M0", "M0", "M0", "M1", "M2", "M3")),
                "amount_cents": draw.randrange(1, 90_000),
            }
            for n in range(260)
        ]
        # Half of the payments are judged, some twice: then the later word counts.
        self.labels: list[Row] = []
        for payment in draw.sample(self.payments, 130):
            said = payment["event_time"] + timedelta(hours=draw.randrange(1, 100))
            fraud = int(draw.random() < 0.4)
            self.labels.append(self.label(payment, fraud, said))
            if draw.random() < 0.3:
                self.labels.append(self.label(payment, 1 - fraud, said + timedelta(hours=5)))
        self.loans = [
            {
                "loan_id": f"L{n:03}" + NASTY[n % len(NASTY)],
                "customer_id": f"C{draw.randrange(4, 9)}",
                "applied_at": START + timedelta(days=n),
                "amount_cents": draw.randrange(100_000, 900_000),
                "term_months": 12,
            }
            for n in range(50)
        ]
        self.predictions = [
            {**loan, "default_prob": draw.choice((0.0, 0.05, 1.0, draw.random()))} for loan in self.loans[:40]
        ]
        self.outcomes = [
            {"loan_id": loan["loan_id"], "defaulted": draw.randrange(2), "observed_at": START + timedelta(days=99)}
            for loan in draw.sample(self.loans, 30)
        ]
        # Some were told otherwise before: then the later word counts.
        self.outcomes += [
            {**told, "defaulted": 1 - told["defaulted"], "observed_at": START + timedelta(days=60 + n)}
            for n, told in enumerate(self.outcomes[::3])
        ]
        self.vectors = {p["transaction_id"]: [draw.random() for _ in FRAUD.columns] for p in self.payments}
        self.vectors[self.payments[-8]["transaction_id"]][3] = None  # unknown on both sides
        self.decisions = [self.decision(payment, draw) for payment in self.payments[-30:]]
        self.decisions[4]["vector"][0] += 1e-12  # not what the lake computes
        self.decisions[5]["vector"] = None  # degraded: no vector was there
        self.decisions[5]["degrade_step"] = "rules_only"
        self.decisions[7]["degrade_step"] = "default_features"  # and says that these are not the lake's
        self.decisions[7]["vector"][0] += 1
        self.decisions[8]["overtaken"] = True  # by payments in flight, and says so
        self.decisions[8]["vector"][0] += 1
        del self.vectors[self.decisions[6]["transaction_id"]]  # the lake has not come so far
        self.remade = self.decisions[9]["transaction_id"]  # by an older feature set than the door's
        self.decisions[9]["vector"][0] += 1
        self.runs = [
            ("2026-03", "20260401T060000000Z", "first", [self.credit(loan, draw) for loan in self.loans[:12]]),
            ("2026-03", "20260402T060000000Z", "later", [self.credit(loan, draw) for loan in self.loans[:9]]),
            ("2026-03", "20260402T060000000Z", "earlier", [self.credit(self.loans[0], draw)]),
            ("2026-03-31", "20260401T070000000Z", "daily", [self.credit(loan, draw) for loan in self.loans[1:4]]),
        ]
        self.answers = [
            {**self.credit(loan, draw), "applied_at": "", "door": "api", "cells": ["1.0", "car"]}
            for loan in self.loans[20:34]
        ]
        for n, answer in enumerate(self.answers):
            answer["day"] = f"2026-04-0{1 + n % 2}"
        self.answers[3]["reasons"] = ["unread", "income"]
        self.set_aside = [
            ("transactions", "b1", "bronze", ["unreadable_amount", "missing_customer_id"], 7),
            ("transactions", "b1", "bronze", ["unreadable_amount"], 9),
            ("transactions", "b1", "silver", ["duplicate"], 12),
            ("transactions", "b2", "silver", ["duplicate"], 3),
            ("loan_applications", "b2", "bronze", ["missing_loan_id"], 1),
        ]

    @staticmethod
    def label(payment: Row, fraud: int, said: datetime) -> Row:
        return {"transaction_id": payment["transaction_id"], "is_fraud": fraud, "reported_at": said}

    def decision(self, payment: Row, draw: Random) -> Row:
        return {
            **payment,
            "event_time": payment["event_time"].isoformat() + "Z",
            "fraud_score": draw.random(),
            "action": draw.choice(("APPROVE", "REVIEW", "BLOCK")),
            "reasons": [],
            "vector": list(self.vectors[payment["transaction_id"]]),
            "feature_version": FRAUD.version,
            "model": "m",
            "policy_version": "1",
            "degrade_step": "none",
            "door": draw.choice(("api", "stream")),
            "arrived_at": 1_000_000,
            "decided_at": 1_000_000 + draw.randrange(5, 90),
            "counted_at": 1_000_000,
            "overtaken": False,
        }

    @staticmethod
    def credit(loan: Row, draw: Random) -> Row:
        """What a credit policy decided; of some loans the model has said nothing."""
        p = draw.choice((None, draw.random(), draw.random()))
        return {
            "customer_id": loan["customer_id"],
            "loan_id": loan["loan_id"],
            "default_prob": p,
            "band": None if p is None else "A" if p < 0.5 else "B",
            "decision": "REFER" if p is None else draw.choice(("APPROVE", "DECLINE")),
            "expected_loss": None if p is None else p * 50.0,
            "exposure": 100.0,
            "reasons": ["no_score"] if p is None else [],
            "policy_version": "p-1",
            "model": "m",
        }

    def given_up(self) -> list[Row]:
        """Earlier decisions on some payments, logged and never applied; and one that is there twice."""
        first, second, third = (
            {
                **row,
                "action": "APPROVE" if row["action"] == "BLOCK" else "BLOCK",
                "fraud_score": 1 - row["fraud_score"],
                "vector": [-1.0] * len(FRAUD.columns),
                **earlier,
            }
            for row, earlier in (
                (self.decisions[1], {"decided_at": self.decisions[1]["decided_at"] - 1, "counted_at": 2_000_000}),
                (self.decisions[2], {"counted_at": 999_999}),
                (self.decisions[8], {"overtaken": False}),
            )
        )
        return [self.decisions[0], first, second, third]

    @property
    def verdicts(self) -> dict[str, int]:
        """The latest word on every payment that was judged."""
        return {r["transaction_id"]: r["is_fraud"] for r in sorted(self.labels, key=lambda r: r["reported_at"])}

    @property
    def became(self) -> dict[str, int]:
        """The latest word on every loan that was observed."""
        return {r["loan_id"]: r["defaulted"] for r in sorted(self.outcomes, key=lambda r: r["observed_at"])}

    def put(self, lake: Lake) -> None:
        def day(name: str, length: int) -> Callable[[Row], list[str]]:
            return lambda row: [row[name].isoformat()[:length], "b1"]

        write(lake, SILVER["transactions"], self.payments, day("event_time", 10))
        write(lake, SILVER["fraud_labels"], self.labels, day("reported_at", 7))
        write(lake, SILVER["loan_applications"], self.loans, day("applied_at", 7))
        write(lake, SILVER["loan_outcomes"], self.outcomes, day("observed_at", 7))
        gold = [
            {
                **p,
                **dict(zip(FRAUD.columns, self.vectors[p["transaction_id"]], strict=True)),
                "feature_version": "0" * 12 if p["transaction_id"] == self.remade else FRAUD.version,
            }
            for p in self.payments
            if p["transaction_id"] in self.vectors
        ]
        write(lake, TRANSACTION_FEATURES, gold, lambda row: [row["event_time"].isoformat()[:10]])
        for name, decisions in (("a", self.decisions), ("b", self.given_up())):
            for (date,), rows in grouped(decisions, lambda row: [row["event_time"][:10]]).items():
                lines = "".join(json.dumps(row, default=str) + "\n" for row in rows)
                lake.s3.put_object(
                    Bucket=lake.bucket, Key=f"decisions/decision_date={date}/{name}.json", Body=lines.encode()
                )
                lake.register(DECISIONS, [[date]])
        for (month,), rows in grouped(self.predictions, lambda row: [row["applied_at"].isoformat()[:7]]).items():
            written = io.StringIO()
            columns = ("customer_id", "loan_id", "default_prob")
            csv.writer(written, lineterminator="\n").writerows([row[name] for name in columns] for row in rows)
            lines = written.getvalue()
            key = f"predictions/month={month}/applications.csv.out"
            lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=lines.encode())
            lake.register(PREDICTIONS, [[month]])
        for period, started, run, rows in self.runs:
            folder = f"predictions/credit_decisions/period={period}/started_at={started}/run={run}"
            lake.s3.put_object(Bucket=lake.bucket, Key=f"{folder}/decisions.jsonl", Body=json_lines(rows))
            lake.register(CREDIT_DECISIONS, [[period, started, run]])
        for number, answer in enumerate(self.answers):
            told = {name: cell for name, cell in answer.items() if name != "day"}
            key = f"predictions/loan_answers/day={answer['day']}/{number}.jsonl"
            lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=json_lines([told]))
        for number, (entity, batch, stage, reasons, row) in enumerate(self.set_aside):
            source = f"s3://{lake.bucket}/raw/{entity}/batch={batch}/{entity}.csv"
            line = {
                "reasons": reasons,
                "source_file": source,
                "row_number": row,
                "amount": "x",
                "attributes": {"a": "b"},
            }
            key = f"quarantine/{entity}/batch={batch}/stage={stage}/part-{number}.json"
            lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=(json.dumps(line) + "\n").encode())


def json_lines(rows: list[Row]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def grouped(rows: list[Row], by: Callable[[Row], Any]) -> dict[tuple, list[Row]]:
    found: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(by(row))].append(row)
    return found


def write(lake: Lake, table: Table, rows: list[Row], partition: Callable[[Row], list[str]]) -> None:
    for values, part in grouped(rows, partition).items():
        columns = {c.name: pyarrow.array([r.get(c.name) for r in part], ARROW[c.type]) for c in table.columns}
        body = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.table(columns), body)
        folder = "/".join(f"{key.name}={value}" for key, value in zip(table.partitions, values, strict=True))
        lake.s3.put_object(Bucket=lake.bucket, Key=f"{table.prefix}/{folder}/part.parquet", Body=body.getvalue())
        lake.register(table, [list(values)])


class Analysts:
    """The catalog as Terraform made it, and Athena over it."""

    def __init__(self, aws, folder: Path) -> None:
        self.aws, self.folder, self.world = aws, folder, World()
        self.prefix = aws.name("risk")
        self.database_prefix = self.prefix.replace("-", "_")
        self.lake = Lake(f"s3://{aws.bucket()}", self.database_prefix, aws.client("s3"), aws.client("glue"))

    def terraform(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in self.aws.aws.environment().items() if not name.startswith("TF_")}
        return subprocess.run(
            ["terraform", f"-chdir={self.folder}", *arguments],
            env={**kept, "TF_IN_AUTOMATION": "1", "HOME": os.environ.get("HOME", "/")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def deploy(self) -> None:
        lake = {
            "name": self.lake.bucket,
            "arn": f"arn:aws:s3:::{self.lake.bucket}",
            "kms_key_arn": "arn:aws:kms:eu-west-1:000000000000:key/lake",
        }
        module = {
            "source": "./modules/catalog",  # a module reaches those beside it in its own package only
            "lake": lake,
            "prefix": self.prefix,
            "database_prefix": self.database_prefix,
            "tables": {f"{t.zone}.{t.name}": package.table(t) for t in TABLES},
        }
        shutil.copytree(MODULES, self.folder / "modules", ignore=shutil.ignore_patterns(".terraform*"))
        root = {"provider": {"aws": {"s3_use_path_style": True}}, "module": {"catalog": module}}
        (self.folder / "main.tf.json").write_text(json.dumps(root))
        found = mirror()
        for arguments in (["init", *([f"-plugin-dir={found}"] if found else [])], ["apply", "-auto-approve"]):
            done = self.terraform(*arguments, "-input=false", "-no-color")
            assert done.returncode == 0, done.stdout

    def execute(self, sql: str, *parameters: str) -> tuple[list[tuple[str, str]], list[Row]]:
        """Columns with their types, and rows by column with values read by type."""
        athena = self.aws.client("athena")
        more = {"ExecutionParameters": list(parameters)} if parameters else {}
        started = athena.start_query_execution(
            QueryString=sql,
            WorkGroup=self.prefix,
            QueryExecutionContext={"Database": f"{self.database_prefix}_analytics"},
            **more,
        )["QueryExecutionId"]

        def ended():
            found = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
            return found if found["State"] in ("SUCCEEDED", "FAILED") else None

        status = self.aws.wait(ended)
        assert status["State"] == "SUCCEEDED", status
        pages = list(athena.get_paginator("get_query_results").paginate(QueryExecutionId=started))
        described = pages[0]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        columns = [(c["Name"], c["Type"]) for c in described]
        read = {"bigint": int, "integer": int, "double": float}
        cells = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
        rows = [
            {
                name: None if (text := cell.get("VarCharValue")) is None else read.get(kind, str)(text)
                for (name, kind), cell in zip(columns, row, strict=True)
            }
            for row in cells[1:]  # the first one names the columns
        ]
        return columns, rows


@pytest.fixture(scope="module")
def analysts(aws, tmp_path_factory):
    found = Analysts(aws, tmp_path_factory.mktemp("catalog"))
    found.deploy()
    found.world.put(found.lake)
    yield found
    done = found.terraform("destroy", "-auto-approve", "-input=false", "-no-color")
    assert done.returncode == 0, done.stdout


# What the answers must be.


def mean(values: list[float]) -> float | None:
    return fmean(values) if values else None


def euros(rows: list[Row]) -> float:
    return sum(row["amount_cents"] for row in rows) / 100


def portfolio_by_vintage(w: World) -> list[Row]:
    outcome = w.became
    scored = {p["loan_id"]: p["default_prob"] for p in w.predictions}
    return [
        {
            "vintage": vintage,
            "loans": len(rows),
            "amount": euros(rows),
            "scored": sum(r["loan_id"] in scored for r in rows),
            "mean_pd": mean([scored[r["loan_id"]] for r in rows if r["loan_id"] in scored]),
            "observed": sum(r["loan_id"] in outcome for r in rows),
            "defaults": sum(outcome.get(r["loan_id"], 0) for r in rows),
            "default_rate": mean([outcome[r["loan_id"]] for r in rows if r["loan_id"] in outcome]),
        }
        for (vintage,), rows in grouped(w.loans, lambda r: [r["applied_at"].isoformat()[:7]]).items()
    ]


def default_rate_by_score_band(w: World) -> list[Row]:
    outcome = w.became
    answer = []
    for (band,), rows in grouped(w.predictions, lambda r: [min(int(r["default_prob"] * 20), 19)]).items():
        seen = [(r["default_prob"], outcome[r["loan_id"]]) for r in rows if r["loan_id"] in outcome]
        answer.append(
            {
                "band_from": band / 20,
                "band_to": (band + 1) / 20,
                "loans": len(rows),
                "observed": len(seen),
                "predicted_rate": mean([p for p, _ in seen]),
                "default_rate": mean([d for _, d in seen]),
                "gap": mean([d - p for p, d in seen]),
            }
        )
    return answer


def lent(rows: list[Row]) -> Row:
    losses = [r["expected_loss"] for r in rows if r["expected_loss"] is not None]
    return {
        "mean_default_prob": mean([r["default_prob"] for r in rows if r["default_prob"] is not None]),
        "exposure": sum(r["exposure"] for r in rows),
        "expected_loss": sum(losses) if losses else None,
    }


def loans_by_decision(w: World) -> list[Row]:
    """Of each period the run that began last."""
    newest: dict[str, tuple[str, str]] = {}
    for period, started, run, _ in w.runs:
        newest[period] = max(newest.get(period, ("", "")), (started, run))
    rows = [
        {**row, "period": period}
        for period, started, run, kept in w.runs
        if newest[period] == (started, run)
        for row in kept
    ]
    return [
        {
            "period": period,
            "decision": decision,
            "band": band,
            "loans": len(part),
            **lent(part),
            "policy_version": "p-1",
            "model": "m",
        }
        for (period, decision, band), part in grouped(rows, lambda r: [r["period"], r["decision"], r["band"]]).items()
    ]


def loan_answers_by_day(w: World) -> list[Row]:
    return [
        {
            "day": day,
            "decision": decision,
            "band": band,
            "policy_version": "p-1",
            "model": "m",
            "loans": len(part),
            "unread": sum("unread" in r["reasons"] for r in part),
            **lent(part),
        }
        for (day, decision, band), part in grouped(w.answers, lambda r: [r["day"], r["decision"], r["band"]]).items()
    ]


def frauds(w: World, rows: list[Row]) -> list[Row]:
    return [row for row in rows if w.verdicts.get(row["transaction_id"]) == 1]


def fraud_of(w: World, rows: list[Row]) -> Row:
    bad = frauds(w, rows)
    return {
        "payments": len(rows),
        "amount": euros(rows),
        "frauds": len(bad),
        "fraud_amount": euros(bad),
        "fraud_rate": len(bad) / len(rows),
    }


def fraud_by_merchant(w: World) -> list[Row]:
    groups = grouped(w.payments, lambda r: [r["merchant_id"], r["event_time"].isoformat()[:7]])
    return [{"merchant_id": m, "month": month, **fraud_of(w, rows)} for (m, month), rows in groups.items()]


def fraud_by_hour(w: World) -> list[Row]:
    return [
        {"hour": hour, **fraud_of(w, rows)}
        for (hour,), rows in grouped(w.payments, lambda r: [r["event_time"].hour]).items()
    ]


def merchant_risk(w: World) -> list[Row]:
    until = max(label["reported_at"] for label in w.labels)
    first = {
        r["transaction_id"]: r["reported_at"] for r in sorted(w.labels, key=lambda r: r["reported_at"], reverse=True)
    }
    answer = []
    for (merchant,), rows in grouped(w.payments, lambda r: [r["merchant_id"]]).items():
        bad = frauds(w, rows)
        mature = [r for r in rows if r["event_time"] <= until - timedelta(days=7)]
        answer.append(
            {
                "merchant_id": merchant,
                "payments": len(rows),
                "customers": len({r["customer_id"] for r in rows}),
                "amount": euros(rows),
                "frauds": len(bad),
                "fraud_rate": len(bad) / len(rows),
                "mature_payments": len(mature),
                "mature_fraud_rate": len(frauds(w, mature)) / len(mature),
                "days_to_report": mean(
                    [(first[r["transaction_id"]] - r["event_time"]) / timedelta(days=1) for r in bad]
                ),
                "last_day": max(r["event_time"] for r in rows).isoformat()[:10],
            }
        )
    return answer


def customer_risk(w: World) -> list[Row]:
    defaulted = {loan for loan, flag in w.became.items() if flag}
    scored = {p["loan_id"]: p["default_prob"] for p in w.predictions}
    answer = []
    for customer in {row["customer_id"] for row in (*w.payments, *w.loans)}:
        paid = [r for r in w.payments if r["customer_id"] == customer]
        lent = [r for r in w.loans if r["customer_id"] == customer]
        decided = [r for r in w.decisions if r["customer_id"] == customer]
        actions = [r["action"] for r in decided]
        answer.append(
            {
                "customer_id": customer,
                "payments": len(paid),
                "amount": euros(paid),
                "frauds": len(frauds(w, paid)),
                "fraud_rate": len(frauds(w, paid)) / len(paid) if paid else None,
                "highest_fraud_score": max(
                    (r["fraud_score"] for r in decided if r["fraud_score"] is not None), default=None
                ),
                "reviewed": actions.count("REVIEW"),
                "blocked": actions.count("BLOCK"),
                "loans": len(lent),
                "borrowed": euros(lent),
                "highest_pd": max((scored[r["loan_id"]] for r in lent if r["loan_id"] in scored), default=None),
                "defaults": sum(r["loan_id"] in defaulted for r in lent),
            }
        )
    return answer


def day_of(decision: Row) -> str:
    return decision["event_time"][:10]


def decision_latency(w: World) -> list[Row]:
    answer = []
    for (day, door), rows in grouped(w.decisions, lambda r: [day_of(r), r["door"]]).items():
        took = sorted(r["decided_at"] - r["arrived_at"] for r in rows)
        # A percentile of few values is one of the two around it: Athena promises no more.
        around = {q: Between(took, q) for q in (0.5, 0.95, 0.99)}
        answer.append(
            {
                "decision_date": day,
                "door": door,
                "decisions": len(rows),
                "p50_ms": around[0.5],
                "p95_ms": around[0.95],
                "p99_ms": around[0.99],
                "slowest_ms": took[-1],
            }
        )
    return answer


class Between:
    """Equal to whatever lies between the neighbours of a quantile."""

    def __init__(self, ordered: list[int], quantile: float) -> None:
        place = quantile * (len(ordered) - 1)
        self.low, self.high = ordered[max(0, int(place - 0.5))], ordered[min(len(ordered) - 1, int(place + 1.5))]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and self.low <= other <= self.high

    def __repr__(self) -> str:
        return f"{self.low}..{self.high}"


def decisions_by_action(w: World) -> list[Row]:
    days = grouped(w.decisions, lambda r: [day_of(r)])
    return [
        {
            "decision_date": day,
            "action": action,
            "decisions": len(rows),
            "share": len(rows) / len(days[day,]),
            "amount": euros(rows),
            "mean_score": mean([r["fraud_score"] for r in rows]),
            "degraded": sum(r["degrade_step"] != "none" for r in rows),
        }
        for (day, action), rows in grouped(w.decisions, lambda r: [day_of(r), r["action"]]).items()
    ]


def quarantine_by_reason(w: World) -> list[Row]:
    each = [
        {"entity": entity, "batch": batch, "stage": stage, "reason": reason}
        for entity, batch, stage, reasons, _ in w.set_aside
        for reason in reasons
    ]
    return [{**rows[0], "quarantined": len(rows), "files": 1} for rows in grouped(each, lambda r: r.values()).values()]


def comparable(w: World) -> list[Row]:
    return [r for r in w.decisions if r["degrade_step"] == "none" and not r.get("overtaken")]


def differing(w: World) -> list[Row]:
    served = comparable(w)
    alike = [r for r in served if r["transaction_id"] != w.remade]
    return [r for r in alike if w.vectors.get(r["transaction_id"], r["vector"]) != r["vector"]]


def feature_parity_by_day(w: World) -> list[Row]:
    served = comparable(w)
    return [
        {
            "decision_date": day,
            "served": len(rows),
            "compared": sum(r["transaction_id"] in w.vectors and r["transaction_id"] != w.remade for r in rows),
            "mismatches": sum(r in differing(w) for r in rows),
            "not_in_lake": sum(r["transaction_id"] not in w.vectors for r in rows),
            "other_version": sum(r["transaction_id"] == w.remade for r in rows),
        }
        for (day,), rows in grouped(served, lambda r: [day_of(r)]).items()
    ]


def in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: [str(value) for value in list(row.values())[:4]])


def same(found: Row, expected: Row) -> bool:
    return list(found) == list(expected) and all(
        found[name] == (pytest.approx(value) if isinstance(value, float) else value) for name, value in expected.items()
    )


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_answers_what_its_rows_say(view, analysts):
    expected = in_order(globals()[view](analysts.world))
    _, found = analysts.execute(f"SELECT * FROM {view}")
    assert len(found) == len(expected) > 0
    wrong = [(f, e) for f, e in zip(in_order(found), expected, strict=True) if not same(f, e)]
    assert wrong == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_has_the_columns_and_types_that_it_declares(view, analysts):
    columns, _ = analysts.execute(f"SELECT * FROM {view}")
    table = analysts.lake.glue.get_table(DatabaseName=f"{analysts.database_prefix}_analytics", Name=view)["Table"]
    declared = [(c["Name"], c["Type"].replace("string", "varchar")) for c in table["StorageDescriptor"]["Columns"]]
    assert columns == declared


def test_the_rows_hold_what_the_views_must_cope_with(analysts):
    """Or an answer could be right by chance."""
    w = analysts.world
    assert len(differing(w)) == 1
    assert any(m["mature_payments"] < m["payments"] for m in merchant_risk(w))
    assert any(len(reasons) == 2 for _, _, _, reasons, _ in w.set_aside)
    assert len({r["transaction_id"] for r in w.labels}) < len(w.labels)
    assert {r["customer_id"] for r in w.loans} - {r["customer_id"] for r in w.payments}
    assert len({p["default_prob"] for p in w.predictions} & {0.0, 0.05, 1.0}) == 3


def saved(analysts: Analysts) -> dict[str, Row]:
    athena = analysts.aws.client("athena")
    listed = athena.list_named_queries(WorkGroup=analysts.prefix)["NamedQueryIds"]
    found = [athena.get_named_query(NamedQueryId=name)["NamedQuery"] for name in listed]
    return {query["Name"]: query for query in found}


def test_every_saved_query_says_what_it_answers(analysts):
    found = saved(analysts)
    assert sorted(found) == QUERIES
    assert all(query["Description"] for query in found.values())


def answered(analysts: Analysts, name: str, *parameters: str) -> list[Row]:
    return analysts.execute(saved(analysts)[name]["QueryString"], *parameters)[1]


def test_the_riskiest_loans_come_first(analysts):
    loans = sorted(analysts.world.predictions, key=lambda r: (-r["default_prob"], r["loan_id"]))
    assert [r["loan_id"] for r in answered(analysts, "riskiest_loans")] == [r["loan_id"] for r in loans]


def test_the_riskiest_merchants_have_enough_mature_payments(analysts):
    enough = [m["merchant_id"] for m in merchant_risk(analysts.world) if m["mature_payments"] >= 50]
    assert enough
    assert [r["merchant_id"] for r in answered(analysts, "riskiest_merchants")] == enough


def test_slow_days_are_those_whose_slowest_calls_broke_the_budget(analysts):
    found = {r["decision_date"] for r in answered(analysts, "slow_days")}
    api = [r for r in decision_latency(analysts.world) if r["door"] == "api"]
    assert {r["decision_date"] for r in api if r["p99_ms"].low > 60} <= found
    assert found <= {r["decision_date"] for r in api if r["p99_ms"].high > 60}
    assert found


def test_decisions_by_day_add_up(analysts):
    days = grouped(analysts.world.decisions, lambda r: [day_of(r)])
    expected = [
        {"decision_date": day}
        | {
            name: sum(r["action"] == action for r in rows)
            for name, action in (("approved", "APPROVE"), ("reviewed", "REVIEW"), ("blocked", "BLOCK"))
        }
        for (day,), rows in sorted(days.items())
    ]
    assert answered(analysts, "decisions_by_day") == expected


def test_quarantined_rows_say_where_they_came_from(analysts):
    found = answered(analysts, "quarantined_rows")
    assert sorted((r["entity"], r["row_number"], r["reasons"]) for r in found) == sorted(
        (entity, row, ", ".join(reasons)) for entity, _, _, reasons, row in analysts.world.set_aside
    )
    assert all(f"/raw/{r['entity']}/batch=" in r["source_file"] for r in found)


def test_one_customers_payments_come_with_decision_and_report(analysts):
    w = analysts.world
    decided = {r["transaction_id"]: r["action"] for r in w.decisions}
    expected = [
        (p["transaction_id"], decided.get(p["transaction_id"]), w.verdicts.get(p["transaction_id"]))
        for p in sorted(w.payments, key=lambda p: p["event_time"])
        if p["customer_id"] == "C2"
    ]
    found = answered(analysts, "payments_of_one_customer", "'C2'")
    assert [(r["transaction_id"], r["action"], r["is_fraud"]) for r in found] == expected


def test_served_vectors_that_differ_are_shown_beside_the_lakes(analysts):
    (expected,) = differing(analysts.world)
    (found,) = answered(analysts, "served_vectors_that_differ")
    assert found["transaction_id"] == expected["transaction_id"]
    assert found["served"] != found["computed"]


def test_a_back_test_judges_every_decision_once_by_what_athena_gives_it(analysts):
    w = analysts.world
    large = limit("large", FRAUD.columns[3], 0.5, "REVIEW")
    policy = Policy("new", 0.4, 0.7, (large, listed("mule", "customer_id", frozenset({"C2"}), "BLOCK")), 0.1)
    payments = {
        d["transaction_id"]: Payment(d["transaction_id"], 0, d["customer_id"], d["merchant_id"], d["amount_cents"])
        for d in w.decisions
    }
    actions = {
        d["transaction_id"]: policy.judge(
            d["fraud_score"], {FRAUD.columns[3]: (d["vector"] or [None] * 4)[3]}, payments[d["transaction_id"]]
        )[0]
        for d in w.decisions
    }
    days = sorted(d["event_time"][:10] for d in w.decisions)

    asked = athena.Analysts(analysts.aws.client("athena"), analysts.prefix, analysts.prefix)
    found = backtest(asked.ask, asked.databases, policy, Costs(), days[0], days[-1])

    assert found["decisions"] == len(w.decisions)
    assert found["days"] == Counter(days)
    assert found["candidate"]["actions"] == {a: list(actions.values()).count(a) for a in ("APPROVE", "REVIEW", "BLOCK")}
    assert found["labelled"] == sum(identifier in w.verdicts for identifier in actions)
    for action, cents in found["candidate"]["fraud_cents"].items():
        frauds = [i for i in actions if actions[i] == action and w.verdicts.get(i) == 1]
        assert cents == sum(payments[i].amount for i in frauds)


def test_terraform_sees_views_and_queries_as_it_made_them(analysts):
    done = analysts.terraform("plan", "-detailed-exitcode", "-input=false", "-no-color")
    assert done.returncode == 0, done.stdout


def test_the_analysts_page_names_every_view_and_query_with_its_own_words():
    page = (ROOT / "docs" / "analysts.md").read_text()
    for folder, names in (("views", VIEWS), ("queries", QUERIES)):
        for name in names:
            says = (MODULES / "catalog" / folder / f"{name}.sql").read_text().splitlines()[0].removeprefix("-- ")
            assert f"| `{name}` | {says} |" in page
