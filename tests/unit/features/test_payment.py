"""A payment at a door: taken exactly, or refused without repeating what might be a card number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.contract import TRANSACTIONS
from features.payment import LONGEST_IDENTIFIER, InvalidPayment, Payment, holds_pan, looks_like_pan, passes_luhn

FIELDS = {
    "transaction_id": "t1",
    "event_time": "2018-04-01T09:30:00Z",
    "customer_id": "c1",
    "merchant_id": "m1",
    "amount": "12.50",
}
PANS = ("4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "4222222222222")


def refusal(fields) -> str:
    with pytest.raises(InvalidPayment) as refused:
        Payment.parse(fields)
    return str(refused.value)


def test_a_payment_has_its_time_in_milliseconds_and_its_amount_in_cents():
    assert Payment.parse(FIELDS) == Payment("t1", 1_522_575_000_000, "c1", "m1", 1250)


def test_optional_and_further_columns_do_not_matter():
    assert Payment.parse({**FIELDS, "currency": "EUR", "ip": "10.0.0.1", "note": None}) == Payment.parse(FIELDS)


@pytest.mark.parametrize("absent", [None, "", "   "])
@pytest.mark.parametrize("name", TRANSACTIONS.required)
def test_a_missing_column_is_named(name, absent):
    assert refusal({**FIELDS, name: absent}).startswith(f"missing {name};")


def test_every_missing_column_is_named_at_once():
    assert refusal({"amount": 1}).startswith("missing transaction_id, event_time, customer_id, merchant_id;")


@pytest.mark.parametrize("document", [None, [], "text", 5, True])
def test_what_is_no_object_is_refused(document):
    assert "JSON object" in refusal(document)


@pytest.mark.parametrize("name", ["transaction_id", "customer_id", "merchant_id"])
@pytest.mark.parametrize("value", [7, 1.5, True, ["a"], {"a": 1}, "x" * (LONGEST_IDENTIFIER + 1), "\ud800"])
def test_an_identifier_is_text_of_bounded_length_that_can_be_stored(name, value):
    assert refusal({**FIELDS, name: value}).startswith(f"{name}: expected text")


def test_blanks_around_an_identifier_are_not_part_of_it():
    """The lake trims its cells: a door that did not would know another customer."""
    padded = {**FIELDS, "transaction_id": " t1", "customer_id": "c1 ", "merchant_id": "  m1  "}

    assert Payment.parse(padded) == Payment.parse(FIELDS)


@pytest.mark.parametrize(("name", "value"), [("event_time", "soon"), ("event_time", 5), ("amount", "a lot")])
def test_an_unreadable_cell_names_its_column_and_what_was_expected(name, value):
    assert refusal({**FIELDS, name: value}).startswith(f"{name}: expected")


@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize("name", ["transaction_id", "customer_id", "event_time", "amount", "device_id", "anything"])
def test_a_card_number_is_refused_in_any_column_however_it_is_written(pan, name):
    groups = [pan[i : i + 4] for i in range(0, len(pan), 4)]
    for written in (pan, f" {pan} ", f"{pan}\n", " ".join(groups), "-".join(groups)):
        assert refusal({**FIELDS, name: written}) == f"{name} looks like a card number; send a token instead"


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111-1",
        "tx_4111111111111111",
        "4111.1111.1111.1111",
        "4111  1111  1111  1111",
        "paid with 3782 822463 10005, thanks",
        "5000 4111 1111 1111 1111",
        "card:2221000000000009.",
    ],
)
def test_a_card_number_is_found_among_other_text(text):
    assert refusal({**FIELDS, "note": text}) == "note looks like a card number; send a token instead"


@pytest.mark.parametrize(
    "text",
    [
        "0.4111111111111111",
        "12,4111111111111111",
        "ord-20180402093000121",
        "4111111111111111abc",
        "f4111111-1111-1111-a111-111111111111",
        "tx_4111111111111112",
    ],
)
def test_decimals_stamps_and_longer_names_are_no_card_numbers(text):
    assert not holds_pan(text)


def test_the_stamp_of_that_list_would_pass_for_a_card_by_its_check_digit():
    assert passes_luhn("20180402093000121")


def test_a_fraction_is_no_card_number():
    assert not holds_pan(0.4111111111111111)


def test_a_card_number_that_came_as_a_number_is_refused():
    assert refusal({**FIELDS, "device_id": int(PANS[0])}).startswith("device_id looks like")


@pytest.mark.parametrize(
    "within",
    [
        {"number": PANS[0]},
        {"notes": ["none", {"seen": [PANS[1]]}]},
        [int(PANS[2])],
        {PANS[3]: "the card"},
        float(PANS[4]),
    ],
)
def test_a_card_number_is_found_however_deep_it_lies(within):
    assert refusal({**FIELDS, "anything": within}) == "anything looks like a card number; send a token instead"


def test_a_card_number_as_a_columns_name_is_refused_and_not_repeated():
    assert PANS[0] not in refusal({**FIELDS, PANS[0]: "x"})


@pytest.mark.parametrize("name", ["amount", "event_time"])
@pytest.mark.parametrize(
    "written", ["4111111111111111.00", "4111111111111111x", "x4111111111111111", 4111111111111111.0]
)
def test_a_cell_that_cannot_be_read_is_not_repeated_since_it_may_hold_a_card_number(name, written):
    assert "411111" not in refusal({**FIELDS, name: written})


@given(st.text("0123456789", min_size=12, max_size=18))
def test_exactly_one_check_digit_makes_a_number_look_like_a_card(body):
    alike = [digit for digit in "0123456789" if looks_like_pan(body + digit)]

    assert len(alike) == 1


@given(st.text("0123456789", min_size=12, max_size=18), st.data())
def test_one_mistyped_digit_never_looks_like_a_card(body, data):
    card = next(body + digit for digit in "0123456789" if looks_like_pan(body + digit))
    place = data.draw(st.integers(0, len(card) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != card[place]]))

    assert not looks_like_pan(card[:place] + other + card[place + 1 :])


@pytest.mark.parametrize(
    "text", ["411111111111", "41111111111111111111", "4111-1111-1111-1112", "c-4111111111111111", ""]
)
def test_other_lengths_other_check_digits_and_other_texts_are_no_card_numbers(text):
    assert not looks_like_pan(text)


def test_a_payment_may_be_five_minutes_ahead_of_the_clock_and_not_more():
    at = Payment.parse(FIELDS).at
    assert Payment.parse(FIELDS, now=at - 300_000).at == at
    with pytest.raises(InvalidPayment, match="at most five minutes ahead"):
        Payment.parse(FIELDS, now=at - 300_001)
