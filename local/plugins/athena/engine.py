"""Runs one statement: queries in DuckDB, everything else in the catalog and in S3."""

from __future__ import annotations

import base64
import fnmatch
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
from ministack.services import athena as ministack_athena
from ministack.services import glue
from sqlglot import exp

from local import hive_types, limits
from local.plugins.athena import checks, pruning, results, statements, tables, translate
from local.plugins.athena.errors import QueryFailed, from_duckdb, schema_not_found
from local.plugins.athena.results import Result
from local.services import glue_catalog, s3_files

PARQUET_IO = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {},
    },
}
TEXT_IO = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
}
JSON_SERDE = "org.openx.data.jsonserde.JsonSerDe"
LAZY_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


@dataclass
class Session:
    """One execution: its connection, where it writes, and how a prepared statement is found."""

    connection: duckdb.DuckDBPyConnection
    query_id: str
    database: str
    output: str
    temp_dir: Path
    prepared: Callable[[str], str]
    scanned: int = 0
    views: int = 0


def connect(temp_dir: Path, s3_dir: Path) -> duckdb.DuckDBPyConnection:
    """A database that reads S3's folder, writes its own, and sees nothing else of this machine."""
    connection = duckdb.connect(":memory:")
    for setting in (
        "SET autoinstall_known_extensions = false",
        "SET TimeZone = 'UTC'",
        # Trino divides integers as integers.
        "SET integer_division = true",
        "SET preserve_insertion_order = true",
        "SET threads = 2",
        "SET memory_limit = '2GB'",
        f"SET temp_directory = {_quoted(str(temp_dir))}",
        *translate.MACROS,
        f"SET allowed_directories = [{_quoted(str(s3_dir))}, {_quoted(str(temp_dir))}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(setting)
    return connection


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def run(session: Session, statement: Any) -> Result:
    """Raises QueryFailed with Athena's code."""
    try:
        return _RUN[type(statement)](session, statement)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as failure:
        raise from_duckdb(failure) from failure


def _query(session: Session, statement: statements.Query) -> Result:
    sql = _bound(session, statement.sql, session.database)
    described = session.connection.execute(f"DESCRIBE {sql}").fetchall()
    types = [hive_types.to_athena(kind) for _, kind, *_ in described]
    rows = session.connection.execute(sql).fetchall()
    shown = [[results.text(value, kind) for value, kind in zip(row, types, strict=True)] for row in rows]
    return Result([name for name, *_ in described], types, shown, session.scanned)


def _bound(session: Session, sql: str, database: str, depth: int = 0) -> str:
    """DuckDB's SQL for a query, its tables replaced by views over their files."""
    if depth > 16:
        raise QueryFailed("VIEW_IS_RECURSIVE", "line 1:1: Statement stack is too deep")
    tree = translate.parse(sql)
    found = translate.tables_of(tree)
    names = [((table.db or database).lower(), table.name.lower()) for table in found]
    kinds = {name: _kinds(name) for name in dict.fromkeys(names)}
    checks.check(sql, tree, kinds, database)
    with_path = translate.needs_path(tree)
    dates = {column.lower() for columns in kinds.values() for column, kind in columns if kind.lower() == "date"}
    known: dict[tuple[str, str, str], str] = {}
    for table, name in zip(found, names, strict=True):
        wanted = "" if name[0] == "information_schema" else pruning.condition(table, tables.key_names(*name), dates)
        key = (*name, wanted)
        if key not in known:
            known[key] = _view(session, name, with_path, wanted, depth)
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("this", exp.to_identifier(known[key]))
        table.set("db", None)
        table.set("catalog", None)
    for column in tree.find_all(exp.Column):
        if column.args.get("db"):
            column.set("db", None)
            column.set("catalog", None)
    return translate.to_duckdb(tree, dates)


def _kinds(name: tuple[str, str]) -> list[tuple[str, str]]:
    """The columns of a table or a view, with the catalog's types."""
    if name[0] == "information_schema":
        return [(column, "string") for column in _information(name[1])[0]]
    table = tables.find(*name)
    return [*tables.columns(table), *tables.partition_keys(table)]


def _view(session: Session, name: tuple[str, str], with_path: bool, wanted: str, depth: int) -> str:
    if name[0] == "information_schema":
        sql, size = _values(*_information(name[1])), 0
    else:
        table = tables.find(*name)
        if table.get("TableType") == "VIRTUAL_VIEW":
            sql, size = _view_as_declared(session, table, depth), 0
        else:
            sql, size = tables.relation(session.connection, table, with_path, wanted)
    session.views += 1
    session.scanned += size
    view = f"source_{session.views}"
    session.connection.execute(f"CREATE TEMP VIEW {view} AS {sql}")
    return view


def _view_as_declared(session: Session, table: dict, depth: int) -> str:
    """A view's query with the columns that the view declares; Athena calls a view stale whose query gives others."""
    body = _view_definition(table)
    sql = _bound(session, body["originalSql"], body.get("schema") or table["DatabaseName"], depth + 1)
    given = [(name, kind) for name, kind, *_ in session.connection.execute(f"DESCRIBE {sql}").fetchall()]
    declared = [(column["name"], column["type"]) for column in body.get("columns") or []]
    shown = f"awsdatacatalog.{table['DatabaseName']}.{table['Name']}"
    if len(given) != len(declared):
        raise QueryFailed(
            "VIEW_IS_STALE",
            f"line 1:1: View '{shown}' is stale or in invalid state: it declares {len(declared)} columns, its query "
            f"gives {len(given)}",
        )
    chosen = []
    for place, ((has, kind), (name, wanted)) in enumerate(zip(given, declared, strict=True)):
        cast = hive_types.coerced(kind, wanted)
        if has.lower() != name.lower() or cast is None:
            raise QueryFailed(
                "VIEW_IS_STALE",
                f"line 1:1: View '{shown}' is stale or in invalid state: column [{has}] of type "
                f"{hive_types.to_athena(kind)} projected from query view at position {place} cannot be coerced to "
                f"column [{name}] of type {wanted} stored in view definition",
            )
        chosen.append(f'CAST(q."{has}" AS {cast}) AS "{name}"' if cast else f'q."{has}" AS "{name}"')
    return f"SELECT {', '.join(chosen)} FROM ({sql}) AS q"


def _information(name: str) -> tuple[list[str], list[tuple[str, ...]]]:
    """The columns and the rows of a table of information_schema."""
    rows: list[tuple[str, ...]] = []
    if name == "schemata":
        header = "catalog_name schema_name"
        rows = [("awsdatacatalog", database) for database in glue._databases]
    elif name == "tables":
        header = "table_catalog table_schema table_name table_type"
        for table in glue._tables.values():
            kind = "VIEW" if table.get("TableType") == "VIRTUAL_VIEW" else "BASE TABLE"
            rows.append(("awsdatacatalog", table["DatabaseName"], table["Name"], kind))
    elif name == "columns":
        header = "table_catalog table_schema table_name column_name ordinal_position data_type"
        for table in glue._tables.values():
            kinds = [*tables.columns(table), *tables.partition_keys(table)]
            for number, (column, kind) in enumerate(kinds, 1):
                rows.append(("awsdatacatalog", table["DatabaseName"], table["Name"], column, str(number), kind))
    else:
        raise QueryFailed(
            "TABLE_NOT_FOUND", f"line 1:1: Table 'awsdatacatalog.information_schema.{name}' does not exist"
        )
    return header.split(), rows


def _values(header: list[str], rows: list[tuple[str, ...]]) -> str:
    columns = ", ".join(header)
    if not rows:
        return f"SELECT * FROM (VALUES ({', '.join('NULL' for _ in header)})) AS t({columns}) WHERE false"
    values = ", ".join("(" + ", ".join(map(_quoted, row)) + ")" for row in rows)
    return f"SELECT * FROM (VALUES {values}) AS t({columns})"


def _view_definition(table: dict) -> dict[str, Any]:
    encoded = re.search(r"Presto View:\s*([A-Za-z0-9+/=]+)", table.get("ViewOriginalText") or "")
    if not encoded:
        raise QueryFailed("INVALID_VIEW", f"line 1:1: the view {table['Name']} has no text that Athena wrote")
    return json.loads(base64.b64decode(encoded[1]))


def _create_view(session: Session, statement: statements.CreateView) -> Result:
    name = statement.name
    if name.database not in glue._databases:
        raise schema_not_found(name.database)
    known = f"{name.database}/{name.table}" in glue._tables
    if known and not statement.replace:
        raise QueryFailed(
            "TABLE_ALREADY_EXISTS", f"line 1:1: View already exists: 'awsdatacatalog.{name.database}.{name.table}'"
        )
    sql = _bound(session, statement.sql, session.database)
    described = [(column, kind) for column, kind, *_ in session.connection.execute(f"DESCRIBE {sql}").fetchall()]
    body = {
        "originalSql": statement.sql.strip(),
        "catalog": "awsdatacatalog",
        "schema": session.database,
        "columns": [{"name": column, "type": hive_types.to_athena(kind)} for column, kind in described],
    }
    encoded = base64.b64encode(json.dumps(body).encode()).decode()
    definition = {
        "Name": name.table,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "ViewOriginalText": f"/* Presto View: {encoded} */",
        "ViewExpandedText": "/* Presto View */",
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": hive_types.to_hive(kind)} for column, kind in described],
            "Location": "",
            "SerdeInfo": {},
        },
    }
    write = "UpdateTable" if known else "CreateTable"
    _done(glue_catalog.change(write, DatabaseName=name.database, TableInput=definition))
    return Result()


