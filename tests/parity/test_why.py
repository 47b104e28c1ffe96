"""A decision's vector, computed again from what Athena says of the lake, is the one that was served."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import duckdb
import sqlglot

from features.contract import TRANSACTIONS
from features.fraud import FRAUD, HIGH
from features.payment import Payment
from features.places import microdegrees
from features.values import day
from features.vector import COLUMNS
from glue.tables import SILVER
from tests.parity.engines import bits, served_vectors
from tests.parity.events import event_log
from tests.spark.rows import is_blocked
from tools.why.history import DEGREES, Lake


def stamp(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).replace(tzinfo=None)


NAMED = [column for column in COLUMNS if any(column == each.name for each in TRANSACTIONS.columns)]
NAMES = [f"{column}_microdegrees" if column in DEGREES else column for column in NAMED]


def held(said, column: str) -> str | None:
    cell = said.get(column)
    return str(microdegrees(cell)) if column in DEGREES and cell is not None else cell


def besides(said) -> dict[str, str] | None:
    """What a bank brings besides the contract's columns."""
    return {column: cell for column, cell in said.items() if column not in NAMED} or None


class Tables:
    """SILVER and GOLD of a log, asked in Athena's dialect."""

    def __init__(self, log, served) -> None:
        self.database = duckdb.connect()
        fill = self.database.executemany
        self.database.execute("CREATE SCHEMA risk_gold")
        self.database.execute(
            "CREATE TABLE transactions (transaction_id VARCHAR, customer_id VARCHAR, merchant_id VARCHAR, "
            f"event_time TIMESTAMP, amount_cents BIGINT, event_date VARCHAR, {' VARCHAR, '.join(NAMES)} VARCHAR, "
            "attributes MAP(VARCHAR, VARCHAR))"
        )
        fill(
            f"INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?{', ?' * len(NAMES)}, ?)",
            [
                (*p[:3], stamp(p[3]), p[4], day(p[3]), *(held(said, c) for c in NAMED), besides(said))
                for p in log.payments
                for said in (log.further[p[0]],)
            ],
        )
        self.database.execute(
            "CREATE TABLE fraud_labels (transaction_id VARCHAR, is_fraud INT, "
            f"reported_at TIMESTAMP, {SILVER['fraud_labels'].division} VARCHAR)"
        )
        fill(
            "INSERT INTO fraud_labels VALUES (?, ?, ?, ?)", [(i, f, stamp(at), day(at)[:7]) for i, f, at in log.labels]
        )
        self.database.execute(
            "CREATE TABLE loan_applications (loan_id VARCHAR, customer_id VARCHAR, applied_at TIMESTAMP, "
            "amount_cents BIGINT)"
        )
        fill("INSERT INTO loan_applications VALUES (?, ?, ?, ?)", [(i, c, stamp(at), v) for i, c, at, v in log.loans])
        self.database.execute("CREATE TABLE loan_outcomes (loan_id VARCHAR, defaulted INT, observed_at TIMESTAMP)")
        fill("INSERT INTO loan_outcomes VALUES (?, ?, ?)", [(i, d, stamp(at)) for i, d, at in log.outcomes])
        self.database.execute(
            f"CREATE TABLE risk_gold.transaction_features (transaction_id VARCHAR, {HIGH.name} DOUBLE)"
        )
        place = FRAUD.columns.index(HIGH.name)
        fill(
            "INSERT INTO risk_gold.transaction_features VALUES (?, ?)",
            [(i, v[place]) for i, v in served.vectors.items()],
        )

    def ask(self, zone: str, sql: str) -> list[dict[str, str]]:
        assert zone == "silver"
        answer = self.database.execute(sqlglot.transpile(sql, read="athena", write="duckdb")[0])
        names = [column[0] for column in answer.description]
        return [
            {name: "" if cell is None else str(cell) for name, cell in zip(names, row, strict=True)}
            for row in answer.fetchall()
        ]


def test_a_served_vector_can_be_computed_again_from_the_lake_at_any_time():
    log = event_log(11, 1_500, late=0.1)
    served = served_vectors(log)
    late = dict(served.late)
    blocked = frozenset(p[0] for p in log.payments if is_blocked(p[0]))
    lake = Lake(Tables(log, served).ask, "risk", late, blocked=blocked)

    asked = random.Random(1).sample(log.payments, 60) + [p for p in log.payments if p[0] in late][:20]
    for identifier, customer, merchant, at, cents in asked:
        payment = lake.payment(identifier, day(at))
        assert payment == Payment(identifier, at, customer, merchant, cents, further=log.further[identifier])
        again = lake.vector(payment, late.get(identifier, at))
        differing = [
            (name, was, now)
            for name, was, now in zip(FRAUD.columns, served.vectors[identifier], again, strict=True)
            if bits(was) != bits(now)
        ]
        assert not differing, identifier
