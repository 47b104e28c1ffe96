"""The RAW contract: what a user brings. One declaration for the generator, the adapters, the lake and the doors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Type = Literal["text", "instant", "money", "flag", "count", "degrees", "rate", "percent"]


@dataclass(frozen=True)
class Column:
    """One column of a RAW file. `type` says how its cells are read, not how the file stores them.

    A cell that cannot be read sets its row aside; in a `lenient` column it is missing and counted, and the row goes on.
    A column that was `appended` was declared when tables held rows already, and comes last in them: partitions that
    Athena knows keep the columns that they were registered with, by place.
    """

    name: str
    type: Type
    description: str
    required: bool = True
    lenient: bool = False
    appended: bool = False


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

    @cached_property
    def required(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.required)

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


def further(name: str, type_: Type, description: str) -> Column:
    """What not every bank tells of a payment: too little to lose the payment for when it cannot be read."""
    return Column(name, type_, description, required=False, lenient=type_ != "text", appended=True)


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
        Column("currency", "text", "ISO 4217 code, the home currency when empty", required=False),
        Column("channel", "text", "How the payment was made", required=False),
        Column("country", "text", "ISO 3166 code of the country where the payment was made", required=False),
        Column("device_id", "text", "Device that made the payment", required=False),
        Column("ip", "text", "Address that made the payment", required=False),
        further("merchant_country", "text", "ISO 3166 code of the merchant's country"),
        further("card_id", "text", "Token of the card that paid; never its number"),
        further("mcc", "text", "ISO 18245 code of the merchant's trade, four digits"),
        further("entry_mode", "text", "How the card's data was read, such as chip, contactless or keyed"),
        further("card_present", "flag", "1 when the card was at the merchant's, 0 when it was not"),
        further("beneficiary_id", "text", "Who receives the money of a transfer"),
        further("latitude", "degrees", "Where the payment was made, degrees north of the equator"),
        further("longitude", "degrees", "Where the payment was made, degrees east of Greenwich"),
        further("authorised", "flag", "1 when the issuer let the payment through, 0 when it declined it"),
    ),
)

EXCHANGE_RATES = Contract(
    "exchange_rates",
    key=("currency", "day"),
    dated_by="day",
    divided_by="month",
    columns=(
        Column("currency", "text", "ISO 4217 code"),
        Column("day", "instant", "The day that the rate is of, UTC"),
        Column("rate", "rate", "Units of the home currency for one unit; 1 on every day for the home currency itself"),
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

# What a lender decides, or an applicant for them; and that it was no honest application, whenever that is found.
DECISION_WORDS = ("approved", "declined", "withdrawn", "fraud")

LOAN_DECISIONS = Contract(
    "loan_decisions",
    key=("loan_id", "decided_at"),  # a decision may be taken again; the latest known at a moment counts
    dated_by="decided_at",
    divided_by="month",
    columns=(
        Column("loan_id", "text", "The loan that was decided on"),
        Column("decided_at", "instant", "When it was decided, UTC; of several the latest counts"),
        Column("decision", "text", f"{', '.join(DECISION_WORDS[:-1])} or {DECISION_WORDS[-1]}, in any case"),
        Column(
            "interest_rate",
            "percent",
            "Price that was agreed on, percent a year; 7.9 % is 79000 millionths of one",
            required=False,
            lenient=True,
        ),
        Column("amount_granted", "money", "Amount or limit granted, in units of the currency", required=False),
        Column("term_months", "count", "Months to repay that were agreed on", required=False),
        Column("decided_by", "text", "Who decided: an officer, or a policy and its version", required=False),
        Column("reason", "text", "Why it was decided so", required=False),
    ),
)

LOAN_PERFORMANCE = Contract(
    "loan_performance",
    key=("loan_id", "observed_at"),  # how a loan stands at the end of a month, or on another day that the lender counts
    dated_by="observed_at",
    divided_by="month",
    columns=(
        Column("loan_id", "text", "The loan that was observed"),
        Column("observed_at", "instant", "When it stood so and this was known, UTC: the end of a month, as a rule"),
        Column("days_past_due", "count", "Days for which the oldest unpaid instalment is due", required=False),
        Column("balance", "money", "Owed after this time's payment; 0 once nothing more is expected", required=False),
        Column("paid", "money", "Paid since the observation before", required=False),
        Column("charged_off", "money", "Written off since the observation before", required=False),
        Column("recovered", "money", "Got back since then of what was written off", required=False),
    ),
)

CONTRACTS = {
    c.entity: c
    for c in (
        TRANSACTIONS,
        FRAUD_LABELS,
        LOAN_APPLICATIONS,
        LOAN_OUTCOMES,
        LOAN_DECISIONS,
        LOAN_PERFORMANCE,
        EXCHANGE_RATES,
    )
}

# Columns with this prefix are kept for fairness reports and never offered to training.
PROTECTED_PREFIX = "protected_"
