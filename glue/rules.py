"""What must hold of a table's rows before they are written: suites generated from contract and features, plus business.

A rule is a condition in SQL that every row meets. It says itself what it allows an unknown value: a condition that is
null is not met.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from features.contract import CONTRACTS, DECISION_WORDS, TRANSACTIONS, Contract
from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import (
    Acquaintance,
    CalendarFlag,
    CalendarPart,
    Distinct,
    Feature,
    FeatureSet,
    Flag,
    FromUsual,
    LocalPart,
    Novelty,
    Ratio,
    Recurrence,
    SinceFirst,
    SinceLast,
    Travel,
    Window,
)
from features.fraud import FRAUD
from features.values import LARGEST_AMOUNT
from glue.tables import LOAN_FEATURES, SILVER, TRANSACTION_FEATURES, Table, stored_name

MICRO = 1_000_000
FAILURE_BUDGET = 0.10  # share of a batch's rows that quarantine may take before the batch itself is doubted
SHARES = ("_rate_", "_share_", "_freshness_")  # ratios that are 1 at most, by the names that features bear
# But this one: labels count when they come, and may tell of more payments than the window has.
OF_PAYMENTS = "_share_of_payments_"


@dataclass(frozen=True)
class Rule:
    """`mostly` is the share of rows that must meet the condition. What does not block is reported and written. `why` is
    what a row lacks that does not meet it, where that is more than the rule itself."""

    column: str
    condition: str
    mostly: float = 1.0
    blocks: bool = True
    why: str = ""

    @property
    def reason(self) -> str:
        """Why a row that does not meet the condition is set aside."""
        return self.why or f"breaks_rule_{self.column}"


@dataclass(frozen=True)
class Suite:
    """What is asked of a table's rows: exactly these columns with these Hive types, one row per key, and the rules."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    rules: tuple[Rule, ...]


# What the business knows and the types do not say, by entity. A new line here is a new check: a row of BRONZE that does
# not meet it goes to quarantine with its `reason`. What is asked of a share of the rows, or does not block, is asked by
# the gate alone.
BUSINESS_RULES: dict[str, tuple[Rule, ...]] = {
    "transactions": (
        Rule("amount_cents", "amount_cents is not null", why="unknown_currency"),
        Rule("amount_cents", f"amount_cents is null or amount_cents <= {LARGEST_AMOUNT * 100}"),
        Rule("event_time", "event_time >= timestamp'1970-01-01'"),
        Rule("currency", "currency is null or currency rlike '^[A-Z]{3}$'", mostly=0.99, blocks=False),
        *(
            Rule(name, f"{name} is null or {name} rlike '^[A-Z]{{2,3}}$'", mostly=0.99, blocks=False)
            for name in ("country", "merchant_country")
        ),
        Rule("mcc", "mcc is null or mcc rlike '^[0-9]{4}$'", mostly=0.99, blocks=False),
        Rule(
            "latitude_microdegrees",
            f"latitude_microdegrees is null or latitude_microdegrees between {-90 * MICRO} and {90 * MICRO}",
            mostly=0.99,
            blocks=False,
        ),
    ),
    "exchange_rates": (
        Rule("day", "day >= timestamp'1970-01-01'"),
        Rule("currency", "currency rlike '^[A-Z]{3}$'"),
    ),
    "fraud_labels": (Rule("reported_at", "reported_at >= timestamp'1970-01-01'"),),
    "loan_applications": (
        Rule("applied_at", "applied_at >= timestamp'1970-01-01'"),
        Rule("amount_cents", f"amount_cents is null or amount_cents <= {LARGEST_AMOUNT * 100}"),
        Rule("term_months", "term_months is null or term_months between 1 and 600", mostly=0.99, blocks=False),
    ),
    "loan_outcomes": (Rule("observed_at", "observed_at >= timestamp'1970-01-01'"),),
    "loan_decisions": (
        Rule("decided_at", "decided_at >= timestamp'1970-01-01'"),
        Rule("decision", f"lower(decision) in {DECISION_WORDS}"),
        Rule("amount_granted_cents", f"amount_granted_cents is null or amount_granted_cents <= {LARGEST_AMOUNT * 100}"),
        Rule("term_months", "term_months is null or term_months between 1 and 600", mostly=0.99, blocks=False),
    ),
    "loan_performance": (
        Rule("observed_at", "observed_at >= timestamp'1970-01-01'"),
        Rule("days_past_due", "days_past_due is null or days_past_due <= 36500", mostly=0.99, blocks=False),
    ),
}


def row_rules(entity: str) -> list[Rule]:
    """What the business asks of each single row."""
    return [rule for rule in BUSINESS_RULES[entity] if rule.blocks and rule.mostly == 1]


def suite_of(table: Table, rules: Iterable[Rule]) -> Suite:
    """Key and partition columns are complete besides: a row without them is nobody's."""
    columns = tuple((field.name, field.type) for field in (*table.columns, *table.partitions))
    complete = (Rule(name, f"`{name}` is not null") for name in (*table.key, *(p.name for p in table.partitions)))
    return Suite(f"{table.zone}.{table.name}", columns, table.key, tuple(dict.fromkeys((*complete, *rules))))


