"""The lake's tables follow from the contract and the feature sets."""

from __future__ import annotations

import pytest

from features.contract import CONTRACTS
from features.credit import PAYMENT_BEHAVIOUR
from features.fraud import FRAUD
from glue.tables import BRONZE, GOLD, HIVE_TYPES, LOAN_FEATURES, SILVER, TABLES, TRANSACTION_FEATURES, stored_name


@pytest.mark.parametrize("table", TABLES, ids=lambda t: f"{t.zone}.{t.name}")
def test_a_table_describes_every_column_and_names_none_twice(table):
    columns = [*table.columns, *table.partitions]

    assert len({c.name for c in columns}) == len(columns)
    assert all(c.comment and c.type for c in columns)
    assert table.prefix.startswith(table.zone)


def test_no_two_tables_lie_in_one_place():
    assert len({t.prefix for t in TABLES}) == len(TABLES)


@pytest.mark.parametrize("entity", CONTRACTS)
def test_silver_is_bronze_without_its_origin(entity):
    origin = ["source_file", "row_number", "ingested_at"]
    columns = [(c.name, c.type) for c in BRONZE[entity].columns]

    computed = [("original_cents", "bigint")] if entity == "transactions" else []
    assert [(c.name, c.type) for c in SILVER[entity].columns] == [c for c in columns if c[0] not in origin] + computed
    assert {*origin} <= {name for name, _ in columns}


@pytest.mark.parametrize(
    ("table", "as_first_made"),
    [
        (SILVER["transactions"], ("device_id", "ip", "attributes")),
        (BRONZE["transactions"], ("ip", "attributes", "source_file", "row_number", "ingested_at")),
    ],
    ids=["silver", "bronze"],
)
def test_columns_that_were_declared_when_tables_held_rows_come_last(table, as_first_made):
    appended = [stored_name(c.name, c.type) for c in CONTRACTS["transactions"].columns if c.appended]

    since = table.column_names.index(as_first_made[-1]) + 1
    assert table.column_names[since - len(as_first_made) : since + len(appended)] == (*as_first_made, *appended)
    assert set(table.column_names[since + len(appended) :]) <= {"original_cents"}


UNITS = {"money": "_cents", "degrees": "_microdegrees", "rate": "_billionths", "percent": "_millionths"}


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda c: c.entity)
def test_every_column_of_the_contract_is_stored_in_its_type_and_says_its_unit(contract):
    stored = {c.name: c.type for c in SILVER[contract.entity].columns}

    for column in contract.columns:
        name = column.name + UNITS.get(column.type, "")
        assert stored[name] == HIVE_TYPES[column.type]


def test_gold_holds_the_vectors_in_the_models_order():
    first = TRANSACTION_FEATURES.column_names.index(FRAUD.columns[0])
    assert TRANSACTION_FEATURES.column_names[first : first + len(FRAUD.columns)] == FRAUD.columns
    assert LOAN_FEATURES.column_names[-len(PAYMENT_BEHAVIOUR.columns) :] == PAYMENT_BEHAVIOUR.columns
    assert {t.division for t in GOLD.values()} == {"event_date", "event_month"}


def test_gold_has_what_a_bank_tells_of_a_payment_besides_after_the_vector():
    optional = [stored_name(c.name, c.type) for c in CONTRACTS["transactions"].columns if not c.required]
    behind = TRANSACTION_FEATURES.column_names[TRANSACTION_FEATURES.column_names.index(FRAUD.columns[-1]) + 1 :]

    assert behind == (*optional, "original_cents", "attributes")
