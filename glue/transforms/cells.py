"""RAW text to typed BRONZE columns. A cell that cannot be read names its reason; nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.cards import ENOUGH, FULL_WIDTH, LEAST_DIGITS, LONG, MASKED, SCHEMES, WHOLE, WITHIN
from features.columns import FALSE, TRUE
from features.contract import Column as ContractColumn
from features.contract import Contract
from features.currency import LARGEST_RATE, UNIT
from features.payment import CONTROL, LONGEST_IDENTIFIER
from features.values import (
    INSTANT,
    LARGEST_AMOUNT,
    LARGEST_COUNT,
    LARGEST_PERCENT,
    LAST_INSTANT,
    LONGEST_INSTANT,
    NUMBER,
    PERCENT_SIGN,
    ROUNDED,
    SPELT_OTHERWISE,
)
from glue.rules import MICRO
from glue.tables import stored_name

EXACT = "decimal(38,25)"  # a cast rounds too: 25 decimals are more than a double as text can have
PLAIN, AT = "_plain_", "_at_"  # before the name of a column of instants: how it is spelt, and when that is
ORIGIN = ("source_file", "row_number", "ingested_at")


@dataclass(frozen=True)
class Split:
    """Rows that go on, and rows that go to quarantine with `reasons`."""

    good: DataFrame
    bad: DataFrame


def typed(raw: DataFrame, contract: Contract, no_cards: Set[str] = frozenset()) -> Split:
    """`raw` is what `read_raw` gives. Good rows have the contract's types; bad rows keep their text.

    Card numbers are masked, but for those of columns that were declared to hold none (`no_cards`). An optional cell
    that cannot be read is a reason too, since a wrong value is not an absent one; but for those of lenient columns, see
    `counts`.
    """
    return split_by_reasons(judged(raw, contract, no_cards), contract, no_cards)


def judged(raw: DataFrame, contract: Contract, no_cards: Set[str] = frozenset()) -> DataFrame:
    """Every row with its cells as text, these read as `_<column>`, and `reasons`."""
    of_columns = [reason(c, c.name in no_cards) for c in contract.columns]
    reasons = F.concat(F.array_compact(F.array(*of_columns)), card_like_attributes(no_cards))
    instants = [c.name for c in contract.columns if c.type == "instant"]
    # In steps of their own, since Spark computes an expression again wherever another one uses it twice.
    looked_at = raw.select("*", *(is_plain(F.col(name)).alias(PLAIN + name) for name in instants))
    dated = looked_at.select("*", *(any_instant(name).alias(AT + name) for name in instants))
    return dated.select("*", *(read(c).alias(f"_{c.name}") for c in contract.columns)).withColumn(
        "reasons", F.when(F.col("fault").isNull(), reasons).otherwise(F.array("fault"))
    )


def counts(contract: Contract) -> list[Column]:
    """Aggregates over `judged`: `rows`, `bad` ones, and by the name of each lenient column how many of its cells could
    not be read and are missing in rows that go on."""
    goes_on = F.size("reasons") == 0
    return [
        F.count(F.lit(1)).alias("rows"),
        F.count_if(~goes_on).alias("bad"),
        *(
            F.count_if(goes_on & F.col(c.name).isNotNull() & F.col(f"_{c.name}").isNull()).alias(c.name)
            for c in contract.columns
            if c.lenient
        ),
    ]


def split_by_reasons(rows: DataFrame, contract: Contract, no_cards: Set[str] = frozenset()) -> Split:
    good = rows.where(F.size("reasons") == 0).select(
        *(F.col(f"_{c.name}").alias(stored_name(c.name, c.type)) for c in contract.columns),
        "attributes",
        *ORIGIN,
    )
    bad = rows.where(F.size("reasons") > 0).select(
        *(F.col(c.name) if c.name in no_cards else masked(F.col(c.name)).alias(c.name) for c in contract.columns),
        F.transform_values(
            "attributes", lambda name, value: F.when(is_one_of(name, no_cards), value).otherwise(masked(value))
        ).alias("attributes"),
        *ORIGIN,
        F.regexp_replace("line", LONG, f"{MASKED}$1").alias("line"),
        "reasons",
    )
    return Split(good, bad)


def may_hold_card(column: ContractColumn, text: Column) -> Column:
    """No instant in the usual spelling has digits grouped as a card's are: nearly all cells are spared the look."""
    return ~F.col(PLAIN + column.name) & holds_card(text) if column.type == "instant" else holds_card(text)


def holds_card(text: Column) -> Column:
    """What the doors refuse: a cell that is a card number, or has one among other text."""
    return F.when(has_digits_enough(text), is_card(text) | has_card_within(text)).otherwise(F.lit(False))


def has_digits_enough(text: Column) -> Column:
    """A quick look that spares nearly all cells the long one."""
    return F.when(F.length(text) >= LEAST_DIGITS, text.rlike(ENOUGH)).otherwise(F.lit(False))


def is_card(text: Column) -> Column:
    cell = plain(text)
    digits = F.regexp_replace(cell, r"\.0+\s*$", "")
    return F.when(cell.rlike(f"^{WHOLE}$"), of_a_scheme(digits)).otherwise(F.lit(False))


def has_card_within(text: Column) -> Column:
    cell = plain(text)
    found = F.regexp_extract_all(cell, F.lit(WITHIN), F.lit(1))
    return F.when(cell.rlike(WITHIN), F.exists(found, of_a_scheme)).otherwise(F.lit(False))


