"""Athena's statements are told apart, its SQL becomes DuckDB's, and values are printed as it prints them."""

from __future__ import annotations

import datetime
import decimal

import duckdb
import pytest

from local import hive_types
from local.plugins.athena import checks, pruning, results, statements, translate
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
        (
            "ALTER TABLE t PARTITION (dt='1') SET LOCATION 's3://b/x/'",
            statements.SetLocation(Name("db", "t"), {"dt": "1"}, "s3://b/x/"),
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
        ("DROP DATABASE d CASCADE", statements.Drop("database", Name("db", "d"), False, True)),
        ("DROP SCHEMA d RESTRICT", statements.Drop("database", Name("db", "d"), False, False)),
        ("DESCRIBE t", statements.Show("describe", Name("db", "t"))),
    ],
)
def test_a_text_is_the_statement_that_it_says(sql: str, expected: object):
    assert statements.parse(sql, "db") == expected


def test_what_is_no_statement_is_a_syntax_error():
    with pytest.raises(QueryFailed, match="SYNTAX_ERROR: line 1:1: mismatched input 'selec'"):
        statements.parse("selec 1", "db")


COLUMNS = {
    ("db", "t"): [
        ("id", "bigint"),
        ("name", "string"),
        ("day", "date"),
        ("price", "decimal(10,2)"),
        ("tags", "array<string>"),
        ("by_name", "map<string,double>"),
    ]
}


def checked(sql: str):
    tree = translate.parse(sql)
    checks.check(sql, tree, COLUMNS, "db")
    return tree


def run(expression: str) -> object:
    connection = duckdb.connect(":memory:")
    for setting in ("SET TimeZone = 'UTC'", "SET integer_division = true", *translate.MACROS):
        connection.execute(setting)
    sql = translate.to_duckdb(checked(f"SELECT {expression}"), {"day"})
    return connection.execute(sql).fetchone()[0]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT id AS x FROM t WHERE x = 1", "COLUMN_NOT_FOUND: line 1:29: Column 'x' cannot be resolved"),
        ("SELECT id + 1 AS x, count(*) FROM t GROUP BY x", "COLUMN_NOT_FOUND"),
        ("SELECT name AS x, count(*) FROM t GROUP BY name HAVING x = 'a'", "COLUMN_NOT_FOUND"),
        ("SELECT name = 1 FROM t", "TYPE_MISMATCH: line 1:1: Cannot apply operator: varchar = integer"),
        ("SELECT day > name FROM t", "TYPE_MISMATCH: line 1:1: Cannot apply operator: date > varchar"),
        ("SELECT id FROM t WHERE id IN ('1')", "TYPE_MISMATCH"),
        ("SELECT id FROM t WHERE day BETWEEN '2026-01-01' AND '2026-01-02'", "TYPE_MISMATCH"),
        ("SELECT name + 1 FROM t", "TYPE_MISMATCH"),
        ("SELECT name || id FROM t", "FUNCTION_NOT_FOUND: .* Unexpected parameters .varchar, bigint. for function con"),
        ("SELECT * EXCLUDE (id) FROM t", "NOT_FOUND|SYNTAX_ERROR"),
        ("SELECT id::varchar FROM t", "SYNTAX_ERROR: line 1:10: mismatched input '::'"),
        ("SELECT name ILIKE 'a' FROM t", "SYNTAX_ERROR"),
        ("SELECT name, count(*) FROM t GROUP BY ALL", "SYNTAX_ERROR"),
        ("SELECT id FROM t ORDER BY ALL", "SYNTAX_ERROR"),
        ("SELECT [1, 2]", "SYNTAX_ERROR"),
        ("SELECT {'a': 1}", "SYNTAX_ERROR"),
        ("SELECT id FROM t SEMI JOIN t AS u ON t.id = u.id", "SYNTAX_ERROR"),
        ("SELECT strftime(day, '%Y') FROM t", "FUNCTION_NOT_FOUND: line 1:8: Function 'strftime' not registered"),
        ("SELECT list_sort(tags) FROM t", "FUNCTION_NOT_FOUND"),
        ("SELECT * FROM read_text('/etc/passwd')", "FUNCTION_NOT_FOUND"),
        ("SELECT * FROM read_csv('/etc/passwd')", "FUNCTION_NOT_FOUND"),
        ("SELECT * FROM glob('/etc/*')", "FUNCTION_NOT_FOUND|SYNTAX_ERROR"),
    ],
)
def test_what_trino_refuses_is_refused(sql: str, said: str):
    with pytest.raises(QueryFailed, match=said):
        checked(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id AS x FROM t ORDER BY x",
        "SELECT name, sum(id) AS total FROM t GROUP BY 1 HAVING sum(id) > 1 ORDER BY total",
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY name ORDER BY id) AS n FROM t) WHERE n = 1",
        "WITH x AS (SELECT id, day FROM t) SELECT x.id FROM x JOIN t AS y USING (id) WHERE x.day >= current_date",
        "SELECT tag FROM t CROSS JOIN UNNEST(tags) AS r(tag) WHERE tag = 'a'",
        "SELECT regexp_extract(\"$path\", 'a') FROM t",
        "SELECT count_if(id = 1) FILTER (WHERE name <> 'x'), cast(row(1) AS row(a integer)) FROM t",
        "SELECT listagg(name, ',') WITHIN GROUP (ORDER BY name), extract(year FROM max(day)) FROM t",
        "SELECT id FROM t WHERE day >= date '2026-01-01' AND cast(id AS varchar) || name <> 'a'",
        "SELECT day - interval '7' day < current_timestamp, id > 0.5, price = 3 FROM t",
    ],
)
def test_what_trino_takes_is_taken(sql: str):
    checked(sql)


