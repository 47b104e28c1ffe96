"""A feature set is an agreement: it names what it has, and its version says when it changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from features.contract import CONTRACTS
from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import DAY, HOUR, MINUTE, SECOND, FeatureSet, Filter, SinceLast, Window, duration_name
from features.fraud import FRAUD, HIGH

SETS = [FRAUD, PAYMENT_BEHAVIOUR]


def changed(group: str, position: int, **fields) -> FeatureSet:
    old = getattr(FRAUD, group)[position]
    new = replace(old, **fields)
    return replace(FRAUD, features=tuple(new if f is old else f for f in FRAUD.features))


def test_the_same_declarations_have_the_same_version():
    assert replace(FRAUD).version == FRAUD.version


@pytest.mark.parametrize(
    "other",
    [
        replace(FRAUD, name="fraud2"),
        replace(FRAUD, columns=FRAUD.columns[::-1]),
        replace(FRAUD, columns=FRAUD.columns[:-1]),
        replace(FRAUD, features=FRAUD.features[::-1]),
        replace(FRAUD, label_patience=DAY),
        changed("windows", 0, tile=30 * SECOND),
        changed("flags", 0, factor=2),
        changed("since_last", 0, horizon=29 * DAY),
        changed("calendar", 0, shift=1),
        changed("calendar", 2, values=(0, 1)),
        changed("ratios", 0, denominator=("customer_payment_amount_7d",)),
        changed("ratios", 0, numerator=("amount",)),
    ],
    ids=[
        "name",
        "order of columns",
        "one column less",
        "order of declarations",
        "label patience",
        "tile",
        "factor",
        "horizon",
        "shift",
        "flag",
        "denominator",
        "numerator",
    ],
)
def test_any_change_of_a_declaration_changes_the_version(other):
    assert other.version != FRAUD.version


def unlike(other: FeatureSet) -> set[str]:
    return {n for n, meant in other.fingerprints.items() if FRAUD.fingerprints.get(n) != meant}


def test_a_changed_feature_means_something_else_and_so_does_what_is_computed_from_it_and_nothing_besides():
    flagged = {w.name for w in FRAUD.windows if w.where}

    assert flagged | {"high_for_customer"} <= unlike(changed("flags", 0, factor=2))
    assert unlike(changed("calendar", 0, shift=1)) == {"hour_of_day", "is_night"}
    labels = {w.name for w in FRAUD.windows if w.kind == "label"}
    assert labels <= unlike(replace(FRAUD, label_patience=DAY))
    assert "customer_payment_count_10m" not in unlike(replace(FRAUD, label_patience=DAY))


def test_what_is_told_apart_by_a_part_of_the_calendar_changes_its_meaning_with_the_part():
    quarter = next(f for f in FRAUD.calendar if f.name == "quarter_of_day")
    other = changed("calendar", FRAUD.calendar.index(quarter), unit=3 * HOUR, modulo=8)
    counted = {d.name for d in FRAUD.distinct if d.of == quarter.name}

    assert counted
    assert {quarter.name, "is_unusual_quarter_of_day"} | counted <= unlike(other)


def test_payments_mean_something_else_where_declines_are_apart_and_labels_and_the_calendar_do_not():
    decline = Window("customer", "decline", "count", HOUR, MINUTE)
    other = replace(FRAUD, features=(*FRAUD.features, decline))
    told_of_payments = {
        *(f.name for f in (*FRAUD.windows, *FRAUD.since_last) if f.kind == "payment"),
        *(f.name for f in (*FRAUD.distinct, *FRAUD.novelties, *FRAUD.recurrences)),
    }

    assert "decline" in other.apart
    assert "decline" not in FRAUD.apart
    assert told_of_payments <= unlike(other) - {decline.name}
    kept = FRAUD.fingerprints.keys() - unlike(other)
    assert {"hour_of_day", "merchant_label_fraud_7d", "merchant_fraud_rate_7d"} <= kept
    attempts = Window("customer", "attempt", "count", HOUR, MINUTE)
    assert unlike(replace(FRAUD, features=(*FRAUD.features, attempts))) == {attempts.name}


def test_features_that_are_added_removed_or_put_in_another_order_leave_the_meaning_of_the_others():
    last = FRAUD.features[-1]
    fewer = replace(FRAUD, features=FRAUD.features[:-1], columns=tuple(c for c in FRAUD.columns if c != last.name))

    assert unlike(fewer) == set()
    assert unlike(replace(FRAUD, features=FRAUD.features[::-1], columns=FRAUD.columns[::-1])) == set()
    assert replace(FRAUD, columns=("amount", "is_night")).meanings == f"amount {FRAUD.fingerprints['is_night']}"


def test_a_change_of_what_the_engines_do_changes_the_version(monkeypatch):
    monkeypatch.setattr("features.declaration.ENGINE_REVISION", 99)

    assert replace(FRAUD).version != FRAUD.version


def test_the_two_sets_have_different_versions():
    assert FRAUD.version != PAYMENT_BEHAVIOUR.version


def test_a_column_that_nobody_declared_is_refused_by_name():
    with pytest.raises(ValueError, match=r"never declared customer_mood"):
        replace(FRAUD, columns=(*FRAUD.columns, "customer_mood"))


def test_a_name_declared_twice_is_refused():
    with pytest.raises(ValueError, match=r"declared twice customer_payment_count_10m"):
        replace(FRAUD, features=(*FRAUD.features, FRAUD.windows[0]))


def test_a_measure_that_an_event_does_not_have_is_refused():
    with pytest.raises(ValueError, match="fraud"):
        Window("customer", "payment", "fraud", HOUR, MINUTE)


@pytest.mark.parametrize("length", [0, -HOUR, 90 * SECOND])
def test_a_window_is_a_whole_number_of_tiles(length):
    with pytest.raises(ValueError, match="whole number of tiles"):
        Window("customer", "payment", "count", length, MINUTE)


@pytest.mark.parametrize(
    ("milliseconds", "name"), [(30 * DAY, "30d"), (36 * HOUR, "36h"), (10 * MINUTE, "10m"), (90 * SECOND, "90s")]
)
def test_a_duration_is_named_in_its_largest_whole_unit(milliseconds, name):
    assert duration_name(milliseconds) == name


def test_a_duration_below_a_second_has_no_name():
    with pytest.raises(ValueError, match="whole seconds"):
        duration_name(1500)


@pytest.mark.parametrize("features", SETS, ids=lambda s: s.name)
def test_history_reaches_behind_every_window_and_horizon(features):
    assert all(w.length + w.tile + w.delay <= features.lookback(w.kind) for w in features.windows)
    assert all(s.horizon <= features.lookback("payment") for s in features.since_last)


def test_history_reaches_behind_the_flags_of_the_payments_that_a_window_counts():
    """A payment 14 days ago is high or not by the 30 days before it."""
    assert FRAUD.lookback("payment") == (14 + 1 + 30 + 1) * DAY


@pytest.mark.parametrize("features", SETS, ids=lambda s: s.name)
def test_every_ratio_is_made_of_integers_that_the_set_has(features):
    integers = {"amount", *(f.name for f in features.features if f not in features.ratios)}

    assert {name for r in features.ratios for name in (*r.numerator, *r.denominator)} <= integers


@pytest.mark.parametrize("features", SETS, ids=lambda s: s.name)
def test_no_column_comes_twice_and_all_names_fit_feature_store(features):
    assert len(set(features.columns)) == len(features.columns)
    assert all(len(name) <= 64 for name in features.columns)


def test_merchant_windows_have_closed_heads_so_that_lag_cannot_change_them():
    assert all(w.open_head == (w.entity == "customer") for w in FRAUD.windows)


def test_words_about_a_feature_are_no_part_of_its_meaning():
    assert changed("windows", 0, note="other words", owner="somebody else").version == FRAUD.version


@pytest.mark.parametrize("features", SETS, ids=lambda s: s.name)
def test_every_feature_has_an_owner_and_a_description(features):
    assert all(f.owner and f.description for f in features.features)


def test_a_time_since_says_what_it_is_since():
    since = Window("merchant", "label", "count", 30 * DAY, DAY, open_head=False, aggregate="since")

    said = "How many tiles of 1d ago the newest lies that holds any of the merchant's labels, by the time they were"
    assert since.description.startswith(said)
    assert "any fraud of the merchant's" in replace(since, measure="fraud").description


def test_a_filter_needs_a_sum_a_time_needs_events_and_a_delay_needs_a_closed_head():
    with pytest.raises(ValueError, match="only sums and times since can be filtered"):
        Window("customer", "payment", "amount", HOUR, MINUTE, aggregate="max", where=Filter("high", HIGH.name))
    with pytest.raises(ValueError, match="not since amounts"):
        Window("merchant", "payment", "amount", 30 * DAY, DAY, open_head=False, aggregate="since")
    with pytest.raises(ValueError, match="only a closed head can be delayed"):
        Window("customer", "payment", "count", HOUR, MINUTE, delay=HOUR)


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda c: c.entity)
def test_a_contract_requires_its_key_and_its_date(contract):
    assert {*contract.key, contract.dated_by} <= set(contract.required)
    assert contract.column(contract.dated_by).type == "instant"


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda c: c.entity)
def test_a_contract_names_and_describes_each_column_once(contract):
    names = [c.name for c in contract.columns]

    assert len(set(names)) == len(names)
    assert all(c.description for c in contract.columns)


def test_the_contract_is_the_published_one():
    assert {c.entity: c.required for c in CONTRACTS.values()} == {
        "transactions": ("transaction_id", "event_time", "customer_id", "merchant_id", "amount"),
        "fraud_labels": ("transaction_id", "is_fraud", "reported_at"),
        "loan_applications": ("loan_id", "customer_id", "applied_at"),
        "loan_outcomes": ("loan_id", "defaulted", "observed_at"),
        "loan_decisions": ("loan_id", "decided_at", "decision"),
        "loan_performance": ("loan_id", "observed_at"),
        "exchange_rates": ("currency", "day", "rate"),
    }


@pytest.mark.parametrize(
    ("declared", "rule"),
    [
        (
            Window("merchant", "payment", "amount", 30 * DAY, DAY, open_head=False, aggregate="max"),
            "sums and times since only",
        ),
        (
            Window("merchant", "payment", "count", 30 * DAY, DAY, open_head=False, aggregate="tiles"),
            "sums and times since only",
        ),
        (Window("customer", "payment", "count", 5 * DAY, DAY, aggregate="since"), "whole tiles"),
        (Window("merchant", "payment", "count", 5 * DAY, DAY), "open head"),
        (Window("customer", "payment", "count", 5 * DAY, DAY, open_head=False), "open head"),
        (Window("merchant", "payment", "count", 5 * DAY, HOUR, open_head=False), "one tile and one delay"),
        (SinceLast("merchant", "merchant_ms_since", horizon=DAY), "customers only"),
        (
            SinceLast("customer", "customer_ms_since_label", horizon=DAY, kind="label"),
            "kinds payment, decline, block, attempt",
        ),
        (Window("customer", "label", "count", DAY, HOUR), "only events of the kinds payment, decline, block, attempt"),
        (
            Window("customer", "decline", "count", DAY, HOUR, where=Filter("high", HIGH.name)),
            "only payments are counted by a flag",
        ),
    ],
)
def test_what_the_two_engines_would_compute_differently_cannot_be_declared(declared, rule):
    with pytest.raises(ValueError, match=rule):
        FeatureSet("odd", (*FRAUD.features, declared), ())
