"""The lake's tables: one declaration for the catalog that Terraform creates, the jobs that write, and the docs.

Types are Hive's. The last columns of `partitions` are folders, not file columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from features.contract import CONTRACTS, TRANSACTIONS, Contract
from features.credit import PAYMENT_BEHAVIOUR
from features.fraud import FRAUD

HIVE_TYPES = {
    "text": "string",
    "instant": "timestamp",
    "money": "bigint",
    "flag": "int",
    "count": "int",
    "degrees": "int",
    "rate": "bigint",
    "percent": "int",
}
# Whole numbers are the same wherever they are read. A millionth of a degree is eleven centimetres at most.
STORED_IN = {"money": "cents", "degrees": "microdegrees", "rate": "billionths", "percent": "millionths"}


@dataclass(frozen=True)
class Field:
    """A column of a table."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class Table:
    """A table of the lake, found at `<zone>/<name>/`. `key` tells its rows apart; its files are sorted by it."""

    zone: str
    name: str
    columns: tuple[Field, ...]
    partitions: tuple[Field, ...]
    format: str = "parquet"
    key: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        return f"{self.zone}/{self.name}" if self.zone != self.name else self.name

    @property
    def division(self) -> str:
        """The partition column that comes first: the day, the month or the batch."""
        return self.partitions[0].name

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)


def stored_name(name: str, type_: str) -> str:
    """Money is stored in cents, degrees in millionths, and their names say so."""
    return f"{name}_{STORED_IN[type_]}" if type_ in STORED_IN else name


def contract_fields(contract: Contract, appended: bool = False) -> tuple[Field, ...]:
    """Those that tables had from the first, or those that were `appended`."""
    return tuple(
        Field(
            stored_name(c.name, c.type),
            HIVE_TYPES[c.type],
            c.description + (f", in {STORED_IN[c.type]}" if c.type in STORED_IN else ""),
        )
        for c in contract.columns
        if c.appended == appended
    )


def silver_field(entity: str, field: Field) -> Field:
    return replace(field, comment=SILVER_OTHERWISE.get((entity, field.name), field.comment))


ATTRIBUTES = Field("attributes", "map<string,string>", "Every further column of the file, by name")
ORIGIN = (
    Field("source_file", "string", "RAW file that held the row"),
    Field("row_number", "bigint", "Position in that file, from 1"),
    Field("ingested_at", "timestamp", "When the file was put into RAW: the same at every run"),
)
BATCH = Field("batch", "string", "Batch that brought the row")
DIVISIONS = {
    "day": Field("event_date", "string", "UTC day of the row, YYYY-MM-DD"),
    "month": Field("event_month", "string", "UTC month of the row, YYYY-MM"),
}
PATTERNS = {"event_date": "yyyy-MM-dd", "event_month": "yyyy-MM"}

BRONZE = {
    c.entity: Table(
        "bronze",
        c.entity,
        (*contract_fields(c), ATTRIBUTES, *ORIGIN, *contract_fields(c, appended=True)),
        (BATCH,),
        key=("source_file", "row_number"),
    )
    for c in CONTRACTS.values()
}
# What SILVER says of an entity besides: in it all amounts of payments are in one currency, as everything that adds them
# up needs them.
SILVER_ALSO = {"transactions": (Field("original_cents", "bigint", "Amount as it came, in cents of its currency"),)}
SILVER_OTHERWISE = {("transactions", "amount_cents"): "Amount in the home currency, in cents"}
SILVER = {
    c.entity: Table(
        "silver",
        c.entity,
        (
            *(silver_field(c.entity, field) for field in contract_fields(c)),
            ATTRIBUTES,
            *contract_fields(c, appended=True),
            *SILVER_ALSO.get(c.entity, ()),
        ),
        (DIVISIONS[c.divided_by], BATCH),
        key=c.key,
    )
    for c in CONTRACTS.values()
}

# What a bank tells of a payment besides, for analysts and for features to come: GOLD has it beside the vector.
FURTHER = (
    *(
        field
        for appended in (False, True)
        for field in contract_fields(TRANSACTIONS, appended)
        if field.name in {stored_name(c.name, c.type) for c in TRANSACTIONS.columns if not c.required}
    ),
    *SILVER_ALSO["transactions"],
    Field("attributes", "string", "The payment's further columns, a JSON object"),
)

