"""A payment at a door: taken exactly, or refused without repeating what might be a card number."""

from __future__ import annotations

import pytest

from features.contract import TRANSACTIONS
from features.payment import LONGEST_IDENTIFIER, InvalidPayment, Payment

FIELDS = {
    "transaction_id": "t1",
    "event_time": "2018-04-01T09:30:00Z",
    "customer_id": "c1",
    "merchant_id": "m1",
    "amount": "12.50",
}
PANS = ("4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "30569309025904")


def refusal(fields) -> str:
    with pytest.raises(InvalidPayment) as refused:
        Payment.parse(fields)
    return str(refused.value)


def test_a_payment_has_its_time_in_milliseconds_and_its_amount_in_cents():
    assert Payment.parse(FIELDS) == Payment("t1", 1_522_575_000_000, "c1", "m1", 1250)


def test_a_payment_keeps_every_other_column_that_says_something_as_a_text():
    told = {"ip": " 10.0.0.1 ", "note": None, "shop": "", "card_present": True, "authorised": "no", "score": 0.5}
    told |= {"basket": {"b": 1, "a": [2]}, "loyal": True}

    assert Payment.parse({**FIELDS, **told}).further == {
        "ip": "10.0.0.1",
        "card_present": "1",
        "authorised": "0",
        "score": "0.5",
        "basket": '{"a": [2], "b": 1}',
        "loyal": "true",
    }
    assert Payment.parse({**FIELDS, "ip": "10.0.0.1"}).said("ip") == "10.0.0.1"
    assert Payment.parse(FIELDS).said("ip") is None
    assert Payment.parse({**FIELDS, "currency": " eur "}).currency == "EUR"


@pytest.mark.parametrize("absent", [None, "", "   ", "nan", "NULL"])
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


def test_a_payment_may_be_five_minutes_ahead_of_the_clock_and_not_more():
    at = Payment.parse(FIELDS).at
    assert Payment.parse(FIELDS, now=at - 300_000).at == at
    with pytest.raises(InvalidPayment, match="at most five minutes ahead"):
        Payment.parse(FIELDS, now=at - 300_001)


@pytest.mark.parametrize("text", ["2.29116E+15", "4E+15", "1,5e12"])
def test_an_identifier_that_a_spreadsheet_has_rounded_is_refused(text):
    with pytest.raises(InvalidPayment, match="customer_id: expected an identifier, found a number that a spreadsheet"):
        Payment.parse({**FIELDS, "customer_id": text})


@pytest.mark.parametrize(
    ("device", "known_by"),
    [
        ("d1", "d1"),
        ("d 1", "d 1"),
        ("d\n1", None),
        ("d" * (LONGEST_IDENTIFIER + 1), None),
        ("\ud800", None),
        ("", None),
    ],
    ids=["plain", "with a blank", "two lines", "too long", "half a letter", "none"],
)
def test_a_payment_names_a_device_only_in_letters_that_a_record_can_be_known_by(device, known_by):
    said = {"device_id": device} if device else {}

    assert Payment("t1", 0, "c1", "m1", 100, further=said).identifier("device_id") == known_by
    assert Payment("t1", 0, "c1", "m1", 100, further=said).identifier("merchant_id") == "m1"
