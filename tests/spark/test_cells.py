"""RAW text to typed columns: what cannot be read names its reason, and the doors read the same."""

from __future__ import annotations

import random
from datetime import datetime

import duckdb
import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from features import cards
from features.contract import CONTRACTS
from features.payment import InvalidPayment, Payment, as_text
from glue.transforms.cells import counts, holds_card, judged, split_by_reasons, typed
from tests.card_numbers import SPELLINGS, alike, card
from tests.spark.rows import TRANSACTIONS, payment, raw, stamp
from tools.raw_data.meaning import filled, readable

APPLICATIONS = CONTRACTS["loan_applications"]
LABELS = CONTRACTS["fraud_labels"]


def test_a_row_that_keeps_the_contract_is_typed_exactly(spark):
    split = typed(raw(spark, TRANSACTIONS, payment(currency=" EUR ")), TRANSACTIONS)

    (row,) = split.good.collect()
    assert (row.transaction_id, row.customer_id, row.amount_cents, row.currency) == ("t1", "c1", 1250, "EUR")
    assert row.event_time == datetime(2018, 4, 2, 9, 30)
    assert row.channel is None
    assert (row.source_file, row.row_number) == ("s3://lake/raw/file.csv", 1)
    assert split.bad.count() == 0


def reasons(spark, contract, *rows) -> dict[int, list[str]]:
    return {row.row_number: row.reasons for row in typed(raw(spark, contract, *rows), contract).bad.collect()}


def test_every_missing_cell_has_its_reason(spark):
    rows = [payment(**{name: cell}) for name in TRANSACTIONS.required for cell in (None, "", "  ", "nan")]
    expected = [f"missing_{name}" for name in TRANSACTIONS.required for _ in range(4)]

    assert reasons(spark, TRANSACTIONS, *rows) == {n: [reason] for n, reason in enumerate(expected, 1)}


def test_every_unreadable_cell_has_its_reason(spark):
    rows = [
        *(payment(event_time=cell) for cell in ("soon", "2018-13-01", "2018", "2018-04", "12:30", "1969-12-31")),
        *(payment(amount=cell) for cell in ("a lot", "Infinity", "10000000000.01", "1_000", "12,50")),
    ]
    expected = ["unreadable_event_time"] * 6 + ["unreadable_amount"] * 5

    assert reasons(spark, TRANSACTIONS, *rows) == {n: [reason] for n, reason in enumerate(expected, 1)}


def test_a_row_with_two_faults_has_both_reasons(spark):
    assert reasons(spark, TRANSACTIONS, payment(amount="x", customer_id=None)) == {
        1: ["missing_customer_id", "unreadable_amount"]
    }


def test_an_optional_cell_may_be_absent_but_not_unreadable(spark):
    loan = {"loan_id": "l1", "customer_id": "c1", "applied_at": "2018-04-02"}
    rows = [
        loan,
        {**loan, "amount": "", "term_months": None},
        {**loan, "amount": "5000", "term_months": "36.0"},
        {**loan, "amount": "many"},
        *({**loan, "term_months": cell} for cell in ("1.5", "-1", "inf", "3000000000", "two")),
    ]
    split = typed(raw(spark, APPLICATIONS, *rows), APPLICATIONS)

    good = {r.row_number: (r.amount_cents, r.term_months) for r in split.good.collect()}
    assert good == {1: (None, None), 2: (None, None), 3: (500_000, 36)}
    assert {r.row_number: r.reasons for r in split.bad.collect()} == {
        4: ["unreadable_amount"],
        **{n: ["unreadable_term_months"] for n in range(5, 10)},
        6: ["negative_term_months"],
    }


def test_how_a_loan_stands_is_read_in_its_type_and_less_than_nothing_has_a_reason_of_its_own(spark):
    contract = CONTRACTS["loan_performance"]
    row = {"loan_id": "l1", "observed_at": "2018-01-31", "days_past_due": "30", "charged_off": "208959.00"}
    rows = [row, {**row, "days_past_due": "-1"}, {**row, "recovered": "-5"}, {**row, "days_past_due": "late"}]
    split = typed(raw(spark, contract, *rows), contract)

    (good,) = split.good.collect()
    assert (good.days_past_due, good.charged_off_cents, good.balance_cents) == (30, 20_895_900, None)
    assert {r.row_number: r.reasons for r in split.bad.collect()} == {
        2: ["negative_days_past_due"],
        3: ["negative_recovered"],
        4: ["unreadable_days_past_due"],
    }


