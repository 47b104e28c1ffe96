"""A source or option that cannot be used is refused with file, column, what was expected and what was found."""

from __future__ import annotations

import pytest

from datasets.__main__ import main
from datasets.catalog import SETS, Unusable


def test_an_unknown_name_lists_the_names(tmp_path, capsys):
    assert main(["NAME=nothing", f"OUT={tmp_path}"]) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in SETS)


def test_a_misspelt_option_is_refused(tmp_path, capsys):
    assert main(["NAME=handbook", f"OUT={tmp_path}", "STRAT=2018-04-01"]) == 2
    assert "STRAT" in capsys.readouterr().err


def test_options_that_make_passes_empty_count_as_not_given(tmp_path, published, capsys):
    source = published("taiwan")
    assert (
        main(["NAME=taiwan", f"SOURCE={source}", f"OUT={tmp_path / 'out'}", "START=", "DAYS=", "SEED=", "SIZE="]) == 0
    )
    assert capsys.readouterr().out == "loan_applications: 12 rows\nloan_outcomes: 12 rows\n"


def test_a_refusal_is_one_line_and_a_failure(tmp_path, capsys):
    assert main(["NAME=taiwan", f"SOURCE={tmp_path / 'none.csv'}", f"OUT={tmp_path / 'out'}"]) == 1
    assert capsys.readouterr().err == f"datasets: {tmp_path / 'none.csv'}: expected a file or a folder, found none\n"


def test_a_missing_source_says_where_to_get_it(tmp_path):
    with pytest.raises(Unusable, match=r"NAME=paysim needs SOURCE=.*kaggle\.com/ealaxi/paysim1"):
        SETS["paysim"]({}, tmp_path / "out")


def test_a_missing_column_is_named_with_file_and_what_came(published, converted, frames):
    frame = frames["handbook"]().drop(columns="TERMINAL_ID")
    with pytest.raises(Unusable, match=r"handbook\.csv: column TERMINAL_ID or terminal_id is missing .*TX_AMOUNT"):
        converted("handbook", published("handbook", frame))


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("TX_AMOUNT", "12,50", r"column TX_AMOUNT: expected numbers, found '12,50'"),
        ("TX_AMOUNT", "-1", r"column TX_AMOUNT: expected amounts between 0 and 10000000000, found -1\.0"),
        ("TX_DATETIME", "01/04/2018", r"column TX_DATETIME: expected instants .* found '01/04/2018'"),
        ("TX_FRAUD", "2", r"column TX_FRAUD: expected 0 or 1, found '2'"),
        ("CUSTOMER_ID", "", r"column CUSTOMER_ID: expected a value in every row, found 1 empty"),
    ],
)
def test_a_cell_of_another_kind_is_named_with_file_and_column(
    column, cell, said, tmp_path, published, converted, frames
):
    frame = frames["handbook"]().astype(str)
    frame.loc[3, column] = cell
    with pytest.raises(Unusable, match=rf"handbook\.csv: {said}"):
        converted("handbook", published("handbook", frame))
    assert not list((tmp_path / "out").iterdir()), "a refused source leaves nothing half written"


def test_a_pickle_is_refused_and_not_opened(tmp_path, converted):
    path = tmp_path / "2018-04-01.pkl"
    path.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    for source in (path, tmp_path):
        with pytest.raises(Unusable, match="a pickle runs code when it is opened"):
            converted("handbook", source)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_file_that_is_not_what_its_name_says_is_refused(suffix, tmp_path, converted):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(b"\x80\x00 not a table")
    with pytest.raises(Unusable, match=rf"broken{suffix}: (expected a readable|has NUL bytes in its header)"):
        converted("handbook", path)


def test_a_folder_with_two_kinds_of_files_is_refused(tmp_path, published, converted):
    published("handbook", suffix=".csv"), published("handbook", suffix=".parquet")
    with pytest.raises(Unusable, match=r"of one kind, found handbook\.csv, handbook\.parquet"):
        converted("handbook", tmp_path)


def test_a_stretch_without_payments_says_which_days_there_are(published, converted):
    with pytest.raises(
        Unusable, match="expected payments from 2020-01-01 for 7 days, found payments from 2018-04-01 to"
    ):
        converted("handbook", published("handbook"), START="2020-01-01", DAYS="7")


@pytest.mark.parametrize("options", [{"START": "yesterday"}, {"START": "2018-04-01", "DAYS": "0"}, {"DAYS": "7"}])
def test_a_stretch_that_makes_no_sense_is_refused(options, published, converted):
    with pytest.raises(Unusable, match=r"START|DAYS"):
        converted("handbook", published("handbook"), **options)


def test_a_further_column_cannot_stand_in_for_one_of_the_contract(published, converted, frames):
    frame = frames["handbook"]().assign(Event_Time="2030-01-01T00:00:00Z")
    with pytest.raises(Unusable, match="names of their own, found event_time"):
        converted("handbook", published("handbook", frame))


def test_a_folder_that_holds_the_same_entity_in_another_format_is_refused(tmp_path, published, converted):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "loan_outcomes.csv").write_text("loan_id\n")
    with pytest.raises(Unusable, match=r"found loan_outcomes\.csv"):
        converted("taiwan", published("taiwan"))


@pytest.mark.parametrize("options", [{"SIZE": "5"}, {"SIZE": "many"}, {"SEED": "-1"}, {"START": "soon"}])
def test_the_generator_refuses_numbers_it_cannot_use(options, tmp_path):
    with pytest.raises(Unusable, match=next(iter(options))):
        SETS["generated"](options, tmp_path)
