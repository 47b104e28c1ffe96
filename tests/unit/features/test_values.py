"""Instants and money, read exactly or refused."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.values import LARGEST_AMOUNT, LAST_INSTANT, InvalidValue, cents, day, instant, iso


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2018-04-01T09:30:00Z", 1_522_575_000_000),
        ("2018-04-01T09:30:00+00:00", 1_522_575_000_000),
        ("2018-04-01T11:30:00+02:00", 1_522_575_000_000),
        ("2018-04-01 09:30:00", 1_522_575_000_000),
        ("2018-04-01T09:30:00.250", 1_522_575_000_250),
        ("2018-04-01", 1_522_540_800_000),
        ("2018-04-01T09", 1_522_573_200_000),
        ("2018-04-01 09:30", 1_522_575_000_000),
        ("2018-04-01T09:30:00.25", 1_522_575_000_250),
        ("2018-04-01T09:30:00.250999999999Z", 1_522_575_000_250),
        ("2018-04-01T11:30:00+0200", 1_522_575_000_000),
        ("2018-04-01T07:30:00-02", 1_522_575_000_000),
        ("2018-04-02T03:30:00+18:00", 1_522_575_000_000),
    ],
)
def test_an_instant_is_milliseconds_and_utc_when_it_names_no_offset(text, milliseconds):
    assert instant(text) == milliseconds


def test_a_part_of_a_millisecond_is_cut_off():
    assert instant("2018-04-01T09:30:00.000999Z") == 1_522_575_000_000


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "yesterday",
        "2018-13-01",
        "2018-04-01T25:00:00Z",
        "2018-04-01T09:30:00+25:00",
        "1522575000000",
        "2018-04-02x09:30:00",
        "2018-04-02T09:30:00+18:01",
        "2018-04-02T09:30:00+05:75",
        "2018-04-02T24:00:00Z",
        "2018-04-02 UTC",
        "2018-04-02" + " " * 60 + "09:30:00Z",  # longer than any spelling: expressions that try every blank take hours
        "20180402",
        "2018/4/2 09:30:00",
        "03/04/2018 09:30:00",
        "2018-04-0２",
        1_522_575_000_000,
        None,
        [],
        {},
        "9999-12-31T23:59:59-01:00",  # readable, and beyond what a calendar holds once it is UTC
        "0001-01-01T00:00:00+05:00",
        "1969-12-31T23:59:59.999Z",  # before time as the platform counts it
    ],
)
def test_what_is_no_instant_is_refused_as_a_value(cell):
    with pytest.raises(InvalidValue, match="ISO 8601"):
        instant(cell)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("2018-04-02T093000Z", "2018-04-02T09:30:00.000Z"),
        ("20180402T093000Z", "2018-04-02T09:30:00.000Z"),
        ("2018-04-02T09:30:00,5Z", "2018-04-02T09:30:00.500Z"),
        ("2018-04-02T09:30Z", "2018-04-02T09:30:00.000Z"),  # Java leaves zero seconds out
        ("2018-04-02T09:30+02:00", "2018-04-02T07:30:00.000Z"),
        ("2018-04-02 09:30:00 UTC", "2018-04-02T09:30:00.000Z"),  # BigQuery
        ("2018-04-02 09:30:00.1234567 +00:00", "2018-04-02T09:30:00.123Z"),  # SQL Server
        ("2018/04/02 09:30:00", "2018-04-02T09:30:00.000Z"),
        ("2018-04-02t09:30:00z", "2018-04-02T09:30:00.000Z"),  # RFC 3339 allows small letters
    ],
)
def test_an_instant_is_read_as_other_tools_spell_it(cell, said):
    assert iso(instant(cell)) == said


@given(st.integers(min_value=0, max_value=LAST_INSTANT))
def test_an_instant_survives_being_written_and_read(at):
    assert instant(iso(at)) == at
    assert day(at) == iso(at)[:10]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("12.50", 1250),
        ("12.5", 1250),
        ("0", 0),
        ("-0", 0),
        (" 12 ", 1200),
        ("1e3", 100_000),
        (12, 1200),
        (0.1 + 0.2, 30),
        (1.1, 110),
        (Decimal("9999999999.99"), 999_999_999_999),
        (10_000_000_000, 1_000_000_000_000),
    ],
)
def test_money_is_whole_cents(amount, expected):
    assert cents(amount) == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("0.005", 0), ("0.015", 2), ("0.025", 2), ("0.035", 4), ("12.505", 1250), ("12.5051", 1251)],
)
def test_half_a_cent_goes_to_the_even_neighbour(amount, expected):
    assert cents(amount) == expected


@pytest.mark.parametrize(
    "amount", ["-0.01", -1, "NaN", "sNaN", "inf", "-inf", float("nan"), "10000000000.01", "1e9999"]
)
def test_an_amount_below_zero_not_finite_or_absurd_is_refused(amount):
    with pytest.raises(InvalidValue, match="between 0 and"):
        cents(amount)


@pytest.mark.parametrize("amount", ["", "12,50", "EUR 5", "0x10", None, True, [1], {}, b"1", "1_000"])
def test_what_is_no_decimal_number_is_refused(amount):
    with pytest.raises(InvalidValue, match="decimal amount"):
        cents(amount)


@given(st.decimals(min_value=0, max_value=LARGEST_AMOUNT, places=4))
def test_cents_are_the_exact_decimal_rounded_once(amount):
    assert cents(str(amount)) == int((amount * 100).quantize(Decimal(1), ROUND_HALF_EVEN))
