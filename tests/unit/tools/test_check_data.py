"""`make check-data`: what the platform will make of a folder, in words, before anything is built."""

from __future__ import annotations

import pytest

from tools.raw_data.__main__ import main

HEADER = "transaction_id;event_time;customer_id;merchant_id;amount;Currency;device;note"


def payment(number: int, **changes) -> str:
    cells = {
        "transaction_id": f"t{number}",
        "event_time": str(1_622_548_800_000 + number),
        "customer_id": f"c{number % 5}",
        "merchant_id": "m1",
        "amount": f"{number},50",
        "currency": "EUR",
        "device": "350000000000006",
        "note": "",
    }
    return ";".join({**cells, **changes}.values())


@pytest.fixture
def checked(tmp_path, capsys):
    def check(*lines: str, name: str = "transactions.csv") -> tuple[int, str]:
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        code = main([str(tmp_path)])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return check


def test_a_folder_is_told_column_by_column_with_what_becomes_of_it(checked):
    rows = [payment(n) for n in range(60)]
    rows[7] = payment(7, customer_id="NULL")
    rows[8] = payment(8, amount="a lot")
    rows[9] = payment(9, note="card 4111 1111 1111 1111")
    code, told = checked(HEADER, *rows, "t99;short")

    assert code == 0
    for line in (
        "transactions: CSV, cells between ';', 60 rows",
        "1 rows are no rows (ragged_row) and go to quarantine; the first is row 61 of transactions.csv",
        "event_time (instant, milliseconds since 1970): 100.0% readable",
        "customer_id (text): 98.3% readable, 1 missing; 1 rows go to quarantine for it",
        "amount (money, a comma before the cents): 98.3% readable, "
        "1 unreadable such as 'a lot' in row 9 of transactions.csv; 1 rows go to quarantine for it",
        "currency (text): 100.0% readable",
        "not there, and not needed: channel",
        "device: set aside; '350000000000006'; kept in the lake",
        "1 of 60 cells looked at hold a card number",
        "the lake takes these files",
    ):
        assert line in told, line
    assert "4111" not in told


def test_what_the_lake_would_not_take_is_refused_with_file_column_row_and_what_came(checked):
    code, told = checked(
        HEADER, *(payment(n, event_time="soon" if n % 3 == 0 else f"2021-06-0{n}") for n in range(1, 9))
    )

    assert code == 1
    assert (
        "REFUSED transactions.csv: column event_time cannot be read in 2 of 8 rows; expected an ISO 8601 instant "
        "such as 2018-04-01T09:30:00Z, found 'soon' in row 3"
    ) in told


def test_rows_that_are_lost_for_different_columns_count_together(checked):
    header = "transaction_id,event_time,customer_id,merchant_id,amount"
    rows = [["t" + str(n), "2024-03-01", "c", "m", "1"] for n in range(50)]
    for n in range(4):
        rows[n][1], rows[10 + n][2] = "soon", ""
    code, told = checked(header, *map(",".join, rows))

    assert code == 1
    assert "column event_time cannot be read in 4 of 50 rows" in told
    assert "column customer_id is empty in 4 of 50 rows" in told


def test_a_file_of_nothing_but_broken_rows_is_refused_in_words(checked):
    code, told = checked(HEADER, *(f"t{n}" for n in range(5)))

    assert code == 1
    assert "REFUSED transactions.csv: 5 of 5 rows are no rows (ragged_row), the first is row 1" in told


def test_card_numbers_in_any_column_are_a_reason_to_refuse(checked):
    header = "transaction_id,event_time,customer_id,merchant_id,amount,card_id,pan"
    rows = [f"t{n},2024-03-0{1 + n % 9},c,m,1,{'4111111111111111' if n % 5 == 0 else 'x'},y" for n in range(50)]
    code, told = checked(header, *rows)

    assert code == 1
    assert "10 of 50 rows hold a card number; send tokens instead" in told
    assert "4111" not in told


def test_columns_of_loans_are_told_with_what_the_model_will_do_with_them(checked):
    header = "loan_id,customer_id,applied_at,income,Gender,column0,grade"
    rows = [f"l{n},c{n},2024-03-0{1 + n % 9},{n * 7 % 97}.5,{'mf'[n % 2]},{n},{'AB'[n % 2]}" for n in range(60)]
    rows[5] = rows[5].replace(".5,", "?,").replace("35?", "?")
    code, told = checked(header, *rows, name="loan_applications.csv")

    assert code == 0
    assert "income: number;" in told
    assert "Gender: category; 'm', 'f'; protected (sex), kept for reports on fairness and never trained on" in told
    assert "column0: set aside; '0', '1', '2'; not trained on: " in told
    assert "grade: category; 'A', 'B'; the credit model may learn from it" in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (["transaction_id,amount", "t1,1"], "column event_time, customer_id, merchant_id is missing"),
        (["transaction_id,event_time,customer_id,merchant_id,amount", "t1,03/04/2024,c,m,1"], "may be 2024-04-03 or"),
    ],
)
def test_a_file_that_cannot_be_taken_in_ends_the_command_with_its_reason(checked, content, said):
    code, told = checked(*content)

    assert code == 1
    assert said in told
    assert "Traceback" not in told