TRANSACTION_FEATURES = Table(
    "gold",
    "transaction_features",
    (
        Field("transaction_id", "string", "The payment"),
        Field("customer_id", "string", "Who pays"),
        Field("merchant_id", "string", "Who is paid"),
        Field("event_time", "timestamp", "When the payment happened"),
        Field("feature_version", "string", "Version of the feature set"),
        Field(
            "blocked", "int", "1 when the doors' last decision was BLOCK: nothing was paid, and nobody will report it"
        ),
        *(Field(name, "double", "Feature") for name in FRAUD.columns),
        *FURTHER,
    ),
    (DIVISIONS["day"],),
    key=("transaction_id",),
)

LOAN_FEATURES = Table(
    "gold",
    "loan_features",
    (
        Field("loan_id", "string", "The loan"),
        Field("customer_id", "string", "Who borrows"),
        Field("applied_at", "timestamp", "When the loan was applied for"),
        Field("amount_cents", "bigint", "Amount asked for, in cents"),
        Field("term_months", "int", "Months to repay"),
        Field("attributes", "string", "The application's further columns, a JSON object"),
        Field("feature_version", "string", "Version of the feature set"),
        *(Field(name, "double", "Feature") for name in PAYMENT_BEHAVIOUR.columns),
    ),
    (DIVISIONS["month"],),
    key=("loan_id",),
)
GOLD = {t.name: t for t in (TRANSACTION_FEATURES, LOAN_FEATURES)}

DECISIONS = Table(
    "decisions",
    "decisions",
    (
        Field("transaction_id", "string", "The payment"),
        Field("fraud_score", "double", "Probability of fraud"),
        Field("action", "string", "APPROVE, REVIEW or BLOCK"),
        Field("reasons", "array<string>", "Why, for a reviewer: thresholds and rules"),
        Field("explanation", "array<string>", "What raised the score most, of payments that were not approved"),
        Field("event_time", "string", "When the payment happened, ISO 8601"),
        Field("customer_id", "string", "Who pays"),
        Field("merchant_id", "string", "Who is paid"),
        Field("amount_cents", "bigint", "Amount in cents"),
        Field("vector", "array<double>", "The vector that was scored"),
        Field("feature_version", "string", "Version of the feature set"),
        Field("model", "string", "Model that scored"),
        Field("policy_version", "string", "Policy that decided"),
        Field("degrade_step", "string", "none, default_features, rules_only or review"),
        Field("door", "string", "api or stream"),
        Field(
            "counted_at", "bigint", "When the payment counts, ms since 1970: after all before it of the same customer"
        ),
        Field(
            "overtaken",
            "boolean",
            "The vector misses earlier payments of the customer, or the lake had counted this one before",
        ),
        Field("arrived_at", "bigint", "Arrival at the door, ms since 1970"),
        Field("decided_at", "bigint", "Decision, ms since 1970"),
        # New columns come last: days that Athena knows keep the columns that they were registered with, by place.
        Field(
            "traffic",
            "array<bigint>",
            "What rules saw of the traffic at the merchant, with the device, from the address",
        ),
        Field("velocity_exact", "boolean", "The door knew every payment of the customer that was decided before"),
        Field("judged_again", "string", "Of a decision that was overtaken: the action with the vector it should have"),
        Field("attributes", "string", "The payment's columns but for those that every one has, a JSON object of texts"),
        Field("event", "string", "The payment as it came to the door, a JSON object: what the night brings to RAW"),
        Field(
            "listed", "array<string>", "Lists that the payment was on of those that rules look up, and snoozed rules"
        ),
        Field("without_effect", "array<string>", "Rules that spoke and changed nothing: shadow, snoozed, overridden"),
    ),
    (Field("decision_date", "string", "UTC day of the payment, YYYY-MM-DD"),),
    format="json",
)

