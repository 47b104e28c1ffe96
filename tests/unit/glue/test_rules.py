"""What the gate asks of vectors follows from the declarations, and from what a vector holds of them."""

from __future__ import annotations

from features.declaration import (
    DAY,
    HOUR,
    MINUTE,
    Acquaintance,
    CalendarFlag,
    Distinct,
    FeatureSet,
    FromUsual,
    LocalPart,
    Novelty,
    SinceFirst,
    Travel,
)
from features.fraud import FRAUD, MERCHANTS_PAID
from glue.rules import GOLD_SUITES, feature_rules, nested

RULES = {rule.condition for rule in feature_rules(FRAUD)}


def test_no_rule_asks_of_a_column_that_its_table_does_not_have():
    for suite in GOLD_SUITES.values():
        assert {rule.column for rule in suite.rules} <= {name for name, _ in suite.columns}


def test_what_is_new_may_be_unknown_where_a_payment_need_not_say_it_and_nowhere_else():
    unknown = {
        f.name
        for f in FRAUD.features
        if isinstance(f, Novelty) and f"`{f.name}` is null or `{f.name}` in (0, 1)" in RULES
    }

    assert "is_new_device" in unknown
    assert "`is_new_merchant` in (0, 1)" in RULES
    assert "is_new_merchant" not in unknown


def test_only_counts_of_the_same_column_are_held_against_each_other():
    """A customer may well use more devices in a week than countries in a month."""

    def week_and_month(of: str, called: str) -> FeatureSet:
        week = Distinct("customer", 7 * DAY, DAY, kept=4, of="device_id", called="devices")
        month = Distinct("customer", 30 * DAY, DAY, kept=4, of=of, called=called)
        return FeatureSet("counts", (week, month), (week.name, month.name))

    assert len(list(nested(week_and_month("device_id", "devices")))) == 1
    assert not list(nested(week_and_month("country", "countries")))


def test_frauds_may_be_more_than_the_payments_of_a_window_and_a_rate_is_one_at_most():
    shares = [name for name in FRAUD.columns if "share_of_payments" in name]

    assert shares
    assert not any(f"`{name}` <= 1" in condition for name in shares for condition in RULES)
    assert any("`merchant_fraud_rate_30d` <= 1" in condition for condition in RULES)


def test_features_of_every_further_kind_have_their_rule():
    minute = LocalPart("minute", "utc_offset", MINUTE, 1_440)
    added = (
        minute,
        CalendarFlag("at_midnight", "minute", (0,)),
        FromUsual("far", "minute", 1_440, DAY, HOUR),
        SinceFirst("customer", "age"),
        Travel("customer", "metres", DAY),
        Acquaintance("known_for", among=MERCHANTS_PAID[0]),
    )
    names = tuple(f.name for f in added)
    rules = {
        rule.column: rule.condition for rule in feature_rules(FeatureSet("further", (*MERCHANTS_PAID, *added), names))
    }

    assert rules.keys() == set(names)
    assert all(condition.startswith(f"`{name}` is null or ") for name, condition in rules.items())
    assert "between 0 and 1439" in rules["minute"]
    assert "between 0 and 720" in rules["far"]
    assert "in (0, 1)" in rules["at_midnight"]