def test_what_some_banks_tell_of_a_payment_is_read_in_its_type(spark):
    told = {
        "merchant_country": "IE",
        "card_id": "tok_1",
        "mcc": "0742",
        "entry_mode": "chip",
        "card_present": "true",
        "beneficiary_id": "b1",
        "latitude": "53.3498054",
        "longitude": "-6.2603097",
        "authorised": "0",
    }
    split = typed(raw(spark, TRANSACTIONS, payment(**told)), TRANSACTIONS)

    (row,) = split.good.collect()
    text = {name: told[name] for name in ("merchant_country", "card_id", "mcc", "entry_mode", "beneficiary_id")}
    assert {name: row[name] for name in text} == text
    assert (row.card_present, row.authorised) == (1, 0)
    assert (row.latitude_microdegrees, row.longitude_microdegrees) == (53_349_805, -6_260_310)


@pytest.mark.parametrize(
    ("cell", "microdegrees"),
    [
        ("180", 180_000_000),
        ("-180.0", -180_000_000),
        ("5.3e1", 53_000_000),
        ("0.0000005", 0),  # half to even, as money
        ("0.0000015", 2),
        ("180.0000001", None),
        ("180.00000000000000000000000001", 180_000_000),  # what the lake keeps of it is within
        ("53,35", None),
        ("53.35 N", None),
        ("1e400", None),
    ],
)
def test_degrees_are_read_exactly_to_the_millionth(spark, cell, microdegrees):
    (row,) = typed(raw(spark, TRANSACTIONS, payment(longitude=cell)), TRANSACTIONS).good.collect()

    assert row.longitude_microdegrees == microdegrees


FLAGS = [
    "0",
    "1",
    "no",
    "Yes",
    "T",
    "f",
    "0.0",
    "1.00",
    "-0",
    "1e0",
    "0e9",
    "true",
    "FALSE",
    "2",
    "perhaps",
    "yeſ",
    "n0",
]


def test_a_flag_of_a_payment_is_read_as_the_doors_read_it(spark):
    read = typed(raw(spark, TRANSACTIONS, *(payment(authorised=cell) for cell in FLAGS)), TRANSACTIONS).good.collect()

    found = [None if row.authorised is None else str(row.authorised) for row in read]
    assert found == [said if (said := as_text("authorised", cell)) in ("0", "1") else None for cell in FLAGS]
    assert found[:6] == ["0", "1", "0", "1", "1", "0"]
    assert found[-4:] == [None] * 4


def test_a_price_in_percent_is_a_number_with_or_without_its_sign_and_one_that_is_none_keeps_its_row(spark):
    cells = {
        "10.65": 106_500,
        "10.65%": 106_500,
        " 10.65 % ": 106_500,
        "7.90005": 79_000,  # half to even, as money
        "-0.5%": -5_000,
        "0": 0,
        "1e1%": 100_000,
        "100000": 1_000_000_000,
        "100000.1": None,
        "10.65%%": None,
        "%": None,
        "10,65": None,
        "n/a": None,
        "prime + 2": None,
    }
    contract = CONTRACTS["loan_decisions"]
    told = {"decided_at": "2018-04-01T09:30:00Z", "decision": "approved"}
    rows = [{"loan_id": f"l{n}", **told, "interest_rate": cell} for n, cell in enumerate(cells)]
    found = typed(raw(spark, contract, *rows), contract).good.collect()
    assert {row.loan_id: row.interest_rate_millionths for row in found} == {
        f"l{n}": stored for n, stored in enumerate(cells.values())
    }


def test_a_cell_that_cannot_be_read_in_a_lenient_column_is_missing_and_counted_and_keeps_its_payment(spark):
    rows = [
        payment(card_present="perhaps", latitude="north"),
        payment(card_present="2", latitude="53.35"),
        payment(card_present="nan"),
        payment(card_present="x", amount="many"),
    ]
    found = judged(raw(spark, TRANSACTIONS, *rows), TRANSACTIONS)
    split = split_by_reasons(found, TRANSACTIONS)

    good = {r.row_number: (r.card_present, r.latitude_microdegrees, r.amount_cents) for r in split.good.collect()}
    assert good == {1: (None, None, 1250), 2: (None, 53_350_000, 1250), 3: (None, None, 1250)}
    assert {r.row_number: (r.reasons, r.card_present) for r in split.bad.collect()} == {4: (["unreadable_amount"], "x")}
    assert found.agg(*counts(TRANSACTIONS)).collect()[0].asDict() == {
        "rows": 4,
        "bad": 1,
        "card_present": 2,
        "latitude": 1,
        "longitude": 0,
        "authorised": 0,
    }