def test_without_a_folder_of_files_the_command_says_what_it_expects(tmp_path, capsys):
    assert main([""]) == 2
    assert main([str(tmp_path / "nowhere")]) == 1
    (tmp_path / "payments.xlsx").touch()
    assert main([str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "make check-data DATA=<folder" in said
    assert "expected a folder with files of the RAW contract, found none" in said
    assert "expected files of the RAW contract, found payments.xlsx" in said


def test_what_is_declared_beside_the_data_is_told_with_it(checked, tmp_path):
    (tmp_path / "columns.yaml").write_text(
        "transactions:\n  columns:\n    event_time: {format: epoch_ms}\n"
        "    order: {card_numbers: order numbers of 16 digits}\n    colour: {card_numbers: none in it}\n"
    )
    rows = [payment(n) + ";4111111111111111" for n in range(20)]
    code, told = checked(HEADER + ";order", *rows)

    assert (code, "the lake takes these files" in told) == (0, True), told
    assert "20 of 20 cells looked at look like card numbers and are none, as declared" in told
    assert "colour is declared in columns.yaml and not there" in told


def test_further_columns_of_loans_are_told_as_they_are_declared(checked, tmp_path):
    (tmp_path / "columns.yaml").write_text(
        "loan_applications:\n  columns:\n"
        "    income: {risk: falling, unit: EUR, missing: [-1]}\n    branch: {ignore: an inner code}\n"
        "    age: {train_on: asked for by law}\n    ward: {protected: true}\n"
    )
    rows = [f"l{n},c{n},2024-03-0{1 + n % 9},{n * 7 % 50},{n % 3},{20 + n % 40},{n % 2}" for n in range(60)]
    code, told = checked("loan_id,customer_id,applied_at,income,branch,age,ward", *rows, name="loan_applications.csv")

    assert code == 0
    for line in (
        "income: number, as declared, in EUR, falling with the risk, missing where '-1'; '0', '7', '14'; ",
        "not trained on: ignored, as declared: an inner code",
        "the credit model may learn from it, protected (age) and trained on because: asked for by law",
        "protected (declared), kept for reports on fairness",
    ):
        assert line in told, told


def test_a_declaration_that_cannot_be_used_is_told_before_any_file_is_read(checked, tmp_path):
    (tmp_path / "columns.yaml").write_text("transactions: {columns: {amount: {format: dmy}}}")

    code, told = checked(HEADER, payment(1))
    assert code == 1
    assert "columns.yaml, transactions, amount, format: expected plain or decimal_comma or thousands, got 'dmy'" in told


def priced(*currencies: str) -> list[str]:
    return [payment(n, currency=currency) for n, currency in enumerate(currencies)]


def test_payments_in_currencies_without_a_rate_are_told_and_refused_where_they_are_many(checked, tmp_path):
    code, told = checked(HEADER, *priced(*["EUR"] * 30, "usd", ""))
    assert code == 0
    assert (
        "currency: amounts are counted in EUR, 1 of 32 are in others; 1 go to quarantine, since no rate is known of USD"
        in told
    )

    code, told = checked(HEADER, *priced(*["EUR"] * 6, *["USD"] * 4))
    assert code == 1
    assert (
        "4 of 10 payments are in currencies of which no rate to EUR is known on their day (USD); bring exchange_rates"
        in told
    )

    (tmp_path / "exchange_rates.csv").write_text(
        "currency,day,rate\nGBP,2021-05-30,1\nUSD,2021-05-30,.8\nEUR,2021-05-31,.9\n"
    )
    code, told = checked(HEADER, *priced(*["EUR"] * 6, *["USD"] * 4))
    assert code == 0
    assert "currency: amounts are counted in GBP, 10 of 10 are in others" in told


def test_rates_that_name_no_home_currency_are_refused(checked, tmp_path):
    (tmp_path / "exchange_rates.csv").write_text("currency,day,rate\nUSD,2021-05-30,.8\n")
    code, told = checked(HEADER, *priced("EUR", "EUR"))

    assert code == 1
    assert "REFUSED exchange_rates: expected rows of one currency with rate 1, the home currency; found none" in told