def _create_table_as(session: Session, statement: statements.CreateTableAs) -> Result:
    name, wanted = statement.name, statement.properties
    if name.database not in glue._databases:
        raise schema_not_found(name.database)
    if f"{name.database}/{name.table}" in glue._tables:
        if statement.if_not_exists:
            return Result()
        raise QueryFailed(
            "TABLE_ALREADY_EXISTS", f"line 1:1: Table 'awsdatacatalog.{name.database}.{name.table}' already exists"
        )
    location = (
        str(wanted.get("external_location") or f"{session.output.rstrip('/')}/tables/{session.query_id}").rstrip("/")
        + "/"
    )
    if s3_files.below(location):
        raise QueryFailed(
            "HIVE_PATH_ALREADY_EXISTS",
            f"Target directory for table '{name.database}.{name.table}' already exists: {location}",
        )
    staged = _stage(session, statement.sql, None)
    keys = [key.lower() for key in wanted.get("partitioned_by") or []]
    kinds = {column.lower(): hive_types.to_hive(kind) for column, kind in staged}
    if [column.lower() for column, _ in staged][len(staged) - len(keys) :] != keys:
        raise QueryFailed(
            "HIVE_COLUMN_ORDER_MISMATCH",
            f"Partition keys must be the last columns in the table and in the same order: {keys}",
        )
    form = str(wanted.get("format", "PARQUET")).lower()
    storage = _storage(form, wanted.get("field_delimiter"))
    storage |= {
        "Location": location.rstrip("/"),
        "Columns": [{"Name": c, "Type": k} for c, k in kinds.items() if c not in keys],
    }
    definition = {
        "Name": name.table,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet" if form == "parquet" else form},
        "PartitionKeys": [{"Name": key, "Type": kinds[key]} for key in keys],
        "StorageDescriptor": storage,
    }
    _done(glue_catalog.change("CreateTable", DatabaseName=name.database, TableInput=definition))
    written = _write_staged(session, tables.find(name.database, name.table)) if statement.with_data else 0
    return Result(scanned=session.scanned, updated=written)


