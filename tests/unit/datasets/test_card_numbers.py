"""A card number never gets past an adapter: not as an identifier, not in a further column, not in an error."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets import tokens
from datasets.catalog import SETS, Unusable
from datasets.cells import Unexpected


def customers(folder):
    return pq.read_table(folder / "transactions.parquet")["customer_id"].to_pylist()


@pytest.mark.parametrize("stored_as", ["text", "number", "float"])
def test_no_cell_of_the_output_holds_a_card_number(stored_as, published, converted, frames, pans):
    frame = frames["sparkov"]()
    if stored_as != "text":
        frame["cc_num"] = frame["cc_num"].astype("int64" if stored_as == "number" else "float64")
    out = converted("sparkov", published("sparkov", frame, suffix=".parquet"))
    for file in out.iterdir():
        table = pq.read_table(file)
        everything = str(table.to_pylist()) + str(table.schema)
        assert not [pan for pan in pans if pan in everything]
        assert "cc_num" not in everything


def test_one_card_stays_one_customer(published, converted, frames):
    found = customers(converted("sparkov", published("sparkov")))
    cards = frames["sparkov"]()["cc_num"].tolist()
    assert len(set(found)) == len(set(cards)) == len(set(zip(found, cards, strict=True)))


def test_tokens_follow_from_the_key_and_change_with_it(tmp_path, published, monkeypatch):
    source, told = str(published("sparkov")), []
    for number, key in enumerate(("one", "one", "another")):
        monkeypatch.setenv(tokens.KEY_VARIABLE, key)
        SETS["sparkov"]({"SOURCE": source}, tmp_path / str(number))
        told.append(customers(tmp_path / str(number)))
    assert told[0] == told[1]
    assert not set(told[0]) & set(told[2])


@pytest.mark.parametrize("stored_as", ["text", "float as text", "int64", "float64", "decimal"])
def test_a_card_number_in_an_undeclared_column_is_refused_without_repeating_it(
    stored_as, published, converted, frames, pans
):
    frame = frames["handbook"]().assign(account=pans[0])
    if stored_as == "decimal":
        frame["account"] = frame["account"].map(Decimal)
    elif stored_as == "float as text":
        frame["account"] += ".0"
    elif stored_as != "text":
        frame["account"] = frame["account"].astype("int64").astype(stored_as)
    with pytest.raises(Unusable, match=r"column account: expected no card numbers, found one") as refused:
        converted("handbook", published("handbook", frame, suffix=".parquet"))
    assert pans[0] not in str(refused.value)


def test_a_line_with_too_few_cells_is_refused_without_repeating_it(published, converted, pans):
    path = published("sparkov")
    with path.open("a") as file:
        file.write(f"12,2019-01-02 00:00:00,{pans[0]}\n")
    with pytest.raises(Unusable, match=r"expected 23 cells in every row, but row \d+ has another") as refused:
        converted("sparkov", path)
    assert pans[0] not in str(refused.value)


def test_a_card_number_in_the_place_of_an_amount_is_not_repeated(published, converted, frames, pans):
    frame = frames["sparkov"]().assign(amt=pans[0])
    with pytest.raises(Unusable, match="column amt") as refused:
        converted("sparkov", published("sparkov", frame))
    assert pans[0] not in str(refused.value)


def test_card_numbers_that_a_spreadsheet_has_rounded_are_refused_since_many_would_become_one_token():
    with pytest.raises(Unexpected, match="expected digits, found 2 different numbers that a spreadsheet has rounded"):
        tokens.token(pa.array(["4.11111E+15", "5.5E+15", "4111111111111112"]))