@pytest.mark.parametrize("name", ["card_id", "latitude"])
def test_a_card_number_costs_the_payment_in_whatever_column(spark, name):
    assert reasons(spark, TRANSACTIONS, payment(**{name: "4111111111111111"})) == {1: [f"pan_like_{name}"]}


def test_a_flag_is_zero_or_one_however_it_is_written(spark):
    rows = [
        {"transaction_id": "t", "reported_at": "2018-04-02", "is_fraud": cell}
        for cell in ("0", "1", "1.0", " 0 ", "True", "false", "2", "yes", "-1", "NaN")
    ]
    split = typed(raw(spark, LABELS, *rows), LABELS)

    assert {r.row_number: r.is_fraud for r in split.good.collect()} == {
        1: 0,
        2: 1,
        3: 1,
        4: 0,
        5: 1,
        6: 0,
    }
    assert split.bad.count() == 4


def test_further_columns_are_kept_by_name_and_empty_ones_left_out(spark):
    row = payment(**{"Risk score": "7", "note.1": "x", "empty": "", "none": None})
    split = typed(raw(spark, TRANSACTIONS, row), TRANSACTIONS)

    assert split.good.first().attributes == {"Risk score": "7", "note.1": "x"}


def test_a_file_without_further_columns_has_no_attributes(spark):
    assert typed(raw(spark, TRANSACTIONS, payment()), TRANSACTIONS).good.first().attributes == {}


def test_a_negative_amount_has_a_reason_of_its_own(spark):
    assert reasons(spark, TRANSACTIONS, payment(amount="-0.01"), payment(amount="-0")) == {1: ["negative_amount"]}


CARD = "4111111111111111"


def test_a_card_number_is_refused_in_any_column_however_it_is_written_and_masked(spark):
    written = [CARD, f" {CARD}", "4111 1111 1111 1111", "4111-1111-1111-1111", f"{CARD}.0"]
    names = ["transaction_id", "customer_id", "amount", "event_time", "ip", "note"]
    cases = [(name, cell) for name in names for cell in written]
    rows = [payment(**{name: cell}) for name, cell in cases]
    bad = {r.row_number: r for r in typed(raw(spark, TRANSACTIONS, *rows), TRANSACTIONS).bad.collect()}

    for number, (name, _) in enumerate(cases, 1):
        row = bad[number].asDict()
        assert row["reasons"] == [f"pan_like_{name}"]
        assert {**row, **row["attributes"]}[name] == "****1111"


def test_the_lake_takes_for_a_card_what_the_doors_take_for_one(spark):
    drawn = random.Random(3)
    texts = [spelt(card(drawn)) for spelt in SPELLINGS for _ in range(5)]
    texts += [text for _ in range(100) for text in alike(drawn)]
    rows = spark.createDataFrame([(text,) for text in texts], "text string").select("text", holds_card(F.col("text")))

    assert {text for text, found in rows.collect() if found != cards.holds_card(text)} == set()


def test_a_card_number_among_other_text_is_masked_where_it_stands(spark):
    rows = [payment(note=f"card {CARD}, thanks"), payment(customer_id=f"c_{CARD}")]
    bad = [r.asDict() for r in typed(raw(spark, TRANSACTIONS, *rows), TRANSACTIONS).bad.orderBy("row_number").collect()]

    assert [row["reasons"] for row in bad] == [["pan_like_note"], ["pan_like_customer_id"]]
    assert bad[0]["attributes"] == {"note": "card ************1111, thanks"}
    assert bad[1]["customer_id"] == "c_************1111"


def test_digits_that_fail_the_luhn_check_are_an_identifier_like_any_other(spark):
    row = payment(transaction_id="4111111111111112", note="4111111111111113")
    split = typed(raw(spark, TRANSACTIONS, row), TRANSACTIONS)

    assert [r.transaction_id for r in split.good.collect()] == ["4111111111111112"]


def test_an_identifier_is_no_longer_than_the_doors_take(spark):
    rows = [payment(customer_id="c" * 128), payment(customer_id="c" * 129)]

    assert reasons(spark, TRANSACTIONS, *rows) == {2: ["too_long_customer_id"]}