def _storage(form: str, delimiter: Any = None) -> dict[str, Any]:
    if form == "parquet":
        return {**PARQUET_IO}
    if form == "json":
        return {**TEXT_IO, "SerdeInfo": {"SerializationLibrary": JSON_SERDE, "Parameters": {}}}
    if form in ("textfile", "csv"):
        return {
            **TEXT_IO,
            "SerdeInfo": {"SerializationLibrary": LAZY_SERDE, "Parameters": {"field.delim": str(delimiter or "\x01")}},
        }
    raise QueryFailed("NOT_SUPPORTED", f"format {form} cannot be written on this machine")


def _stage(session: Session, sql: str, names: list[str] | None) -> list[tuple[str, str]]:
    """Run a query into the table ``staged``; its columns and types."""
    bound = _bound(session, sql, session.database)
    aliases = f" AS q({', '.join(chr(34) + name + chr(34) for name in names)})" if names else " AS q"
    session.connection.execute(f"CREATE TEMP TABLE staged AS SELECT * FROM ({bound}){aliases}")
    return [(name, kind) for name, kind, *_ in session.connection.execute("DESCRIBE staged").fetchall()]


def _insert(session: Session, statement: statements.Insert) -> Result:
    table = tables.find(statement.name.database, statement.name.table)
    known = [name.lower() for name, _ in [*tables.columns(table), *tables.partition_keys(table)]]
    names = statement.columns or known
    given = session.connection.execute(f"DESCRIBE {_bound(session, statement.sql, session.database)}").fetchall()
    if len(given) != len(names):
        raise QueryFailed(
            "TYPE_MISMATCH",
            f"line 1:1: Insert query has {len(given)} expression(s) but expected {len(names)} target column(s)",
        )
    _stage(session, statement.sql, names)
    for missing in [name for name in known if name not in names]:
        session.connection.execute(f'ALTER TABLE staged ADD COLUMN "{missing}" VARCHAR')
    return Result(["rows"], ["bigint"], [], session.scanned, _write_staged(session, table))


