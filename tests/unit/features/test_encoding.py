"""Cells to numbers, in training and in serving alike."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.encoding import MOST_CATEGORIES, Column, Encoding, InvalidRow, fit_column, numbers

ENCODING = Encoding((Column("amount"), Column("purpose", ("car", "house"))))


def test_numbers_stay_and_categories_become_their_place():
    assert ENCODING.encode(["12.5", "house"]) == [12.5, 1.0]
    assert ENCODING.encode([7, "car"]) == [7.0, 0.0]


@pytest.mark.parametrize("cell", [None, ""])
def test_an_empty_cell_is_missing(cell):
    assert ENCODING.encode([cell, cell]) == [None, None]


def test_a_category_unseen_in_training_is_missing():
    assert ENCODING.encode([1, "boat"]) == [1.0, None]


@pytest.mark.parametrize("row", [[], [1], [1, "car", 3]])
def test_a_row_of_another_width_is_refused_with_both_widths(row):
    with pytest.raises(InvalidRow, match=f"expected 2 columns, got {len(row)}"):
        ENCODING.encode(row)


@pytest.mark.parametrize("cell", ["a lot", [1], {"a": 1}, "inf", float("inf"), "-Infinity", 10**400, "1e999"])
def test_what_is_no_finite_number_is_refused_by_column(cell):
    with pytest.raises(InvalidRow, match="amount: expected a number"):
        ENCODING.encode([cell, "car"])


@pytest.mark.parametrize("cell", ["nan", "NaN", float("nan")])
def test_not_a_number_is_missing(cell):
    found = ENCODING.encode([cell, "car"])[0]

    assert found is None or math.isnan(found)


def test_the_order_of_columns_is_the_order_of_cells():
    swapped = Encoding(ENCODING.columns[::-1])

    assert swapped.names == ("purpose", "amount")
    assert swapped.encode(["house", 3]) == [1.0, 3.0]


def test_an_encoding_survives_its_document():
    assert Encoding.parse(ENCODING.document()) == ENCODING
    assert Encoding.parse(numbers(["a", "b"]).document()).names == ("a", "b")


@given(st.permutations(["car", "house", "boat", "school"]))
def test_the_same_values_in_any_order_give_the_same_codes(cells):
    assert fit_column("purpose", cells).categories == ("boat", "car", "house", "school")


def test_a_column_is_numeric_only_when_every_present_cell_is():
    assert fit_column("x", ["1", "2.5", None, ""]) == Column("x")
    assert fit_column("x", ["1", "2.5", "many"]).categories == ("1", "2.5", "many")


@pytest.mark.parametrize("word", ["inf", "Infinity", "1e999"])
def test_a_column_with_an_infinite_cell_is_not_taken_for_numbers(word):
    """Learners refuse infinite numbers: one such cell would stop a training run."""
    fitted = fit_column("x", ["1", "2", word])

    assert fitted is not None
    assert fitted.number(word) is None or math.isfinite(fitted.number(word))


@pytest.mark.parametrize(
    "cells", [[], [None, ""], ["same", "same", None], [f"text {i}" for i in range(MOST_CATEGORIES + 1)]]
)
def test_a_column_that_teaches_nothing_is_left_out(cells):
    assert fit_column("x", cells) is None


def test_the_largest_category_column_is_kept():
    assert len(fit_column("x", [f"text {i}" for i in range(MOST_CATEGORIES)]).categories) == MOST_CATEGORIES
