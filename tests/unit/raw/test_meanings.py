"""What a column's cells mean is decided by all of them, and never guessed."""

from __future__ import annotations

import pyarrow as pa
import pytest

from features.contract import TRANSACTIONS
from raw.meanings import Ambiguous, meaning_of, meant
from raw.refusal import Unreadable
from raw.understanding import form_of


def read(type_: str, *cells: str | None) -> list[str | None]:
    meaning = meaning_of(type_, cells)  # type: ignore[arg-type]
    column = pa.array(cells, pa.string())
    return column.to_pylist() if meaning is None else meant(column, meaning).to_pylist()


@pytest.mark.parametrize(
    ("type_", "cells", "said"),
    [
        ("instant", ["1622548800", "1622548801"], ["2021-06-01T12:00:00.000000Z", "2021-06-01T12:00:01.000000Z"]),
        ("instant", ["1622548800123"], ["2021-06-01T12:00:00.123000Z"]),
        ("instant", ["1622548800123456"], ["2021-06-01T12:00:00.123456Z"]),
        ("instant", ["20240301", "20240230"], ["2024-03-01", "2024-02-30"]),
        ("instant", ["21/06/2020 12:14", "1/2/2020 9:05:07"], ["2020-06-21 12:14", "2020-02-01 09:05:07"]),
        ("instant", ["06-21-2020", "02-01-2020"], ["2020-06-21", "2020-02-01"]),
        ("money", ["12,50", "1.234,5", "7"], ["12.50", "1234.5", "7"]),
        ("money", ["1,234.50", "12.50"], ["1234.50", "12.50"]),
        ("money", ["7.500"] * 95 + ["1.234,50"] * 5, ["7500"] * 95 + ["1234.50"] * 5),
        ("money", ["NULL", "1.200,50", "NULL"], ["NULL", "1200.50", "NULL"]),
        ("money", ["0.125", "1.125"], ["0.125", "1.125"]),
        ("instant", ["1/03/2024 9:30:00.5", "13/03/2024"], ["2024-03-01 09:30:00.5", "2024-03-13"]),
    ],
)
def test_a_column_is_read_as_the_one_meaning_that_its_rows_fit(type_, cells, said):
    assert read(type_, *cells) == said


@pytest.mark.parametrize(
    ("type_", "cells"),
    [
        ("instant", ["2018-04-02T09:30:00Z", "1622548800"]),  # what ISO 8601 spells is no epoch
        ("instant", ["162254880", "soon", "later"]),
        ("money", ["12.50", "1,5"]),
        ("money", ["12.50"]),
        ("instant", ["202403011230", "202403011231"]),
        ("instant", ["2024030112", "2024030113"]),
        ("instant", ["2403011230"]),
        ("text", ["1622548800"]),
        ("instant", []),
    ],
)
def test_where_rows_tell_no_one_meaning_the_cells_stay_as_they_came(type_, cells):
    assert read(type_, *cells) == cells


def test_a_cell_that_does_not_fit_the_columns_meaning_stays_as_it_came():
    days = [f"{day}/06/2020" for day in range(13, 29)]

    assert read("instant", *days, "soon", None)[-2:] == ["soon", None]


def test_a_column_that_fits_two_meanings_is_refused_with_both():
    with pytest.raises(Ambiguous, match="'03/04/2024' may be 2024-04-03 or 2024-03-04, and no row tells which"):
        meaning_of("instant", ["03/04/2024", "05/06/2024"])


@pytest.mark.parametrize(
    ("type_", "cells", "said"),
    [
        ("money", ["1.000", "2.000"], "may stand between thousands or before decimals"),
        ("money", ["0,125", "1,125"], "1 cells have a comma before decimals and 1 one between thousands"),
        ("money", ["12,50", "1,234"], "1 cells have a comma before decimals and 1 one between thousands"),
        (
            "instant",
            ["03/04/2024"] * 9 + ["21/06/2020", "06/21/2020"],
            "1 rows tell that the day comes first and 1 that",
        ),
        ("instant", ["NULL", "03/04/2024 4111111111111111", *["03/04/2024"] * 20], "'03/04/2024' may be"),
    ],
)
def test_what_tells_two_meanings_is_refused_and_no_card_is_repeated(type_, cells, said):
    with pytest.raises(Ambiguous, match=said) as refused:
        meaning_of(type_, cells)
    assert "4111" not in str(refused.value)


def test_a_telling_row_that_is_no_day_at_all_tells_nothing(tmp_path):
    path = tmp_path / "transactions.csv"
    rows = "".join(f"t{n},03/04/2024,c,m,1\n" for n in range(59)) + "t,31/31/2024,c,m,1\n"
    path.write_text("transaction_id,event_time,customer_id,merchant_id,amount\n" + rows)
    with pytest.raises(Unreadable, match="column event_time: '03/04/2024' may be"):
        form_of(str(path), TRANSACTIONS)


def test_a_sorted_file_tells_its_days_from_its_months_after_weeks_of_rows(tmp_path):
    header = "transaction_id,event_time,customer_id,merchant_id,amount\n"
    first = "".join(f"t{n},{1 + n // 3000:02}/03/2024 10:00,c,m,1\n" for n in range(36_000))
    path = tmp_path / "transactions.csv"
    path.write_text(header + first)
    with pytest.raises(Unreadable, match="column event_time: '01/03/2024' may be"):
        form_of(str(path), TRANSACTIONS)
    path.write_text(header + first + "t,13/03/2024 10:00,c,m,1\n" * 40_000)

    assert form_of(str(path), TRANSACTIONS).meanings == (("event_time", "dmy"),)