@pytest.mark.parametrize("expression", ["ARRAY[1, 2][3]", "ARRAY[1][0]", "split('a', ',')[2]"])
def test_a_place_that_an_array_does_not_have_is_an_error(expression: str):
    with pytest.raises(duckdb.Error, match="INVALID_FUNCTION_ARGUMENT: Array subscript"):
        run(expression)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("day = '1'", "(day = '1')"),
        ("t.day = '1' AND id > 3 AND day < '9'", "(day = '1') AND (day < '9')"),
        ("day = '1' OR id = 3", ""),
        ("day = (SELECT max(day) FROM t)", ""),
    ],
)
def test_partitions_are_chosen_by_what_where_says_of_their_keys(where: str, expected: str):
    tree = translate.parse(f"SELECT * FROM t WHERE {where}")
    assert pruning.condition(translate.tables_of(tree)[0], ["day"], set()) == expected


def test_an_outer_join_s_table_is_read_in_full():
    tree = translate.parse("SELECT * FROM a LEFT JOIN t ON a.id = t.id WHERE t.day IS NULL")
    assert {pruning.condition(table, ["day"], set()) for table in translate.tables_of(tree)} == {""}


@pytest.mark.parametrize(
    ("duck", "declared", "cast"),
    [
        ("BIGINT", "bigint", ""),
        ("INTEGER", "bigint", "BIGINT"),
        ("VARCHAR", "varchar(10)", ""),
        ("BIGINT", "varchar", None),
        ("DOUBLE", "bigint", None),
    ],
)
def test_a_view_s_column_is_what_it_declares_or_the_view_is_stale(duck: str, declared: str, cast: str | None):
    assert hive_types.coerced(duck, declared) == cast


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
        ("substr('abc', 0)", ""),
        ("substr('abc', -5)", ""),
        ("substr('abc', -2)", "bc"),
        ("cast(1 AS decimal(10,2)) / 3", decimal.Decimal("0.33")),
        ("1 * 1.0 / 3", decimal.Decimal("0.3")),
        ("1e0 / 4", 0.25),
        ("ARRAY[1, 2][2]", 2),
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
        (0.10000000149011612, "float", "0.1"),
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
