"""What a user declares about columns: every key is known, every reason is in words, what is wrong is named."""

from __future__ import annotations

import pytest

from features.contract import CONTRACTS
from features.declared import FORMATS, Column, Declared, File, WrongDeclaration, declared_of
from raw.declaration import Declaration
from raw.meanings import DECLARED

WHOLE = """
transactions:
  file: {separator: tab, quote: "'", encoding: windows-1252}
  columns:
    Event_Time: {format: dmy}
    amount: {format: decimal_comma}
    order number: {card_numbers: order numbers of 16 digits}
loan_applications:
  columns:
    income: {type: number, unit: EUR a year, risk: falling, missing: [-999, 007, no]}
    race_track: {not_protected: horses}
    ward: {protected: yes, train_on: asked for by law}
    branch: {ignore: "1"}
    household: {entity: household}
"""


def test_every_key_is_read_and_every_scalar_stays_the_text_that_it_is():
    found = Declaration(WHOLE.encode()).all()

    assert found["transactions"].file == File("\t", "'", "windows-1252")
    assert found["transactions"].formats == {"event_time": "dmy", "amount": "decimal_comma"}
    assert found["transactions"].no_cards == {"order number"}
    loans = found["loan_applications"]
    assert loans.of("income") == Column(type="number", unit="EUR a year", risk="falling", missing=("-999", "007", "no"))
    assert (loans.of("race_track").not_protected, loans.of("ward").protected) == ("horses", True)
    assert loans.of("ward").train_on == "asked for by law"
    assert loans.of("branch").set_aside == "ignored, as declared: 1"
    assert loans.of("household").set_aside == "identifiers of a household, as declared"
    assert loans.of("another") == Column()


def test_what_is_kept_reads_as_what_was_declared():
    declaration = Declaration(WHOLE.encode())

    kept = declaration.document()
    assert {entity: declared_of(entity, told) for entity, told in kept.items()} == declaration.all()


def test_files_that_are_spelt_plainly_keep_all_but_their_spelling():
    found = Declaration(WHOLE.encode()).of("transactions").without_spellings()

    assert (found.file, found.formats, found.no_cards) == (File(), {}, {"order number"})


def test_the_home_currency_is_declared_of_rates_and_of_nothing_else():
    assert declared_of("exchange_rates", {"home": "EUR"}).home == "EUR"
    assert declared_of("exchange_rates", declared_of("exchange_rates", {"home": "EUR"}).document()).home == "EUR"
    for entity, home in (("exchange_rates", "Euro"), ("transactions", "EUR")):
        with pytest.raises(WrongDeclaration, match="home"):
            declared_of(entity, {"home": home})


def test_a_direction_makes_a_column_a_number():
    assert declared_of("loan_applications", {"columns": {"x": {"risk": "rising"}}}).of("x").type == "number"


def test_every_spelling_that_can_be_declared_is_one_that_the_reader_knows():
    assert {name for names in FORMATS.values() for name in names} == {"plain", *DECLARED}


@pytest.mark.parametrize(
    "content", [None, b"", b"# nothing yet", b"{}", b"transactions:\n", b"transactions: {columns: }"]
)
def test_nothing_is_declared_where_nothing_stands(content):
    declaration = Declaration(content)
    assert declaration.document() == {}
    assert declaration.of("transactions") == Declared(File(), {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loans: {}", f"columns.yaml: expected {', '.join(CONTRACTS)}, got 'loans'"),
        ("- transactions", r"columns.yaml: expected entities by name, got \['transactions'\]"),
        ("transactions: [", "columns.yaml: expected YAML; .* in line 1"),
        ("transactions: {}\ntransactions: {}", 'found duplicate key "transactions"'),
        ("transactions: {columns: {a: {}, a: {}}}", 'found duplicate key "a"'),
        ("transactions: {columns: {amount: {}, Amount: {}}}", "expected every column once, whatever its case"),
        ("transactions: {rows: 1}", "columns.yaml, transactions: expected file, columns, got 'rows'"),
        ("transactions: {file: {separator: x}}", r"file, separator: expected , or ; or \| or tab, got 'x'"),
        ("transactions: {columns: {amount: {format: dmy}}}", "amount, format: expected plain or decimal_comma"),
        ("transactions: {columns: {amount: {type: number}}}", "amount: expected format, card_numbers, got 'type'"),
        ("transactions: {columns: {customer_id: {format: plain}}}", "customer_id: expected card_numbers, got 'format'"),
        (
            "transactions: {columns: {a: {card_numbers: true}}}",
            "a, card_numbers: expected a reason in words, got 'true'",
        ),
        ("loan_applications: {columns: {a: {train_on: ''}}}", "a, train_on: expected a reason in words, got nothing"),
        (
            "loan_applications: {columns: {a: {protected: maybe}}}",
            "a, protected: expected true, or not_protected: <why>",
        ),
        ("loan_applications: {columns: {a: {protected: no}}}", "a, protected: expected true, or not_protected: <why>"),
        ("loan_applications: {columns: {a: {not_protected: yes}}}", "a, not_protected: expected a reason in words"),
        ("transactions: {columns: {[a, b]: {format: dmy}}}", "transactions, columns: expected columns by name"),
        ("transactions: &a\n  columns: *a", r"columns.yaml: expected no aliases \(\*name\)"),
        ("loan_applications: {columns: {a: {type: money}}}", "a, type: expected number or flag or category or text"),
        ("loan_applications: {columns: {a: {missing: {}}}}", "a, missing: expected a list of cells"),
        ("loan_applications: {columns: {a: {risk: rising, type: text}}}", "a: expected risk or type: text, got both"),
        ("loan_applications: {columns: {a: {train_on: law, ignore: no use}}}", "expected train_on or ignore, got both"),
        (
            "loan_applications: {columns: {a: number}}",
            "a: expected what is declared about the column by name, got 'number'",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(text, said):
    with pytest.raises(WrongDeclaration, match=said):
        Declaration(text.encode()).all()


def test_what_is_wrong_about_loans_stops_no_payments():
    declaration = Declaration(b"transactions: {columns: {a: {card_numbers: orders}}}\nloan_applications: {colour: red}")

    assert declaration.of("transactions").no_cards == {"a"}
    with pytest.raises(WrongDeclaration):
        declaration.of("loan_applications")


def test_what_is_wrong_is_kept_as_it_came_so_that_training_refuses_it_too():
    kept = Declaration(
        b"transactions: {columns: {a: {card_numbers: orders}}}\nloan_applications: {colour: red}"
    ).document()

    assert kept["transactions"] == {"columns": {"a": {"card_numbers": "orders"}}}
    with pytest.raises(WrongDeclaration, match="loan_applications: expected file, columns, got 'colour'"):
        declared_of("loan_applications", kept["loan_applications"])


def test_bytes_that_are_no_text_and_a_file_without_end_are_refused():
    for content in (b"\xff\xfe\xfa", b"#" * (2 << 20)):
        with pytest.raises(WrongDeclaration, match=r"columns.yaml: expected (UTF-8|at most)"):
            Declaration(content).all()


def test_whether_a_time_may_be_a_day_is_asked_of_payments_alone():
    told = {"columns": {"event_time": {"coarse": "our core system keeps days"}}}

    assert declared_of("transactions", told).coarse_times
    assert not declared_of("transactions", {"columns": {"event_time": {"format": "dmy"}}}).coarse_times
    with pytest.raises(WrongDeclaration, match="reported_at: expected format, card_numbers, got 'coarse'"):
        declared_of("fraud_labels", {"columns": {"reported_at": {"coarse": "why not"}}})