def test_a_number_that_a_spreadsheet_has_rounded_is_no_identifier_as_at_the_doors(spark):
    rows = [payment(customer_id=text) for text in ("5e12", "E+15", "12E+15", "2.29116E+15", "4E+15", "1,5e12")]

    found = reasons(spark, TRANSACTIONS, *rows)

    assert found == {number: ["rounded_customer_id"] for number in range(4, 7)}
    for number, row in enumerate(rows, 1):
        assert refused(row) == (number in found)


def test_an_identifier_holds_no_control_character_as_at_the_doors(spark):
    broken = ("c\n1", "c\t1", "c\u20281", "c\x7f1", "c\x851")
    rows = [payment(customer_id=text) for text in ("c 1", "ç1", "c\u00a01", *broken)]

    found = reasons(spark, TRANSACTIONS, *rows)

    assert found == {number: ["control_characters_customer_id"] for number in range(4, 9)}
    for number, row in enumerate(rows, 1):
        assert refused(row) == (number in found)


def refused(fields: dict) -> bool:
    try:
        Payment.parse(fields)
    except InvalidPayment as wrong:
        return str(wrong).startswith("customer_id: expected")
    return False


def test_a_bad_row_keeps_its_text_so_that_it_can_be_repaired(spark):
    split = typed(raw(spark, TRANSACTIONS, payment(amount="12,50", colour="red")), TRANSACTIONS)

    row = split.bad.first()
    assert (row.amount, row.transaction_id, row.attributes, row.row_number) == ("12,50", "t1", {"colour": "red"}, 1)


CELLS = {
    "event_time": [
        "2018-04-02T9:3:0",
        "2018-04-02T09:30:00.",
        "2018-04-02T09:30:00 UTC",
        "2018-04-02T09:30:00 Europe/Berlin",
        "2018-04-02T09:30:00+02:00:30",
        "2018-04-02T09:30:00Z",
        "2018-04-02 09:30:00",
        "2018-04-02T09:30:00.123456Z",
        "2018-04-02T11:30:00+02:00",
        "2018-04-02",
        " 2018-04-02T09:30:00Z ",
        "\t2018-04-02\n",
        "2018-02-30",
        "2016-02-29",
        "2100-02-29",
        "12:30:00",
        "2018",
        "1969-12-31T23:59:59Z",
        "1969-12-31T23:30:00-01:00",
        "1970-01-01T00:30:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "now",
        "tomorrow",
        # Parts of a time.
        *(f"2018-04-02{sign}{time}" for sign in "T txt_" for time in ("", "09", "09:30", "09:30:00", "09:30:00Z")),
        *(f"2018-04-02T{time}" for time in ("0930", "093000", "093000Z", "09:3000", "09:30Z", "09Z", "09:30+02:00")),
        *(f"2018-04-02T09:30:00{fraction}Z" for fraction in (",5", ",", ";5", ".5.5", "..5", ".5,5")),
        *(f"2018-04-02T09:30:00.{'123456789012'[:digits]}{zone}" for digits in range(1, 13) for zone in ("", "Z")),
        *(f"2018-04-02T{time}Z" for time in ("24:00:00", "24:30:00", "25:00:00", "23:60:00", "23:59:60", "23:59:61")),
        # Zones.
        *(f"2018-04-02T09:30:00{sign}{at}" for sign in "+-" for at in ("02", "0200", "02:00", "18:00", "1800", "18")),
        *(
            f"2018-04-02T09:30:00{sign}{at}"
            for sign in "+-"
            for at in ("18:01", "1801", "19:00", "23:59", "25:00", "99")
        ),
        *(
            f"2018-04-02T09:30:00{zone}"
            for zone in ("z", "-00:00", "+00", "+05:75", "+", "-", "+02:", "+002:00", "ZZ", "Z+1")
        ),
        # Other calendars, years and digits.
        *("2018-W14-1", "2018W141", "2018-W14", "2018-092", "2018092", "20180402", "20180402T093000Z", "2018-4-2"),
        *("0001-01-01", "0001-01-01T00:00:00+05:00", "0000-01-01", "9999-12-31", "9999-12-31T23:59:59.999999Z"),
        *("10000-01-01", "+2018-04-02", "-2018-04-02", "018-04-02", "2018-04-021", "2018-04-02-03", "2018/04/02"),
        *("\u0662\u0660\u0661\u0668-04-02", "2018-04-0\uff12", "2018-04-02T09:30:00\u0660Z", "2018-04-02\u00a0"),
        *("2018-04-02T09:30:00Z\n2018", "2018-04-02\n", "2018-04-02T09:30:00Z;", "1522661400", "1522661400000"),
    ],
    "amount": [
        "12.50",
        "0",
        "-0",
        "0.005",
        "0.015",
        "12.505",
        "1.0149999999999999",
        "0.0149999999999999",
        "0.014999999999999999",
        "9999999999.995",
        " 7 ",
        "1e3",
        "1E-3",
        "+5",
        ".5",
        "5.",
        "1_000",
        "0x10",
        "1,000",
        "NaN",
        "inf",
        "10000000000",
        "10000000000.001",
        "5 EUR",
    ],
    "customer_id": [
        "c1",
        " c1",
        "c1 ",
        "\tc1\n",
        "c 1",
        "   ",
        "\u00e9",
        CARD,
        "4111 1111-11111111",
        f"{CARD}-1",
        f"tx_{CARD}",
        "4111.1111.1111.1111",
        "5000 4111 1111 1111 1111",
        "paid with 3782 822463 10005",
        f"0.{CARD}",
        f"{CARD}abc",
        "tx_4111111111111112",
        "c" * 128,
        "c" * 129,
    ],
}