def of_a_scheme(text: Column) -> Column:
    digits = F.regexp_replace(text, "[^0-9]", "")
    return digits.rlike(f"^(?:{SCHEMES})$") & F.call_function("luhn_check", digits)


def plain(text: Column) -> Column:
    """Digits of full width are digits."""
    return F.when(text.rlike(f"[{FULL_WIDTH}]"), F.translate(text, FULL_WIDTH, "0123456789")).otherwise(text)


def masked(text: Column) -> Column:
    """The last four digits stay, as on a receipt: enough to find the row where it came from."""
    cell = plain(text)
    digits = F.regexp_replace(F.regexp_replace(cell, r"\.0+\s*$", ""), r"\D", "")
    return (
        F.when(is_card(text), F.concat(F.lit(MASKED), F.right(digits, F.lit(4))))
        .when(has_card_within(text), F.regexp_replace(cell, "[0-9](?=(?:[^0-9]*[0-9]){4})", "*"))
        .otherwise(text)
    )


def is_one_of(name: Column, names: Set[str]) -> Column:
    return name.isin(*sorted(names)) if names else F.lit(False)


def card_like_attributes(no_cards: Set[str]) -> Column:
    """A reason for every further column whose cell is a card number. A look at all cells finds that most have none."""
    found = F.map_keys(F.map_filter("attributes", lambda name, value: ~is_one_of(name, no_cards) & holds_card(value)))
    reasons = F.transform(found, lambda name: F.concat(F.lit("pan_like_"), name))
    some = F.exists(F.map_values("attributes"), has_digits_enough)
    return F.when(some, reasons).otherwise(F.array().cast("array<string>"))


def read(column: ContractColumn) -> Column:
    """The cell in its stored type, null where it cannot be read."""
    text = F.col(column.name)
    if column.type == "instant":
        at = F.col(AT + column.name)
        return F.when(F.unix_millis(at).between(0, LAST_INSTANT), at)
    number = F.when(text.rlike(NUMBER), text)  # Java alone would read 1d, 0x1p0 and digits of other scripts
    if column.type == "money":
        # Exact decimals, rounded once and half to even: the doors read money the same way.
        value = number.cast(EXACT)
        cents = (F.bround(value, 2) * 100).cast("bigint")
        return F.when((value >= 0) & (value <= int(LARGEST_AMOUNT)), cents)
    if column.type == "degrees":
        value = number.cast(EXACT)
        return F.when(F.abs(value) <= 180, (F.bround(value, 6) * MICRO).cast("int"))
    if column.type == "rate":
        value = number.cast(EXACT)
        stored = (F.bround(value, 9) * UNIT).cast("bigint")
        return F.when((value > 0) & (value <= LARGEST_RATE) & (stored > 0), stored)
    if column.type == "percent":
        whole = F.regexp_replace(text, PERCENT_SIGN, "")
        value = F.when(whole.rlike(NUMBER), whole).cast(EXACT)
        return F.when(F.abs(value) <= LARGEST_PERCENT, (F.bround(value, 4) * 10_000).cast("int"))
    if column.type == "flag":
        value = number.cast("double")
        # What is not lost with its row is read in more spellings: as the doors read it.
        true, false = (sorted(TRUE), sorted(FALSE)) if column.lenient else (["true"], ["false"])
        said = F.when(F.lower(text).isin(true), 1).when(F.lower(text).isin(false), 0)
        return F.coalesce(said, F.when(value.isin(0.0, 1.0), value.cast("int")))
    if column.type == "count":
        value = number.cast("double")
        return F.when((value <= LARGEST_COUNT) & (value >= 0) & (value == F.floor(value)), value.cast("int"))
    return text


def any_instant(name: str) -> Column:
    """Spark alone would take `12:30` for today, `2018` for a new year, and much that the doors refuse."""
    text = F.col(name)
    otherwise = F.when(F.length(text) <= LONGEST_INSTANT, spelt_otherwise(text))
    return F.when(F.col(PLAIN + name), text.cast("timestamp")).otherwise(otherwise)


def is_plain(text: Column) -> Column:
    return text.rlike(f"^(?:{INSTANT.pattern})$")


def spelt_otherwise(text: Column) -> Column:
    """The instant of a text that other tools write."""
    for other, plain in SPELT_OTHERWISE:
        text = F.regexp_replace(text, other, plain.replace("\\", "$"))
    return F.when(is_plain(text), text.cast("timestamp"))


def reason(column: ContractColumn, no_card: bool = False) -> Column:
    """The reason code of a cell, the first that fits: a card number is never only unreadable. Null of a fine cell."""
    text, value = F.col(column.name), F.col(f"_{column.name}")
    reasons = [
        F.when(text.isNull(), F.lit(f"missing_{column.name}")) if column.required else F.lit(None),
        F.lit(None) if no_card else F.when(may_hold_card(column, text), F.lit(f"pan_like_{column.name}")),
    ]
    if column.type in ("money", "count"):
        reasons.append(F.when(text.cast(EXACT) < 0, F.lit(f"negative_{column.name}")))
    if column.type == "text" and column.required:
        too_long = F.length(text) > LONGEST_IDENTIFIER
        reasons.append(F.when(too_long, F.lit(f"too_long_{column.name}")))
        reasons.append(F.when(text.rlike(CONTROL), F.lit(f"control_characters_{column.name}")))
        reasons.append(F.when(text.rlike(ROUNDED), F.lit(f"rounded_{column.name}")))
    if not column.lenient:
        reasons.append(F.when(text.isNotNull() & value.isNull(), F.lit(f"unreadable_{column.name}")))
    return F.coalesce(*reasons)