def _write_staged(session: Session, table: dict) -> int:
    """Write ``staged`` as the table's files, and register the partitions that it has."""
    keys = [name for name, _ in tables.partition_keys(table)]
    chosen = ", ".join(
        f'CAST("{name}" AS {hive_types.to_duckdb(kind)}) AS "{name}"' for name, kind in tables.columns(table)
    )
    base = tables.location(table)
    if not keys:
        _copy(session, f"SELECT {chosen} FROM staged", base, table)
    else:
        listed = ", ".join(f'CAST("{key}" AS VARCHAR)' for key in keys)
        found = session.connection.execute(f"SELECT DISTINCT {listed} FROM staged ORDER BY ALL").fetchall()
        if len(found) > limits.ATHENA_OPEN_PARTITIONS:
            raise QueryFailed(
                "HIVE_TOO_MANY_OPEN_PARTITIONS",
                f"Exceeded limit of {limits.ATHENA_OPEN_PARTITIONS} open writers for partitions/buckets: the query "
                f"writes {len(found)}. Write them in several statements.",
            )
        for values in found:
            where = " AND ".join(
                f'CAST("{key}" AS VARCHAR) IS NOT DISTINCT FROM {_literal(value)}'
                for key, value in zip(keys, values, strict=True)
            )
            named = ["__HIVE_DEFAULT_PARTITION__" if value is None else value for value in values]
            folder = (
                base + "/".join(f"{key}={quote(value, safe=' ')}" for key, value in zip(keys, named, strict=True)) + "/"
            )
            _copy(session, f"SELECT {chosen} FROM staged WHERE {where}", folder, table)
            _register(table, tables.Partition(tuple(named), folder))
    return session.connection.execute("SELECT count(*) FROM staged").fetchall()[0][0]


