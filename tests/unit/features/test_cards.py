"""A card number is found however it is spelt, and nothing else is taken for one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.cards import cards_within, holds_card, is_card, passes_luhn
from features.values import INSTANT
from tests.card_numbers import SPELLINGS, alike, card


def test_no_card_is_missed_in_any_of_forty_spellings():
    drawn = random.Random(1)
    missed = {
        spelt(number)
        for spelt in SPELLINGS
        for number in (card(drawn) for _ in range(100))
        if not holds_card(spelt(number))
    }
    assert len(SPELLINGS) >= 40
    assert missed == set()


def test_no_time_stamp_identifier_telephone_number_or_device_is_taken_for_a_card():
    drawn = random.Random(2)
    taken = {text for _ in range(2000) for text in alike(drawn) if holds_card(text)}

    assert taken == set()


def test_some_of_these_would_pass_the_luhn_check_alone():
    drawn = random.Random(2)
    digits = ["".join(c for c in text if c.isdigit()) for _ in range(50) for text in alike(drawn)]

    assert sum(passes_luhn(d) for d in digits if 13 <= len(d) <= 19) > 20


@pytest.mark.parametrize(
    "text",
    [
        "0.4111111111111111",
        "12,4111111111111111",
        "ord-20180402093000121",
        "4111111111111111abc",
        "f4111111-1111-1111-a111-111111111111",
        "tx_4111111111111112",
        "4222222222222",  # Visa's withdrawn length, which telephone numbers have
        "+4111111111111111",
        "411111111111",
        "41111111111111111111",
        "1111111111111117",
        "",
    ],
)
def test_decimals_stamps_longer_names_and_other_lengths_are_no_card_numbers(text):
    assert not holds_card(text)


def test_a_fraction_is_no_card_number():
    assert not holds_card(0.4111111111111111)


def test_a_number_that_is_a_card_number_is_one():
    assert holds_card(4111111111111111)
    assert holds_card(4111111111111111.0)


def test_every_card_number_of_a_text_is_found_as_it_is_spelt():
    assert [*cards_within("4111 1111 1111 1111 or 378282246310005; 5000 4111-1111-1111-1111")] == [
        "4111 1111 1111 1111",
        "378282246310005",
        "4111-1111-1111-1111",
    ]


@given(st.sampled_from(["4", "51", "6011"]), st.data())
def test_exactly_one_check_digit_makes_a_number_look_like_a_card(beginning, data):
    length = 15 - len(beginning)
    body = beginning + data.draw(st.text("0123456789", min_size=length, max_size=length))

    assert len([digit for digit in "0123456789" if is_card(body + digit)]) == 1


@given(st.integers(), st.data())
def test_one_mistyped_digit_never_looks_like_a_card(seed, data):
    number = card(random.Random(seed))
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))

    assert not is_card(number[:place] + other + number[place + 1 :])


@given(st.from_regex(INSTANT, fullmatch=True))
def test_no_instant_in_the_usual_spelling_holds_a_card_number(text):
    """The lake spares them the look."""
    assert not holds_card(text)