PREDICTIONS = Table(
    "predictions",
    "predictions",
    (
        Field("customer_id", "string", "Who borrows"),
        Field("loan_id", "string", "The loan"),
        Field("default_prob", "double", "Probability of default"),
    ),
    (Field("month", "string", "Month of application, YYYY-MM"),),
    format="csv",
)

DAILY_PREDICTIONS = replace(
    PREDICTIONS,
    name="daily_predictions",
    partitions=(Field("day", "string", "Day of the run, YYYY-MM-DD: of application, or late"),),
)

# Two that were scored at another time, or by another policy, are two runs: each has a partition of its own.
CREDIT_DECISIONS = Table(
    "predictions",
    "credit_decisions",
    (
        *PREDICTIONS.columns,
        Field("points", "int", "Score points"),
        Field("band", "string", "Risk band"),
        Field("decision", "string", "APPROVE, REFER or DECLINE"),
        Field("expected_loss", "double", "PD x LGD x EAD over the horizon of the definition of default"),
        Field("exposure", "double", "Exposure at default, in the unit of the policy's column"),
        Field("reasons", "array<string>", "Codes of the principal reasons, the strongest first"),
        Field("sentences", "array<string>", "Their sentences, in the same order"),
        Field("rules", "array<string>", "Rules of the policy that the loan met"),
        Field("policy_version", "string", "Policy that decided"),
        Field("policy_sha256", "string", "SHA-256 of that policy, kept as policies/credit/rules/<sha256>.json"),
        Field("model", "string", "Model that scored"),
        Field("feature_version", "string", "Version of the model's feature set"),
        Field("vector_sha256", "string", "SHA-256 of the loan's cells, in the order of the model's columns"),
        Field("price", "double", "What the loan must earn over the horizon, a share of its exposure, as the terms say"),
        Field("credit_limit", "double", "The most that the policy's terms suggest to lend in the loan's band"),
        Field("snapshot", "string", "SHA-256 of the rows that were scored together"),
    ),
    (
        Field("period", "string", "Month (YYYY-MM) of application, or day (YYYY-MM-DD) of application or later"),
        Field("started_at", "string", "When the run began, UTC: of a period the last run is the newest"),
        Field("run", "string", "Run that scored and decided"),
    ),
    format="json",
)

LOAN_ANSWERS = Table(
    "predictions",
    "loan_answers",
    (
        *CREDIT_DECISIONS.columns,
        Field("applied_at", "string", "When the loan was applied for, ISO 8601"),
        Field("door", "string", "api"),
        Field("cells", "array<string>", "The loan's cells that were scored, in the order of the model's columns"),
    ),
    (Field("day", "string", "UTC day on which the door decided, YYYY-MM-DD"),),
    format="json",
)

QUARANTINE = Table(
    "quarantine",
    "quarantine",
    (
        Field("reasons", "array<string>", "Why the row was set aside"),
        Field("source_file", "string", "RAW file that held the row"),
        Field("row_number", "bigint", "Position in that file, from 1"),
        Field("transaction_id", "string", "The payment, as it came"),
        Field("loan_id", "string", "The loan, as it came"),
        Field("customer_id", "string", "Who pays or borrows, as it came"),
    ),
    (Field("entity", "string", "Kind of row, such as transactions"),),
    format="json",
)

# Payments that count at another moment than their stamp, as the door has said that met them. Few, so read whole.
LATE = Table(
    "late",
    "late",
    (
        Field("transaction_id", "string", "The payment"),
        Field("event_time", "string", "When the payment happened, ISO 8601"),
        Field("counted_at", "bigint", "When it counts, ms since 1970"),
        Field("blocked", "int", "1 when it counts as what the doors blocked, 0 when it does not"),
        Field("decided_at", "bigint", "When the doors decided so, ms since 1970: the last decision stands"),
    ),
    (Field("late_date", "string", "UTC day from which it counts, YYYY-MM-DD"),),
    format="json",
)

TABLES = (
    *BRONZE.values(),
    *SILVER.values(),
    *GOLD.values(),
    DECISIONS,
    PREDICTIONS,
    DAILY_PREDICTIONS,
    CREDIT_DECISIONS,
    LOAN_ANSWERS,
    QUARANTINE,
)
