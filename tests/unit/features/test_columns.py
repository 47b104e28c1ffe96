"""A column is what nearly all of its cells are, and one bad cell is one missing value."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from features.columns import (
    MISSING,
    MOST_CATEGORIES,
    READABLE,
    category,
    find,
    flag,
    is_missing,
    number,
    text,
)

NUMBERS = [f"{1000 + 7.5 * i}" for i in range(200)]
FAULTS = ["NA", "N/A", "nan", ".", "-", "?", " ", "#N/A", "null", "None", "unknown", "inf", "1,234.50", "10.65%", "abc"]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12.5", 12.5),
        (" 7 ", 7.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-3.", -3.0),
        ("1,200", 1200.0),
        ("1,234.50", 1234.5),
        ("-1,234,567", -1234567.0),
        ("10.65%", 10.65),
        ("10.65 %", 10.65),
        (5, 5.0),
        (2.5, 2.5),
    ],
)
def test_a_number_is_read_in_the_spellings_of_spreadsheets_too(cell, value):
    assert number(cell) == value


@pytest.mark.parametrize(
    "cell",
    ["", "abc", "1,5", "12,34", "1,2345", "1.200,50", "$5", "5 EUR", "%", "1 200", "inf", "nan", "1e999", None, []],
)
def test_what_has_no_single_meaning_as_a_finite_number_is_none(cell):
    assert number(cell) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_read_back_from_its_spelling_to_the_bit(value):
    assert number(repr(value)) == value
    assert math.copysign(1, number(repr(value))) == math.copysign(1, value)


@given(st.integers(-(10**15), 10**15))
def test_thousands_separators_change_no_number(value):
    assert number(f"{value:,}") == value


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "1", "yes", "Yes", " y ", "t", True, 1, 1.0])
def test_true_has_one_meaning_in_all_its_spellings(word):
    assert flag(word) == 1.0


@pytest.mark.parametrize("word", ["false", "False", "FALSE", "0", "no", "No", " n ", "f", False, 0, 0.0])
def test_false_has_one_meaning_in_all_its_spellings(word):
    assert flag(word) == 0.0


@pytest.mark.parametrize("word", ["", None, "2", "maybe", "oui"])
def test_what_is_neither_true_nor_false_is_no_flag(word):
    assert flag(word) is None


@pytest.mark.parametrize("word", sorted(MISSING))
def test_the_common_words_for_missing_are_missing_in_every_column(word):
    assert text(f" {word}\t") == ""
    assert all(is_missing(word, kind) for kind in ("number", "indicator", "flag", "category"))


def test_a_word_that_may_be_a_category_is_missing_among_numbers_only():
    for word in ("unknown", "Unknown", "none"):
        assert is_missing(word, "number")
        assert not is_missing(word, "category")


@pytest.mark.parametrize("fault", FAULTS)
def test_one_bad_cell_among_numbers_never_changes_the_column(fault):
    for size in (10, 60, 199):
        found = find("income", [*NUMBERS[:size], fault])

        assert (found.kind, found.reason) == ("number", "")
        assert found.cells == size + 1
        assert found.missing + found.unreadable <= 1


def test_the_bad_cells_are_counted_apart_from_the_missing_ones():
    found = find("income", [*NUMBERS, "NA", None, "unknown", "abc"])

    assert (found.cells, found.missing, found.unreadable, found.different) == (204, 3, 1, 200)


def test_the_share_of_readable_cells_decides():
    bad = int((1 - READABLE) * 200 / READABLE)

    assert find("x1", NUMBERS + [f"bad {i}" for i in range(bad)]).kind == "number"
    assert find("x1", NUMBERS + [f"bad {i}" for i in range(bad + 1)]).kind is None


def test_counts_with_a_word_among_them_stay_numbers_in_their_order():
    found = find("delinquencies", [str(i % 15) for i in range(90)] + ["Unknown"])

    assert found.kind == "number"
    assert found.different == 15


@pytest.mark.parametrize(
    "cells", [["true", "false"], ["Yes", "no", "YES"], [True, False, None], ["1", "true", "0", "no"]]
)
def test_a_column_of_true_and_false_is_a_flag(cells):
    assert find("owns_home", cells * 20).kind == "flag"


def test_a_column_of_zeros_and_ones_is_a_number_that_reads_true_and_false_too():
    assert find("owns_home", ["0", "1", "1.0", None] * 20).kind == "indicator"
    assert find("owns_home", ["0", "1"] * 20 + ["true"]).unreadable == 0


def test_texts_of_few_values_are_categories_in_one_spelling_and_one_order():
    found = find("purpose", ["house ", "car", " car", "debt\nconsolidation", "debt consolidation", None] * 5)

    assert found.categories == ("car", "debt consolidation", "house")


def test_among_categories_a_word_for_true_or_false_has_one_spelling():
    assert find("housing", ["Yes", "yes", "unsure", "FALSE"] * 9).categories == ("false", "unsure", "yes")


@given(st.text())
@example("half of a character \ud800")
def test_no_category_holds_what_may_end_a_line_or_what_utf_8_cannot_write(cell):
    found = category(cell)

    assert len(found.splitlines()) <= 1
    assert found == found.strip()
    assert found.encode().decode() == found
    assert category(found) == found


DAYS = [f"2018-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(90)]


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        ("gone", [None, "", "NA", float("nan")] * 9, "every cell is missing"),
        ("constant", ["same", "same ", None] * 9, "all its cells are the same"),
        ("constant", ["5", "5.0", "unknown"] * 9, "all its cells are the same"),
        ("constant", ["yes", "true"] * 9, "all its cells are the same"),
        ("column0", [str(i * 3) for i in range(90)], "row numbers"),
        ("Unnamed: 0", [i * 1000 for i in range(90)], "row numbers"),
        ("_c1", [str(i * 1000) for i in range(90)], "row numbers"),
        ("anything", [str(i) for i in range(5000, 5090)], "row numbers: 90 whole numbers, no two alike"),
        ("anything", [str(i) for i in range(0, 900, 2)], "row numbers"),
        ("application_id", [str(i * i * 1000) for i in range(90)], "an identifier by its name"),
        ("APPLICATION_ID", [str(i * i * 1000) for i in range(90)], "an identifier by its name"),
        ("applicationId", [str(i * i * 1000) for i in range(90)], "an identifier by its name"),
        ("reference", [f"AB-{i}" for i in range(90)], "identifiers: 90 of 90 texts differ"),
        ("remarks", [f"asked by telephone on day {i}" for i in range(90)], "free text"),
        ("since", DAYS, "dates as text"),
        ("since", [f"{day}T10:00:00Z" for day in DAYS], "dates as text"),
        ("since", ["Jan-2015", "Feb-2016", "Dec-1999"] * 9, "dates as text"),
        ("since", ["31/12/2017", "1.2.18"] * 9, "dates as text"),
        ("since", [day.replace("-", "") for day in DAYS], "dates as text (yyyymmdd)"),
        ("city", [f"town {i % 80}" for i in range(900)], "80 different texts, more than 64"),
        ("price", [f"{i},5" for i in range(90)], "numbers with a decimal comma"),
    ],
)
def test_what_teaches_nothing_is_set_aside_with_its_reason(name, cells, reason):
    found = find(name, cells)

    assert found.kind is None
    assert found.reason.startswith(reason)


def test_a_column_that_is_nearly_one_of_numbers_is_told_how_nearly():
    found = find("income", NUMBERS + [f"bad{i}" for i in range(20)])

    assert "90.9% of its cells are numbers, 98% would make it a column of numbers" in found.reason


def test_measures_are_no_row_numbers_however_many_of_them_differ():
    assert find("income", NUMBERS).kind == "number"
    assert find("income", [str(1_000_003 * i * i % 40_000_000) for i in range(500)]).kind == "number"
    assert find("children", ["0", "1", "2", "3"]).kind == "number"


def test_a_reason_never_holds_what_a_cell_says():
    for cells in (
        [f"secret-{i}" for i in range(90)],
        [f"a secret of many words {i}" for i in range(90)],
        ["secret"] * 9,
    ):
        assert "secret" not in find("remarks", cells).reason


def test_the_largest_set_of_categories_is_kept():
    found = find("city", [f"town {i % MOST_CATEGORIES}" for i in range(900)])

    assert len(found.categories) == MOST_CATEGORIES
