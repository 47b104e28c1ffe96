"""Cells to numbers, in training and in serving alike."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given
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


@pytest.mark.parametrize("cell", ["a lot", 10**400, "1e999", "12,5"])
def test_a_cell_that_is_no_finite_number_is_missing_and_counted_by_column(cell):
    unread = Counter()

    assert ENCODING.encode([cell, "car"], unread) == [None, 0.0]
    assert unread == {"amount": 1}


def test_categories_that_are_not_known_are_counted_and_missing_cells_are_not():
    unread = Counter()
    for cell in ("boat", "plane", "NA", " ", None, "", float("nan"), "car ", "house\n"):
        ENCODING.encode(["unknown", cell], unread)

    assert unread == {"purpose": 2}


@pytest.mark.parametrize("cell", ["unknown", "NA", "-", "."])
def test_a_word_that_says_nothing_among_numbers_is_missing_and_not_counted(cell):
    unread = Counter()

    assert ENCODING.encode([cell, "car"], unread) == [None, 0.0]
    assert not unread


@pytest.mark.parametrize("cell", ["inf", float("inf"), "-Infinity", " +INF ", "1e999", "-1e999", 10**400])
@pytest.mark.parametrize("kind", ["number", "indicator"])
def test_a_number_beyond_all_cannot_be_read_however_it_is_spelt(cell, kind):
    column = Column("amount", kind=kind)

    assert column.number(cell) is None
    assert column.unread(cell)


@pytest.mark.parametrize("cell", [[1], {"a": 1}])
def test_a_list_in_the_place_of_a_cell_is_refused_by_column(cell):
    with pytest.raises(InvalidRow, match="amount: expected a number or a text"):
        ENCODING.encode([cell, "car"])
    with pytest.raises(InvalidRow, match="purpose: expected a number or a text"):
        ENCODING.encode([1, cell])


def test_flags_and_indicators_read_true_and_false_in_any_spelling():
    read = Encoding((Column("owns", kind="flag"), Column("late", kind="indicator")))

    assert read.encode(["True", "true"]) == read.encode(["yes", 1]) == read.encode([True, "1.0"]) == [1.0, 1.0]
    assert read.encode(["FALSE", "No"]) == [0.0, 0.0]
    assert read.encode(["2", "2"]) == [None, 2.0], "a number that was not seen yet is one all the same"


COLUMNS = (*ENCODING.columns, Column("owns", kind="flag"), Column("late", kind="indicator"))


@given(
    st.one_of(
        st.text(),
        st.floats(),
        st.integers(),
        st.booleans(),
        st.none(),
        st.sampled_from(["car\n", "1,200", "Yes"]),
    )
)
@example("half of a character \ud800")
def test_a_cell_that_is_written_for_the_server_is_read_as_the_cell_itself(cell):
    for column in COLUMNS:
        assert column.number(column.written(cell)) == column.number(cell)
        assert len(column.written(cell).splitlines()) <= 1
        assert not column.unread(column.written(cell))


def test_an_archive_that_says_no_kinds_is_read_as_before():
    old = Encoding.parse([{"name": "a", "categories": None}, {"name": "b", "categories": ["NA", "x "]}])

    assert old.encode(["1.5", "NA"]) == [1.5, 0.0]
    assert old.encode(["1.5", "x "]) == [1.5, 1.0]


@pytest.mark.parametrize("cell", ["nan", "NaN", float("nan")])
def test_not_a_number_is_missing(cell):
    assert ENCODING.encode([cell, "car"])[0] is None


def test_the_order_of_columns_is_the_order_of_cells():
    swapped = Encoding(ENCODING.columns[::-1])

    assert swapped.names == ("purpose", "amount")
    assert swapped.encode(["house", 3]) == [1.0, 3.0]


def test_an_encoding_survives_its_document():
    assert Encoding.parse(ENCODING.document()) == ENCODING
    assert Encoding.parse(numbers(["a", "b"]).document()).names == ("a", "b")
    assert Encoding.parse(Encoding(COLUMNS).document()) == Encoding(COLUMNS)


@given(st.permutations(["car", "house", "boat", "school"]))
def test_the_same_values_in_any_order_give_the_same_codes(cells):
    assert fit_column("purpose", cells).categories == ("boat", "car", "house", "school")


def test_a_column_of_few_cells_is_numeric_only_when_every_present_cell_is():
    assert fit_column("x", ["1", "2.5", None, ""]) == Column("x")
    assert fit_column("x", ["1", "2.5", "many"]).categories == ("1", "2.5", "many")


@pytest.mark.parametrize("word", ["inf", "Infinity", "1e999"])
def test_infinite_cells_change_no_type_however_many_and_learners_take_none(word):
    fitted = fit_column("x", ["1", "2", *map(str, range(10)), word, word, word])

    assert fitted == Column("x")
    assert fitted.number(word) is None


@pytest.mark.parametrize(
    "cells", [[], [None, ""], ["same", "same", None], [f"text {i}" for i in range(MOST_CATEGORIES + 1)]]
)
def test_a_column_that_teaches_nothing_is_left_out(cells):
    assert fit_column("x", cells) is None


def test_the_largest_category_column_is_kept():
    cells = [f"text {i}" for i in range(MOST_CATEGORIES)]

    assert len(fit_column("x", cells * 2).categories) == MOST_CATEGORIES
    assert fit_column("x", cells) is None, "no two of them are alike: they are identifiers"
