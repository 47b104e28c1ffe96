"""Athena's statements are told apart, its SQL becomes DuckDB's, and values are printed as it prints them."""

from __future__ import annotations

import datetime
import decimal

import duckdb
import pytest

from local.plugins import hive_types
from local.plugins.athena import results, statements, translate
from local.plugins.athena.engine import with_values
from local.plugins.athena.errors import QueryFailed
from local.plugins.athena.statements import Name


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1;", statements.Query("SELECT 1")),
        (
            "-- note\n/* more */ with x as (select 1) select * from x",
            statements.Query("with x as (select 1) select * from x"),
        ),
        ("MSCK REPAIR TABLE gold.t", statements.Repair(Name("gold", "t"))),
        (
            "ALTER TABLE t ADD IF NOT EXISTS PARTITION (dt='1', h=2) LOCATION 's3://b/x/' PARTITION (dt='2', h=3)",
            statements.AddPartitions(
                Name("db", "t"), True, [({"dt": "1", "h": "2"}, "s3://b/x/"), ({"dt": "2", "h": "3"}, "")]
            ),
        ),
        ("alter table `t` drop partition (dt = '1')", statements.DropPartitions(Name("db", "t"), False, [{"dt": "1"}])),
        (
            "CREATE TABLE x.y WITH (format = 'PARQUET', partitioned_by = ARRAY['a', 'b']) AS SELECT 1",
            statements.CreateTableAs(Name("x", "y"), {"format": "PARQUET", "partitioned_by": ["a", "b"]}, "SELECT 1"),
        ),
        ("create or replace view v as select 1", statements.CreateView(Name("db", "v"), "select 1", True)),
        ("INSERT INTO t (a, b) SELECT 1, 2", statements.Insert(Name("db", "t"), ["a", "b"], "SELECT 1, 2")),
        (
            "UNLOAD (SELECT 1) TO 's3://b/x/' WITH (format = 'PARQUET')",
            statements.Unload("SELECT 1", "s3://b/x/", {"format": "PARQUET"}),
        ),
        ("DROP TABLE IF EXISTS t", statements.Drop("table", Name("db", "t"), True)),
        ("EXECUTE p USING 'a', 2", statements.Execute("p", ["'a'", "2"])),
        ("SHOW TABLES IN gold 'a*'", statements.Show("tables", Name("gold", ""), "a*")),
        ("DESCRIBE t", statements.Show("describe", Name("db", "t"))),
    ],
)
def test_a_text_is_the_statement_that_it_says(sql: str, expected: object):
    assert statements.parse(sql, "db") == expected


def test_what_is_no_statement_is_a_syntax_error():
    with pytest.raises(QueryFailed, match="SYNTAX_ERROR: line 1:1: mismatched input 'selec'"):
        statements.parse("selec 1", "db")


def run(expression: str) -> object:
    connection = duckdb.connect(":memory:")
    for setting in ("SET TimeZone = 'UTC'", "SET integer_division = true", *translate.MACROS):
        connection.execute(setting)
    sql = translate.to_duckdb(translate.parse(f"SELECT {expression}"), {"day"})
    return connection.execute(sql).fetchone()[0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 / 2", 3),
        ("date_diff('day', timestamp '2026-01-01 23:00:00', timestamp '2026-01-02 01:00:00')", 0),
        ("date_add('day', 2, date '2026-01-01')", datetime.date(2026, 1, 3)),
        ("date '2026-01-01' + interval '1' day", datetime.date(2026, 1, 2)),
        ("date_format(timestamp '2026-01-02 03:04:05', '%Y-%m-%d %H:%i')", "2026-01-02 03:04"),
        ("json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a.b')", "1"),
        ("to_unixtime(timestamp '1970-01-01 00:01:00')", 60.0),
        ("sequence(1, 3)", [1, 2, 3]),
        ("width_bucket(3, 0, 10, 5)", 2),
        ("format('%d of %s', 3, 4)", "3 of 4"),
        ("element_at(map(array['a'], array[1]), 'a')", 1),
        ("regexp_replace('ab', 'a(b)', '$1')", "b"),
        ("transform(array[1, 2], x -> x + 1)", [2, 3]),
        ("parse_datetime('2026-01', 'yyyy-MM')", datetime.datetime(2026, 1, 1)),
        ("try(cast('x' as integer))", None),
        ("count_if(cast(null as boolean))", 0),
        ("count_if(true)", 1),
        ("regexp_extract('a/b=7/c', '/b=([^/]+)/', 1)", "7"),
        ("regexp_extract('a', 'b')", None),
        ("regexp_extract('a', 'b?')", ""),
    ],
)
def test_a_function_gives_what_it_gives_in_trino(expression: str, expected: object):
    assert run(expression) == expected


def test_an_instant_in_iso_8601_has_its_time_zone():
    assert run("from_iso8601_timestamp('2026-01-02T03:04:05Z')").isoformat() == "2026-01-02T03:04:05+00:00"  # type: ignore[attr-defined]


def test_columns_without_a_name_are_numbered():
    sql = translate.to_duckdb(translate.parse("SELECT count(*), a, 1 AS b, max(a) FROM t"), set())
    assert "AS _col0" in sql
    assert "AS _col3" in sql
    assert "_col1" not in sql


def test_names_from_with_are_not_tables():
    tree = translate.parse("WITH x AS (SELECT * FROM real) SELECT * FROM x JOIN db.other ON true")
    assert sorted(table.name for table in translate.tables_of(tree)) == ["other", "real"]


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (None, "", None),
        (True, "", "true"),
        (0.5, "", "0.5"),
        (1e10, "", "1.0E10"),
        (12345678.5, "", "1.23456785E7"),
        (0.0001, "", "1.0E-4"),
        (decimal.Decimal("1.50"), "", "1.50"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, 678000), "timestamp", "2026-01-02 03:04:05.678"),
        ([1, None, "a"], "", "[1, null, a]"),
        ({"a": 1.5}, "", "{a=1.5}"),
    ],
)
def test_a_value_is_printed_as_athena_prints_it(value: object, kind: str, shown: str | None):
    assert results.text(value, kind) == shown


def test_a_result_file_quotes_values_and_leaves_nulls_empty():
    assert results.csv(results.Result(["a", "b"], ["varchar"] * 2, [['x"y', None]])) == b'"a","b"\n"x""y",\n'


def test_question_marks_inside_quotes_are_text():
    assert with_values("SELECT '?' WHERE a = ?", ["5"]) == "SELECT '?' WHERE a = 5"
    with pytest.raises(QueryFailed, match="INVALID_PARAMETER_USAGE"):
        with_values("SELECT ?", [])


@pytest.mark.parametrize(
    ("hive", "duck"),
    [
        ("bigint", "BIGINT"),
        ("decimal(10,2)", "DECIMAL(10,2)"),
        ("array<struct<a:int,b:map<string,double>>>", 'STRUCT("a" INTEGER, "b" MAP(VARCHAR, DOUBLE))[]'),
    ],
)
def test_a_catalog_type_survives_the_way_to_duckdb_and_back(hive: str, duck: str):
    assert hive_types.to_duckdb(hive) == duck
    assert hive_types.to_hive(duck) == hive