def contract_rules(contract: Contract) -> Iterator[Rule]:
    """Required columns are complete, and every type keeps its range."""
    for column in contract.columns:
        name = stored_name(column.name, column.type)
        if column.required:
            yield Rule(name, f"`{name}` is not null")
        if column.type in ("money", "count"):
            yield Rule(name, f"`{name}` is null or `{name}` >= 0")
        unknown = "" if column.required else f"`{name}` is null or "
        if column.type == "flag":
            yield Rule(name, f"{unknown}`{name}` in (0, 1)")
        if column.type == "degrees":
            yield Rule(name, f"{unknown}`{name}` between {-180 * MICRO} and {180 * MICRO}")


def feature_rules(features: FeatureSet) -> Iterator[Rule]:
    """What a feature's declaration says of its values; and a longer window never holds less than a shorter one."""
    for feature in stored(features):
        name = feature.name
        if isinstance(feature, Window) and feature.aggregate == "since":
            within = f"`{name}` between 1 and {feature.tiles}"  # 0 would be today, which a closed window cannot know
            yield Rule(name, f"`{name}` is null or ({within} and `{name}` = floor(`{name}`))")
        elif isinstance(feature, Window | Distinct | SinceLast):
            missing = "false" if feature.default is not None else f"`{name}` is null"
            yield Rule(name, f"{missing} or (`{name}` >= 0 and `{name}` = floor(`{name}`))")
        elif isinstance(feature, Novelty) and feature.among.of not in TRANSACTIONS.required:
            yield Rule(name, f"`{name}` is null or `{name}` in (0, 1)")  # of what a payment does not say nothing is new
        elif isinstance(feature, Recurrence | Acquaintance | SinceFirst | Travel):
            yield Rule(name, f"`{name}` is null or (`{name}` >= 0 and `{name}` = floor(`{name}`))")
        elif isinstance(feature, LocalPart | FromUsual):
            most = feature.modulo // 2 if isinstance(feature, FromUsual) else feature.modulo - 1
            within = f"`{name}` between 0 and {most} and `{name}` = floor(`{name}`)"
            yield Rule(name, f"`{name}` is null or ({within})")
        elif isinstance(feature, CalendarFlag) and feature.part in {local.name for local in features.local}:
            yield Rule(name, f"`{name}` is null or `{name}` in (0, 1)")
        elif isinstance(feature, Flag | Novelty | CalendarFlag):
            yield Rule(name, f"`{name}` in (0, 1)")
        elif isinstance(feature, CalendarPart):
            yield Rule(name, f"`{name}` between 0 and {feature.modulo - 1} and `{name}` = floor(`{name}`)")
        elif isinstance(feature, Ratio):
            is_share = OF_PAYMENTS not in f"{name}_" and any(part in f"{name}_" for part in SHARES)
            highest = f" and `{name}` <= 1" if is_share else ""
            yield Rule(name, f"`{name}` is null or (`{name}` >= 0{highest})")
    for shorter, longer in nested(features):
        yield Rule(longer, f"`{longer}` >= `{shorter}`")


def stored(features: FeatureSet) -> Iterator[Feature]:
    """Those whose values a vector holds: others are what these are computed from."""
    return (feature for feature in features.features if feature.name in features.columns)


def nested(features: FeatureSet) -> Iterator[tuple[str, str]]:
    """Names of windows that differ in their length alone, each with the next longer one that holds all of it."""
    kinds: dict[tuple, list[Window | Distinct]] = {}
    for window in stored(features):
        if isinstance(window, Distinct):
            alike = (window.entity, window.of, window.tile, window.kept, window.open_head, window.delay)
            kinds.setdefault(alike, []).append(window)
        elif isinstance(window, Window) and window.aggregate == "sum":
            head = "open" if window.open_head else window.tile  # closed heads end where their tiles end
            same = (window.entity, window.kind, window.measure, window.where, window.delay, head)
            kinds.setdefault(same, []).append(window)
    for windows in kinds.values():
        for shorter, longer in pairwise(sorted(windows, key=lambda w: w.length)):
            if shorter.length + shorter.tile <= longer.length:  # a tail moves in whole tiles
                yield shorter.name, longer.name


SILVER_SUITES = {
    entity: suite_of(SILVER[entity], (*contract_rules(contract), *BUSINESS_RULES[entity]))
    for entity, contract in CONTRACTS.items()
}
GOLD_SUITES = {
    table.name: suite_of(
        table,
        (
            *(Rule(name, f"`{name}` is not null") for name in ("customer_id", *own, "feature_version")),
            *feature_rules(features),
        ),
    )
    for table, own, features in (
        (TRANSACTION_FEATURES, ("event_time", "blocked"), FRAUD),
        (LOAN_FEATURES, ("applied_at",), PAYMENT_BEHAVIOUR),
    )
}
