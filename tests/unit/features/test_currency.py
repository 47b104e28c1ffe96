"""A payment is counted in the home currency with the one rate that every engine finds, whenever it looks."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.currency import UNIT, Rates, UnknownCurrency, WrongRates, half_even, spelt
from features.values import instant

HOME = ("EUR", "2018-04-01", UNIT)


def at(day: str) -> int:
    return instant(f"{day}T23:59:59Z")


def published(*told: tuple[str, str, float], today: str = "2018-05-01") -> Rates:
    rates = [(currency, day, round(rate * UNIT)) for currency, day, rate in told]
    return Rates().published([HOME, *rates], today)


def test_history_is_counted_with_the_rate_of_the_day_before_or_the_newest_before_that():
    rates = published(("USD", "2018-04-02", 0.8), ("USD", "2018-04-05", 0.9))

    assert rates.home_cents(1_000, "USD", at("2018-04-03")) == 800
    assert rates.home_cents(1_000, "USD", at("2018-04-05")) == 800
    assert rates.home_cents(1_000, "USD", at("2018-04-06")) == 900
    assert rates.home_cents(1_000, "EUR", at("2018-04-06")) == rates.home_cents(1_000, None, 0) == 1_000


@pytest.mark.parametrize("day", ["2018-04-02", "2018-05-11"])
def test_a_currency_without_a_rate_that_applies_is_refused(day):
    rates = published(("USD", "2018-04-02", 0.8), ("USD", "2018-04-05", 0.9))

    with pytest.raises(UnknownCurrency, match=f"no rate of this currency to EUR is known for {day}"):
        rates.home_cents(1, "USD", at(day))
    with pytest.raises(UnknownCurrency):
        rates.home_cents(1, "GBP", at("2018-04-06"))


def test_a_rate_applies_from_the_day_after_its_publication():
    rates = published(("USD", "2018-04-30", 0.8)).published([("USD", "2018-05-02", UNIT)], "2018-05-03")

    assert rates.home_cents(100, "USD", at("2018-05-03")) == 80
    assert rates.home_cents(100, "USD", at("2018-05-04")) == 100


def test_an_older_rate_that_comes_later_replaces_none():
    rates = published(("USD", "2018-04-30", 0.8)).published([("USD", "2018-04-20", UNIT)], "2018-05-03")

    assert rates.home_cents(100, "USD", at("2018-05-06")) == 80


def test_what_was_published_stays_as_it_is():
    rates = published(("USD", "2018-04-30", 0.8))

    assert rates.published([("USD", "2018-04-30", UNIT)], "2018-05-03") is rates


def test_an_amount_beyond_what_any_may_be_is_refused():
    with pytest.raises(UnknownCurrency, match="an amount of more than"):
        published(("USD", "2018-04-30", 1000.0)).home_cents(10**12, "USD", at("2018-05-01"))


@pytest.mark.parametrize(
    ("told", "said"),
    [([("USD", "2018-04-01", 5)], "found none"), ([HOME, ("USD", "2018-04-01", UNIT)], "found EUR and USD")],
)
def test_rates_that_do_not_tell_the_home_currency_are_refused(told, said):
    with pytest.raises(WrongRates, match=f"expected rows of one currency with rate 1, the home currency; {said}"):
        Rates().published(told, "2018-05-01")


@pytest.mark.parametrize(
    "told",
    [
        [("EUR", "2018-05-02", UNIT), ("USD", "2018-05-02", UNIT), ("CHF", "2018-05-02", 9 * UNIT // 10)],
        [("EUR", f"2018-05-{n:02d}", UNIT) for n in range(1, 8)],
    ],
)
def test_rates_to_another_currency_than_payments_are_counted_in_are_refused(told):
    with pytest.raises(WrongRates, match="expected rates to CHF, in which payments are counted, found rates to EUR"):
        Rates("CHF").published(told, "2018-05-08")


def test_of_two_currencies_of_one_worth_the_declared_one_is_home():
    told = [("USD", "2018-05-02", UNIT), ("PAB", "2018-05-02", UNIT)]

    with pytest.raises(WrongRates, match=r"found PAB and USD; declare `home` in columns\.yaml"):
        Rates().published(told, "2018-05-08")
    assert Rates().with_home("PAB").published(told, "2018-05-08").home == "PAB"


def test_a_home_currency_that_payments_have_told_needs_no_row():
    rates = Rates().with_home("CHF").published([("USD", "2018-04-30", UNIT)], "2018-05-01")

    assert (rates.home, rates.home_cents(5, "USD", at("2018-05-01"))) == ("CHF", 5)
    assert rates.with_home("EUR").home == "CHF"


def test_before_any_currency_was_named_amounts_stay_as_they_came():
    assert Rates.parse(None).home_cents(5, "USD", 0) == 5


days = st.integers(0, 60).map(lambda n: str(date(2018, 4, 1) + timedelta(days=n)))
told = st.lists(st.tuples(st.sampled_from(["USD", "GBP"]), days, st.integers(1, 3 * UNIT)), max_size=12)


@given(st.lists(st.tuples(days, told), min_size=1, max_size=5), days, st.integers(0, 10**9))
def test_whatever_is_published_later_changes_no_day_that_has_begun(nights, on, cents):
    rates, before = published(("USD", "2018-03-20", 0.5), today="2018-03-31"), []
    for today, told_then in sorted(nights, key=lambda night: night[0]):
        if on <= today:
            before.append(found(rates, cents, on))
        rates = rates.published(told_then, today)
        assert Rates.parse(rates.document()) == rates
        assert found(rates.since(on), cents, on) == found(rates, cents, on)
    assert all(one == found(rates, cents, on) for one in before)


def found(rates: Rates, cents: int, on: str) -> int | None:
    try:
        return rates.home_cents(cents, "USD", at(on))
    except UnknownCurrency:
        return None


@given(st.integers(0, 10**12), st.integers(1, 10**18))
def test_a_product_is_rounded_to_the_nearest_cent(cents, billionths):
    exact = (Decimal(cents) * billionths / UNIT).quantize(Decimal(1), ROUND_HALF_EVEN)
    assert half_even(cents * billionths, UNIT) == int(exact)


def test_a_half_cent_goes_to_the_even_one():
    """Chance hardly ever draws one."""
    assert [half_even(halves * UNIT // 2, UNIT) for halves in (1, 3, 5, 7)] == [0, 2, 2, 4]


def test_a_currency_is_known_in_any_case():
    assert [spelt(cell) for cell in (" eur ", "", None, 7)] == ["EUR", None, None, None]
