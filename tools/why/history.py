"""What the lake says of a payment and of everything that its vector depends on, asked through Athena."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from features.contract import TRANSACTIONS
from features.declaration import DAY, EntityName, Kind
from features.entities import FURTHER, IDENTIFIERS, PREFIXES, named_by
from features.fraud import FRAUD, LABEL_PATIENCE
from features.moments import met_by_no_door
from features.payment import Payment, is_missing
from features.state import AUTHORISED, NEVER, Cells, Event, State, kind_of, label_event, payment_event, text_fingerprint
from features.values import BLANKS, day, instant
from features.vector import (
    ACCOUNT_LAYOUT,
    COLUMNS,
    CUSTOMER_LAYOUT,
    LAYOUTS,
    MERCHANT_LAYOUT,
    Knowledge,
    Vector,
    cells_of,
    fraud_vector,
)
from tools.athena import LAST_FIRST, text

Ask = Callable[[str, str], list[dict[str, str]]]  # zone and SQL -> rows
LATE = "late/"
DEGREES = frozenset(c.name for c in TRANSACTIONS.columns if c.type == "degrees")


class NotFound(LookupError):
    """The lake does not know what was asked for; the text says where it was looked for."""


@dataclass(frozen=True)
class Lake:
    """`ask` queries a zone's database, `database` begins the databases' names; `late` says of late payments when they
    count (ms), by their identifier, and `happened` on which day they lie; `blocked` are those that count as blocks."""

    ask: Ask
    database: str
    late: dict[str, int]
    happened: dict[str, str] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()

    def decision(self, transaction_id: str) -> dict:
        """The logged decision; of several the last, which was applied."""
        mine = f"transaction_id = {text(transaction_id)} ORDER BY {LAST_FIRST}"
        found = self.ask("decisions", f"SELECT * FROM decisions WHERE {mine} LIMIT 1")
        if not found:
            raise NotFound(
                f"no decision on {transaction_id!r} in the decision log's table; a decision of today is there when the "
                "night's crawler has run"
            )
        row: dict[str, Any] = dict(found[0])
        row["vector"] = numbers(row["vector"])
        row["traffic"] = numbers(row.get("traffic", ""))
        row["listed"] = texts(row.get("listed", ""))
        row["without_effect"] = row.get("without_effect") or None
        row["decided_at"] = int(row["decided_at"]) if row.get("decided_at") else None
        row["overtaken"] = row["overtaken"] == "true"
        row["fraud_score"] = float(row["fraud_score"]) if row["fraud_score"] else None
        row["counted_at"] = int(row["counted_at"])
        return row

    def payment(self, transaction_id: str, day_: str) -> Payment:
        """The payment as SILVER holds it."""
        found = self._payments(f"transaction_id = {text(transaction_id)} AND event_date = {text(day_)}")
        for paid in found:
            return paid
        raise NotFound(f"SILVER has no payment {transaction_id!r} of {day_}: its batch has not been taken in")

    def vector(self, payment: Payment, counted_at: int) -> Vector:
        """The vector of the payment from everything that counted before it, by the incremental engine."""
        known = Knowledge(
            self.customer(payment.customer_id, counted_at),
            self.merchant(payment.merchant_id, counted_at),
            self.account(payment.customer_id, counted_at),
            device=self.named("device", payment, counted_at),
            further={e: self.named(e, payment, counted_at) for e in FRAUD.nightly if e in FURTHER},
        )
        cells = cells_of(payment.at, payment.further)
        return fraud_vector(payment.at, counted_at, payment.amount, payment.merchant_id, known, cells)

    def customer(self, identifier: str, until: int) -> State:
        state = State(CUSTOMER_LAYOUT)
        state.first = self.first(identifier, until) if FRAUD.since_first else NEVER
        paid = self._payments(f"customer_id = {text(identifier)} AND {self._seen(until)}")
        for at, payment in self.in_order(paid):
            if at < until:
                cells = cells_of(payment.at, payment.further)
                blocked = payment.transaction_id in self.blocked
                state.pay(at, payment.amount, payment.merchant_id, payment.transaction_id, cells, blocked)
        return state

    def first(self, identifier: str, until: int) -> int:
        """When the customer's first payment ever counted that lies before `until`, NEVER without one."""
        mine = f"customer_id = {text(identifier)} AND event_date <= {text(day(until))}"
        if "decline" in FRAUD.apart:
            mine += f" AND coalesce(CAST({AUTHORISED} AS varchar), '1') <> '0'"
        rows = self.ask("silver", f"SELECT transaction_id, event_time FROM transactions WHERE {mine}")
        if "block" in FRAUD.apart:
            rows = [row for row in rows if row["transaction_id"] not in self.blocked]
        counted = (self.late.get(row["transaction_id"], instant(row["event_time"])) for row in rows)
        return min((at for at in counted if at < until), default=NEVER)

    def in_order(self, paid: Iterable[Payment]) -> list[tuple[int, Payment]]:
        """Payments of one customer with the moments at which they count, in that order."""
        moments: list[tuple[int, Payment]] = []
        unmet: dict[int, list[Payment]] = {}
        for payment in sorted(paid, key=lambda p: (p.at, p.transaction_id)):
            if payment.transaction_id in self.late:
                moments.append((self.late[payment.transaction_id], payment))
            else:
                unmet.setdefault(payment.at // DAY, []).append(payment)
        for of_day in unmet.values():
            moments += zip(met_by_no_door(p.at for p in of_day), of_day, strict=True)
        return sorted(moments, key=lambda pair: (pair[0], pair[1].transaction_id))

    def merchant(self, identifier: str, until: int) -> State:
        paid = self._payments(f"merchant_id = {text(identifier)} AND {self._seen(until)}")
        events = [payment_event(self.counted(p), p.amount, kind=self.kind_of(p)) for p in paid]
        return folded(State(MERCHANT_LAYOUT), [*events, *self._labels("t.merchant_id", identifier, until)], until)

    def named(self, entity: EntityName, payment: Payment, until: int) -> State:
        """What is known of the device, or of whom else a user declares, that the payment names; nothing of none."""
        identifier, state = named_by(payment, entity), State(LAYOUTS[entity])
        if identifier is None:
            return state
        paid = self._payments(f"{naming(entity)} = {text(identifier)} AND {self._seen(until)}")
        events = [
            payment_event(self.counted(p), p.amount, cells=said_to(entity, p), kind=self.kind_of(p)) for p in paid
        ]
        return folded(state, [*events, *self._labels(naming(entity, "t."), identifier, until)], until)

    def account(self, identifier: str, until: int) -> State:
        mine = f"customer_id = {text(identifier)}"
        applied = {
            row["loan_id"]: (instant(row["applied_at"]), int(row["amount_cents"] or 0))
            for row in self.ask(
                "silver", f"SELECT loan_id, applied_at, amount_cents FROM loan_applications WHERE {mine}"
            )
        }
        events = [Event(at, "loan", (1, cents)) for at, cents in applied.values()]
        events += self._labels("t.customer_id", identifier, until)
        if applied:
            among = ", ".join(map(text, applied))
            sql = f"SELECT loan_id, defaulted, observed_at FROM loan_outcomes WHERE loan_id IN ({among})"
            for row in self.ask("silver", sql):
                at = max(instant(row["observed_at"]), applied[row["loan_id"]][0])
                events.append(Event(at, "outcome", (1, int(row["defaulted"]))))
        return folded(State(ACCOUNT_LAYOUT), events, until)

    def kind_of(self, payment: Payment) -> Kind:
        return kind_of(payment.further, FRAUD, payment.transaction_id in self.blocked)

    def counted(self, payment: Payment) -> int:
        return self.late.get(payment.transaction_id, payment.at)

    def _seen(self, until: int) -> str:
        """A condition on the partition: the days of payments that a vector of `until` can see, and those of older ones
        that came late and count among them."""
        first, last = span(until, "payment")
        seen = f"event_date BETWEEN {text(first)} AND {text(last)}"
        counts = {name: day(at) for name, at in self.late.items()}
        older = {lies for name, lies in self.happened.items() if lies < first <= counts[name] <= last}
        return f"({seen} OR event_date IN ({', '.join(map(text, sorted(older)))}))" if older else seen

    def _payments(self, where: str) -> Iterator[Payment]:
        columns = ["transaction_id, customer_id, merchant_id, event_time, amount_cents", *map(selected, COLUMNS)]
        for row in self.ask("silver", f"SELECT {', '.join(columns)} FROM transactions WHERE {where}"):
            said = {column: as_said(column, row[column].strip(BLANKS)) for column in COLUMNS}
            yield Payment(
                row["transaction_id"],
                instant(row["event_time"]),
                row["customer_id"],
                row["merchant_id"],
                int(row["amount_cents"]),
                further={column: cell for column, cell in said.items() if not is_missing(cell)},
            )

    def _labels(self, key: str, identifier: str, until: int) -> Iterator[Event]:
        """Labels of a merchant's or a customer's payments, each when it was first told. A fraud's flags are those that
        its vector in GOLD has."""
        first, last = span(until, "label")
        # A label that is stamped before its payment counts at its payment.
        reported = f"(l.event_month >= {text(first[:7])} OR t.event_date >= {text(first)})"
        flags = "".join(f", g.{flag.name}" for flag in FRAUD.carried)
        sql = f"""
            SELECT l.is_fraud, l.reported_at, t.transaction_id, t.event_time{flags}
            FROM (
              SELECT transaction_id, is_fraud, min(reported_at) AS reported_at, min(event_month) AS event_month
              FROM fraud_labels WHERE event_month <= {text(last[:7])} GROUP BY transaction_id, is_fraud
            ) l
            JOIN transactions t ON t.transaction_id = l.transaction_id
            LEFT JOIN {self.database}_gold.transaction_features g ON g.transaction_id = l.transaction_id
            WHERE {key} = {text(identifier)} AND {reported}
        """
        for row in self.ask("silver", sql):
            at, told = instant(row["event_time"]), instant(row["reported_at"])
            if told - at <= LABEL_PATIENCE:
                held = (f.name for f in FRAUD.carried if row[f.name] and float(row[f.name]) == 1)
                yield label_event(max(told, at), int(row["is_fraud"]), held)


def said_to(entity: EntityName, payment: Payment) -> Cells:
    """What an entity's record keeps of a payment: of what it says."""
    said = {of: payment.said(of) for of in FRAUD.cells(entity)}
    return {of: text_fingerprint(cell) for of, cell in said.items() if cell is not None}


def naming(entity: EntityName, table: str = "") -> str:
    """What a payment of SILVER names an entity by, as `features.entities.named_by` has it: a column, or what one begins
    with."""
    key = IDENTIFIERS[entity]
    if key not in PREFIXES:
        return column_of(key, table)
    column, prefix = column_of(PREFIXES[key].column, table), PREFIXES[key]
    if not prefix.separator:
        return f"substr({column}, 1, {prefix.parts})"
    return f"array_join(slice(split({column}, {text(prefix.separator)}), 1, {prefix.parts}), {text(prefix.separator)})"


def column_of(name: str, table: str = "") -> str:
    """A column of SILVER, or the same that a bank brings besides."""
    known = any(name == each.name for each in TRANSACTIONS.columns)
    return f"{table}{name}" if known else f"element_at({table}attributes, {text(name)})"


def as_said(column: str, cell: str) -> str:
    """A cell as payments say it: SILVER has degrees in millionths."""
    return str(Decimal(cell).scaleb(-6)) if cell and column in DEGREES else cell


def selected(column: str) -> str:
    """A column of SILVER, or one that a bank brings besides, by its own name."""
    if column in DEGREES:
        return f'{column}_microdegrees AS "{column}"'
    found = column_of(column)
    return found if found == column else f'{found} AS "{column}"'


def numbers(cells: str) -> Vector | None:
    """An array as Athena writes it; none where there is none."""
    if not cells:
        return None
    return [None if cell == "null" else float(cell) for cell in cells.strip("[]").split(", ")]


def texts(cell: str) -> list[str] | None:
    """An array of texts without commas, as Athena writes it; none where there is none."""
    if not cell:
        return None
    return cell.strip("[]").split(", ") if cell != "[]" else []


def span(until: int, *kinds: Any) -> tuple[str, str]:
    """Days from the first whose events a vector of `until` can see; two more for late ones."""
    return day(until - FRAUD.lookback(*kinds) - 2 * DAY), day(until)


def folded(state: State, events: Iterable[Event], until: int) -> State:
    for event in sorted(events, key=lambda e: e.at):
        if event.at < until:
            state.apply(event)
    return state


def late_payments(s3: Any, bucket: str) -> tuple[dict[str, int], dict[str, str], frozenset[str]]:
    """Of payments that count later than they happened: when they count, and on which day they lie. And which payments
    count as blocks."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=LATE)
    counted: dict[str, int] = {}
    happened: dict[str, str] = {}
    blocked: dict[str, tuple[int, int]] = {}
    for key in (item["Key"] for page in pages for item in page.get("Contents", ())):
        for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines():
            told = json.loads(line)
            name = told["transaction_id"]
            blocked[name] = max(blocked.get(name, (0, 0)), (told.get("decided_at") or 0, told.get("blocked") or 0))
            if told["counted_at"] != instant(told["event_time"]):
                counted[name] = max(told["counted_at"], counted.get(name, 0))
                happened[name] = told["event_time"][:10]
    return counted, happened, frozenset(name for name, (_, is_one) in blocked.items() if is_one)