def _literal(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def _copy(session: Session, sql: str, folder: str, table: dict) -> str:
    form = tables.data_format(table)
    serde = (table["StorageDescriptor"].get("SerdeInfo") or {}).get("Parameters") or {}
    if form == "parquet":
        options = "FORMAT PARQUET, COMPRESSION ZSTD"
    elif form == "json":
        options = "FORMAT JSON"
    else:
        options = (
            f"FORMAT CSV, HEADER false, DELIMITER '{serde.get('field.delim') or serde.get('separatorChar') or ','}'"
        )
    return _copy_as(session, sql, folder, options)


def _copy_as(session: Session, sql: str, folder: str, options: str) -> str:
    session.temp_dir.mkdir(parents=True, exist_ok=True)
    path = session.temp_dir / str(uuid.uuid4())
    try:
        session.connection.execute(f"COPY ({sql}) TO '{path}' ({options})")
        uri = f"{folder}{session.query_id}_{uuid.uuid4()}"
        s3_files.write(uri, path.read_bytes())
    except s3_files.NoSuchObject as failure:
        raise QueryFailed("GENERIC_USER_ERROR", f"{folder} cannot be written: {failure}") from failure
    finally:
        path.unlink(missing_ok=True)
    return uri


def _unload(session: Session, statement: statements.Unload) -> Result:
    location = statement.location.rstrip("/") + "/"
    if s3_files.below(location):
        raise QueryFailed("HIVE_PATH_ALREADY_EXISTS", f"Target directory for table already exists: {location}")
    form = str(statement.properties.get("format", "PARQUET")).upper()
    options = {
        "PARQUET": "FORMAT PARQUET, COMPRESSION ZSTD",
        "JSON": "FORMAT JSON",
        "TEXTFILE": f"FORMAT CSV, HEADER false, DELIMITER '{statement.properties.get('field_delimiter', chr(1))}'",
        "CSV": f"FORMAT CSV, HEADER false, DELIMITER '{statement.properties.get('field_delimiter', ',')}'",
    }.get(form)
    if options is None:
        raise QueryFailed("NOT_SUPPORTED", f"UNLOAD cannot write {form} on this machine")
    staged = [name for name, _ in _stage(session, statement.sql, None)]
    keys = statement.properties.get("partitioned_by") or []
    rest = ", ".join(f'"{name}"' for name in staged if name not in keys)
    if not keys:
        _copy_as(session, f"SELECT {rest} FROM staged", location, options)
    else:
        listed = ", ".join(f'CAST("{key}" AS VARCHAR)' for key in keys)
        for values in session.connection.execute(f"SELECT DISTINCT {listed} FROM staged").fetchall():
            pairs = list(zip(keys, values, strict=True))
            where = " AND ".join(
                f'CAST("{key}" AS VARCHAR) IS NOT DISTINCT FROM {_literal(value)}' for key, value in pairs
            )
            folder = location + "/".join(f"{key}={quote(str(value), safe=' ')}" for key, value in pairs) + "/"
            _copy_as(session, f"SELECT {rest} FROM staged WHERE {where}", folder, options)
    written = session.connection.execute("SELECT count(*) FROM staged").fetchall()[0][0]
    return Result(["rows"], ["bigint"], [], session.scanned, written)


def _register(table: dict, partition: tables.Partition) -> bool:
    """Add a partition to the catalog; False when it was there."""
    storage = {**table["StorageDescriptor"], "Location": partition.location.rstrip("/")}
    known = glue._partitions.get(f"{table['DatabaseName']}/{table['Name']}") or []
    if any(tuple(existing.get("Values", [])) == partition.values for existing in known):
        return False
    made = glue_catalog.change(
        "CreatePartition",
        DatabaseName=table["DatabaseName"],
        TableName=table["Name"],
        PartitionInput={"Values": list(partition.values), "StorageDescriptor": storage, "Parameters": {}},
    )
    _done(made)
    return True


def _partition(table: dict, spec: dict[str, str], where: str = "") -> tables.Partition:
    keys = [name.lower() for name, _ in tables.partition_keys(table)]
    if set(keys) != set(spec):
        raise QueryFailed(
            "SEMANTIC_ERROR", f"FAILED: ValidationException partition spec {spec} does not match the keys {keys}"
        )
    folder = where or tables.location(table) + "/".join(f"{key}={spec[key]}" for key in keys)
    return tables.Partition(tuple(spec[key] for key in keys), folder.rstrip("/") + "/")


def _add_partitions(_: Session, statement: statements.AddPartitions) -> Result:
    table = tables.find(statement.name.database, statement.name.table)
    for spec, where in statement.partitions:
        if not _register(table, _partition(table, spec, where)) and not statement.if_not_exists:
            raise QueryFailed("ALREADY_EXISTS", f"FAILED: Execution Error, partition already exists: {spec}")
    return Result()


def _set_location(_: Session, statement: statements.SetLocation) -> Result:
    table = tables.find(statement.name.database, statement.name.table)
    partition = _partition(table, statement.partition, statement.location)
    known = glue._partitions.get(f"{table['DatabaseName']}/{table['Name']}") or []
    found = next((each for each in known if tuple(each.get("Values", [])) == partition.values), None)
    if found is None:
        raise QueryFailed(
            "SEMANTIC_ERROR", f"FAILED: SemanticException [Error 10006]: Partition not found {statement.partition}"
        )
    moved = {"Location": partition.location.rstrip("/")}
    changed = {
        "Values": list(partition.values),
        "StorageDescriptor": {**found["StorageDescriptor"], **moved},
        "Parameters": found.get("Parameters", {}),
    }
    _done(
        glue_catalog.change(
            "BatchUpdatePartition",
            DatabaseName=table["DatabaseName"],
            TableName=table["Name"],
            Entries=[{"PartitionValueList": list(partition.values), "PartitionInput": changed}],
        )
    )
    return Result()


def _drop_partitions(_: Session, statement: statements.DropPartitions) -> Result:
    table = tables.find(statement.name.database, statement.name.table)
    for spec in statement.partitions:
        values = list(_partition(table, spec).values)
        known = glue._partitions.get(f"{table['DatabaseName']}/{table['Name']}") or []
        if not any(existing.get("Values") == values for existing in known) and not statement.if_exists:
            raise QueryFailed("SEMANTIC_ERROR", f"FAILED: SemanticException partition not found: {spec}")
        glue_catalog.change(
            "DeletePartition", DatabaseName=table["DatabaseName"], TableName=table["Name"], PartitionValues=values
        )
    return Result()


def _repair(_: Session, statement: statements.Repair) -> Result:
    table = tables.find(statement.name.database, statement.name.table)
    added = [partition for partition in tables.by_path(table) if _register(table, partition)]
    keys = [name for name, _ in tables.partition_keys(table)]
    label = f"{table['DatabaseName']}.{table['Name']}"
    shown = [
        "/".join(f"{key}={value}" for key, value in zip(keys, partition.values, strict=True)) for partition in added
    ]
    messages = [f"Partitions not in metastore: {' '.join(f'{label}:{text}' for text in shown)}"] if shown else []
    return results.lines(
        "result", [*messages, *(f"Repair: Added partition to metastore {label}:{text}" for text in shown)]
    )


def _show(_: Session, statement: statements.Show) -> Result:
    name, pattern = statement.name, statement.pattern
    if statement.kind == "databases":
        return results.lines("database_name", [item for item in sorted(glue._databases) if _like(item, pattern)])
    if statement.kind in ("tables", "views"):
        if name.database not in glue._databases:
            raise schema_not_found(name.database)
        found = [table for key, table in sorted(glue._tables.items()) if key.startswith(f"{name.database}/")]
        if statement.kind == "views":
            found = [table for table in found if table.get("TableType") == "VIRTUAL_VIEW"]
        return results.lines("tab_name", [table["Name"] for table in found if _like(table["Name"], pattern)])
    table = tables.find(name.database, name.table)
    keys = tables.partition_keys(table)
    if statement.kind == "partitions":
        if not keys:
            raise QueryFailed(
                "SEMANTIC_ERROR", f"FAILED: Table {name.database}.{name.table} is not a partitioned table"
            )
        shown = [
            "/".join(f"{k}={v}" for (k, _), v in zip(keys, item.values, strict=True))
            for item in tables.partitions(table)
        ]
        return results.lines("partition", sorted(shown))
    if statement.kind == "columns":
        return results.lines("field", [column for column, _ in [*tables.columns(table), *keys]])
    if statement.kind == "create":
        return results.lines("createtab_stmt", _create_text(table).splitlines())
    rows = [f"{column:<20}\t{kind:<20}\t{'':<20}" for column, kind in [*tables.columns(table), *keys]]
    if keys:
        rows += [
            "\t \t ",
            "# Partition Information\t \t ",
            "# col_name            \tdata_type           \tcomment             ",
            "\t \t ",
        ]
        rows += [f"{column:<20}\t{kind:<20}\t{'':<20}" for column, kind in keys]
    return results.lines("col_name", rows)


def _create_text(table: dict) -> str:
    if table.get("TableType") == "VIRTUAL_VIEW":
        return f"CREATE VIEW {table['DatabaseName']}.{table['Name']} AS\n{_view_definition(table)['originalSql']}"
    shown = ",\n".join(f"  `{name}` {kind}" for name, kind in tables.columns(table))
    keys = ",\n".join(f"  `{name}` {kind}" for name, kind in tables.partition_keys(table))
    partitioned = f"\nPARTITIONED BY (\n{keys})" if keys else ""
    storage = table["StorageDescriptor"]
    serde = (storage.get("SerdeInfo") or {}).get("SerializationLibrary", "")
    return (
        f"CREATE EXTERNAL TABLE `{table['DatabaseName']}.{table['Name']}`(\n{shown}){partitioned}\n"
        f"ROW FORMAT SERDE\n  '{serde}'\nSTORED AS INPUTFORMAT\n  '{storage.get('InputFormat', '')}'\n"
        f"OUTPUTFORMAT\n  '{storage.get('OutputFormat', '')}'\nLOCATION\n  '{storage.get('Location', '')}'"
    )


def _like(name: str, pattern: str) -> bool:
    return not pattern or any(fnmatch.fnmatch(name, part) for part in pattern.replace("%", "*").split("|"))


def _drop(_: Session, statement: statements.Drop) -> Result:
    name = statement.name
    if statement.kind == "database":
        if name.table not in glue._databases:
            if statement.if_exists:
                return Result()
            raise schema_not_found(name.table)
        if not statement.cascade and any(key.startswith(f"{name.table}/") for key in glue._tables):
            raise QueryFailed(
                "GENERIC_USER_ERROR",
                "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
                f"InvalidOperationException(message:Database {name.table} is not empty. One or more tables exist.): "
                "use CASCADE",
            )
        glue_catalog.change("DeleteDatabase", Name=name.table)
        return Result()
    try:
        table = tables.find(name.database, name.table)
    except QueryFailed:
        if statement.if_exists:
            return Result()
        raise
    if (table.get("TableType") == "VIRTUAL_VIEW") != (statement.kind == "view"):
        raise QueryFailed("SEMANTIC_ERROR", f"line 1:1: '{name.database}.{name.table}' is not a {statement.kind}")
    glue_catalog.change("DeleteTable", DatabaseName=name.database, Name=name.table)
    return Result()


def _create_database(_: Session, statement: statements.CreateDatabase) -> Result:
    if statement.name in glue._databases:
        if statement.if_not_exists:
            return Result()
        raise QueryFailed("SCHEMA_ALREADY_EXISTS", f"line 1:1: Schema '{statement.name}' already exists")
    made = {"Name": statement.name, "LocationUri": statement.location}
    _done(glue_catalog.change("CreateDatabase", DatabaseInput=made))
    return Result()


def _execute(session: Session, statement: statements.Execute) -> Result:
    sql = session.prepared(statement.name)
    return run(session, statements.parse(with_values(sql, statement.values), session.database))


def with_values(sql: str, values: list[str]) -> str:
    """Put the values in the places of the question marks outside of quotes."""
    parts = re.split(r"('(?:[^']|'')*'|\?)", sql)
    places = [number for number, part in enumerate(parts) if part == "?"]
    if len(places) != len(values):
        raise QueryFailed(
            "INVALID_PARAMETER_USAGE",
            f"line 1:1: Incorrect number of parameters: expected {len(places)} but found {len(values)}",
        )
    for place, value in zip(places, values, strict=True):
        parts[place] = value
    return "".join(parts)


def _hive_ddl(session: Session, statement: statements.HiveDdl) -> Result:
    ddl = ministack_athena._parse_ddl(statement.sql)
    if ddl is None:
        raise QueryFailed("SYNTAX_ERROR", f"line 1:1: this CREATE TABLE cannot be read: {statement.sql[:200]}")
    try:
        ministack_athena._run_ddl(ddl, session.database)
    except ValueError as failure:
        raise QueryFailed("GENERIC_USER_ERROR", f"FAILED: {failure}") from failure
    return Result()


def _done(answer: Any) -> None:
    status, _, body = answer
    if status >= 300:
        raise QueryFailed("GENERIC_USER_ERROR", json.loads(body).get("message", str(body)))


_RUN: dict[type, Callable[[Session, Any], Result]] = {
    statements.Query: _query,
    statements.CreateTableAs: _create_table_as,
    statements.Insert: _insert,
    statements.Unload: _unload,
    statements.CreateView: _create_view,
    statements.Drop: _drop,
    statements.CreateDatabase: _create_database,
    statements.AddPartitions: _add_partitions,
    statements.SetLocation: _set_location,
    statements.DropPartitions: _drop_partitions,
    statements.Repair: _repair,
    statements.Show: _show,
    statements.Execute: _execute,
    statements.HiveDdl: _hive_ddl,
}