@pytest.mark.parametrize("name", CELLS)
def test_the_lake_reads_a_cell_as_the_doors_do(spark, name):
    """Otherwise a payment would be scored with one meaning and learnt from with another."""
    rows = [payment(**{name: cell}) for cell in CELLS[name]]
    lake = {
        r.row_number: Payment(r.transaction_id, round(r.at * 1000), r.customer_id, r.merchant_id, r.amount_cents)
        for r in typed(raw(spark, TRANSACTIONS, *rows), TRANSACTIONS)
        .good.selectExpr("*", "unix_millis(event_time) / 1000 as at")
        .collect()
    }

    doors = {}
    for number, row in enumerate(rows, 1):
        try:
            doors[number] = Payment.parse(row)
        except InvalidPayment:
            continue
    shown = {CELLS[name][n - 1]: (lake.get(n), doors.get(n)) for n in lake.keys() | doors.keys()}
    assert {cell: both for cell, both in shown.items() if both[0] != both[1]} == {}


def test_stamps_of_these_tests_are_utc():
    assert stamp(0).isoformat() == "1970-01-01T00:00:00+00:00"


NASTY = (
    *("", "nan", "NULL", "x", "0", "1", "1.0", "-1", "2", "1e3", "1e400", "inf", "1_0", "12.5", "12,5", "36.0", "3e9"),
    *(
        "true",
        "False",
        "yes",
        "10000000000",
        "10000000000.01",
        "2018-04-02",
        "2018-04-02T09:30Z",
        "2018-04-02 09:30:00 UTC",
    ),
    *(
        "2018/04/02",
        "2018-04-02T24:00:00",
        "2018-13-02",
        "1522575000000",
        "a\nb",
        "x" * 129,
        "Zoë",
        "caf\u2028",
        "0x1F",
    ),
    *("1d", "1.0D", "0x1p0", "１２", "٣", "1970-01-01T00:00:00Z", "7.9%", "7.9 %%", "%", "100000.1"),
)


@pytest.mark.parametrize("entity", list(CONTRACTS))
def test_what_is_looked_at_before_is_judged_as_the_lake_judges_it(spark, entity):
    contract = CONTRACTS[entity]
    database = duckdb.connect()
    database.execute("SET GLOBAL TimeZone = 'UTC'")
    for column in contract.columns:
        rows = [{c.name: cell if c is column else "" for c in contract.columns} for cell in NASTY]
        cells = judged(raw(spark, contract, *rows), contract)
        told = cells.select("row_number", "reasons", F.col(column.name).isNotNull() & F.col(f"_{column.name}").isNull())
        bad = {n: [f"unread_{column.name}"] if column.lenient and lost else why for n, why, lost in told.collect()}
        lake = [[r for r in bad.get(n, ()) if r.endswith(f"_{column.name}")] for n in range(1, len(NASTY) + 1)]
        database.register("nasty", pa.table({column.name: pa.array(NASTY)}))
        missing, readable_ = zip(
            *database.execute(f"SELECT {filled(column.name)} IS NULL, {readable(column)} FROM nasty").fetchall(),
            strict=True,
        )
        for cell, reasons_, is_missing, is_readable in zip(NASTY, lake, missing, readable_, strict=True):
            expected = "missing" if is_missing and column.required else "" if is_missing or is_readable else "other"
            told = "missing" if reasons_ == [f"missing_{column.name}"] else "other" if reasons_ else ""
            assert told == expected, (column.name, cell, reasons_)
