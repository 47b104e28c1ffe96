"""The RAW contract: what a user brings. One declaration for the generator, the adapters, the lake and the doors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["text", "instant", "money", "flag", "count"]


@dataclass(frozen=True)
class Column:
    """One column of a RAW file. `type` says how its cells are read, not how the file stores them."""

    name: str
    type: Type
    description: str
    required: bool = True


@dataclass(frozen=True)
class Contract:
    """One RAW file: its key, the column that dates a row, how finely the lake divides it, and its columns."""

    entity: str
    key: tuple[str, ...]
    dated_by: str
    divided_by: Literal[
        "day", "month"
    ]  # a division should hold many rows: files of a few rows cost more than they hold
    columns: tuple[Column, ...]

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.required)

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


TRANSACTIONS = Contract(
    "transactions",
    key=("transaction_id",),
    dated_by="event_time",
    divided_by="day",
    columns=(
        Column("transaction_id", "text", "Unique identifier of the payment; never a card number"),
        Column("event_time", "instant", "When the payment happened, UTC"),
        Column("customer_id", "text", "Who pays"),
        Column("merchant_id", "text", "Who is paid"),
        Column("amount", "money", "Amount in units of the currency, >= 0"),
        Column("currency", "text", "ISO 4217 code", required=False),
        Column("channel", "text", "How the payment was made", required=False),
        Column("country", "text", "ISO 3166 code of the merchant's country", required=False),
        Column("device_id", "text", "Device that made the payment", required=False),
        Column("ip", "text", "Address that made the payment", required=False),
    ),
)

FRAUD_LABELS = Contract(
    "fraud_labels",
    key=("transaction_id", "reported_at"),
    dated_by="reported_at",
    divided_by="month",
    columns=(
        Column("transaction_id", "text", "The payment that was judged"),
        Column("is_fraud", "flag", "1 for fraud, 0 for an honest payment"),
        Column("reported_at", "instant", "When the bank learnt it, UTC"),
    ),
)

LOAN_APPLICATIONS = Contract(
    "loan_applications",
    key=("loan_id",),
    dated_by="applied_at",
    divided_by="month",
    columns=(
        Column("loan_id", "text", "Unique identifier of the loan"),
        Column("customer_id", "text", "Who borrows"),
        Column("applied_at", "instant", "When the loan was applied for, UTC"),
        Column("amount", "money", "Amount asked for, in units of the currency", required=False),
        Column("term_months", "count", "Months to repay", required=False),
    ),
)

LOAN_OUTCOMES = Contract(
    "loan_outcomes",
    key=("loan_id", "observed_at"),  # a loan told good may default later; the latest known at a moment counts
    dated_by="observed_at",
    divided_by="month",
    columns=(
        Column("loan_id", "text", "The loan that was observed"),
        Column("defaulted", "flag", "1 when the loan had defaulted by then, 0 when it had not"),
        Column("observed_at", "instant", "When this was known, UTC; of several the latest counts"),
    ),
)

CONTRACTS = {c.entity: c for c in (TRANSACTIONS, FRAUD_LABELS, LOAN_APPLICATIONS, LOAN_OUTCOMES)}

# Columns with this prefix are kept for fairness reports and never offered to training.
PROTECTED_PREFIX = "protected_"
