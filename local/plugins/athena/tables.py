"""A catalog table as a DuckDB relation over its files."""

from __future__ import annotations

import csv
import gzip
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ministack.services import glue

from local import hive_types
from local.permissions import recorder
from local.plugins.athena.errors import QueryFailed, schema_not_found, table_not_found
from local.services import s3_files

OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"


@dataclass(frozen=True)
class Partition:
    """The values of the partition keys, and where its files are."""

    values: tuple[str, ...]
    location: str


def find(database: str, name: str) -> dict[str, Any]:
    """The catalog's table. Raises SCHEMA_NOT_FOUND or TABLE_NOT_FOUND."""
    recorder.asks_by_request("glue", "GetDatabase", {"Name": database})
    recorder.asks_by_request("glue", "GetTable", {"DatabaseName": database, "Name": name})
    if database not in glue._databases:
        raise schema_not_found(database)
    table = glue._tables.get(f"{database}/{name}")
    if table is None:
        raise table_not_found(database, name)
    return table


def location(table: dict) -> str:
    """The address of the table's files, closed by a slash: s3://b/t must not find s3://b/t2."""
    return (table.get("StorageDescriptor") or {}).get("Location", "").rstrip("/") + "/"


def columns(table: dict) -> list[tuple[str, str]]:
    return [(column["Name"], column.get("Type", "string")) for column in table["StorageDescriptor"].get("Columns", [])]


def partition_keys(table: dict) -> list[tuple[str, str]]:
    return [(column["Name"], column.get("Type", "string")) for column in table.get("PartitionKeys") or []]


def data_format(table: dict) -> str:
    """parquet, json, csv or opencsv."""
    storage = table["StorageDescriptor"]
    library = (storage.get("SerdeInfo") or {}).get("SerializationLibrary", "")
    classification = (table.get("Parameters") or {}).get("classification", "")
    text = f"{storage.get('InputFormat', '')} {library} {classification}".lower()
    if library == OPEN_CSV:
        return "opencsv"
    for word in ("parquet", "json"):
        if word in text:
            return word
    if "orc" in text or "avro" in text:
        raise QueryFailed("NOT_SUPPORTED", f"the format of table {table['Name']} cannot be read on this machine")
    return "csv"


def partitions(table: dict) -> list[Partition]:
    """What the catalog has registered, or what its projection names and S3 holds."""
    parameters = table.get("Parameters") or {}
    if str(parameters.get("projection.enabled", "")).lower() == "true":
        return _projected(table, parameters)
    key = f"{table['DatabaseName']}/{table['Name']}"
    recorder.asks_by_request(
        "glue", "GetPartitions", {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
    )
    registered = []
    for partition in glue._partitions.get(key) or []:
        where = (partition.get("StorageDescriptor") or {}).get("Location", "").rstrip("/") + "/"
        registered.append(Partition(tuple(partition.get("Values", [])), where))
    return registered


def by_path(table: dict) -> list[Partition]:
    """The partitions whose folders follow Hive's key=value: what MSCK REPAIR TABLE finds."""
    keys = [name for name, _ in partition_keys(table)]
    base = location(table)
    found = {}
    for item in s3_files.below(base):
        parts = item.uri[len(base) :].split("/")[: len(keys)]
        pairs = [part.partition("=") for part in parts]
        if len(pairs) == len(keys) and all(
            pair[0].lower() == key.lower() and pair[1] for pair, key in zip(pairs, keys, strict=True)
        ):
            values = tuple(unquote(pair[2]) for pair in pairs)
            found[values] = Partition(values, base + "/".join(parts) + "/")
    return [found[values] for values in sorted(found)]


def _projected(table: dict, parameters: dict) -> list[Partition]:
    keys = [name for name, _ in partition_keys(table)]
    base = location(table)
    template = parameters.get("storage.location.template") or base + "/".join(f"{key}=${{{key}}}" for key in keys)
    pattern = re.escape(template.rstrip("/") + "/")
    for key in keys:
        pattern = pattern.replace(re.escape(f"${{{key}}}"), f"(?P<{key}>[^/]+)", 1)
    found = {}
    for item in s3_files.below(template.split("${")[0]):
        match = re.match(pattern, item.uri)
        if match and all(_in_projection(parameters, key, unquote(match[key])) for key in keys):
            values = tuple(unquote(match[key]) for key in keys)
            found[values] = Partition(values, match[0])
    return [found[values] for values in sorted(found)]


def _in_projection(parameters: dict, key: str, value: str) -> bool:
    kind = parameters.get(f"projection.{key}.type", "")
    allowed = parameters.get(f"projection.{key}.values", "")
    if kind == "enum":
        return value in [item.strip() for item in allowed.split(",")]
    low, _, high = (part.strip() for part in parameters.get(f"projection.{key}.range", "").partition(","))
    if kind == "integer":
        return value.lstrip("-").isdigit() and int(low) <= int(value) <= int(high)
    if kind == "date":
        # Same width on both sides, so text order is time order; NOW is open to the right.
        return low <= value and (high.startswith("NOW") or value <= high)
    return True


def key_names(database: str, name: str) -> list[str]:
    return [key for key, _ in partition_keys(find(database, name))]


def relation(connection: Any, table: dict, with_path: bool, wanted_partitions: str = "") -> tuple[str, int]:
    """A SELECT over the table's files with the catalog's columns and types, and the bytes that it covers.

    ``wanted_partitions`` is a condition in DuckDB's SQL: the files of other partitions are not looked at.
    """
    keys = partition_keys(table)
    if keys:
        chosen_ones = _wanted(connection, partitions(table), keys, wanted_partitions)
        groups = [(partition, s3_files.below(partition.location)) for partition in chosen_ones]
        groups = [(partition, files) for partition, files in groups if files]
    else:
        files = s3_files.below(location(table))
        groups = [(Partition((), location(table)), files)] if files else []
    for _, files in groups:
        s3_files.taken(files)
    size = sum(item.size for _, files in groups for item in files)
    wanted = columns(table)
    if not groups:
        empty = [f'CAST(NULL AS {hive_types.to_duckdb(kind)}) AS "{name}"' for name, kind in [*wanted, *keys]]
        path = [] if not with_path else ['CAST(NULL AS VARCHAR) AS "$path"']
        return f"SELECT {', '.join(empty + path)} WHERE false", size
    paths = [str(item.path) for _, files in groups for item in files]
    source, have = _reader(connection, table, wanted, paths)
    chosen = [_column(name, kind, have, table) for name, kind in wanted]
    joined = ""
    if keys:
        # One reader for all files, and the partition values joined by file: a UNION of a reader per partition
        # would be planned for longer than it runs.
        rows = [(str(item.path), *partition.values) for partition, files in groups for item in files]
        connection.execute(
            "CREATE TEMP TABLE IF NOT EXISTS partition_files (path VARCHAR, source VARCHAR, key_values VARCHAR[])"
        )
        label = f"{table['DatabaseName']}.{table['Name']} {wanted_partitions}"
        connection.executemany(
            "INSERT INTO partition_files VALUES (?, ?, ?)", [(row[0], label, list(row[1:])) for row in rows]
        )
        quoted = label.replace("'", "''")
        joined = f" JOIN (SELECT path, key_values FROM partition_files WHERE source = '{quoted}') AS p"
        joined += " ON p.path = f.filename"
        for number, (name, kind) in enumerate(keys, 1):
            value = f"NULLIF(p.key_values[{number}], '__HIVE_DEFAULT_PARTITION__')"
            chosen.append(f'CAST({value} AS {hive_types.to_duckdb(kind)}) AS "{name}"')
    if with_path:
        root = str(groups[0][1][0].path)[: -len(f"{groups[0][1][0].bucket}/{groups[0][1][0].key}")]
        chosen.append(f"'s3://' || substr(f.filename, {len(root) + 1}) AS \"$path\"")
    return f"SELECT {', '.join(chosen)} FROM {source} AS f{joined}", size


def _wanted(connection: Any, found: list[Partition], keys: list[tuple[str, str]], condition: str) -> list[Partition]:
    if not condition or not found:
        return found
    typed = []
    for number, (name, kind) in enumerate(keys, 1):
        value = f"NULLIF(key_values[{number}], '__HIVE_DEFAULT_PARTITION__')"
        typed.append(f'CAST({value} AS {hive_types.to_duckdb(kind)}) AS "{name}"')
    listed = "SELECT unnest(?) AS place, unnest(?) AS key_values"
    kept = connection.execute(
        f"SELECT place FROM (SELECT place, {', '.join(typed)} FROM ({listed})) WHERE {condition}",
        [list(range(len(found))), [list(partition.values) for partition in found]],
    ).fetchall()
    return [found[place] for place in sorted(row[0] for row in kept)]


def _column(name: str, kind: str, have: dict[str, str], table: dict) -> str:
    wanted = hive_types.to_duckdb(kind)
    actual = have.get(name.lower())
    if actual is None:
        return f'CAST(NULL AS {wanted}) AS "{name}"'
    if data_format(table) == "parquet":
        families = hive_types.family(actual), hive_types.family(wanted)
        if families[0] != families[1]:
            raise QueryFailed(
                "HIVE_BAD_DATA",
                f"Field {name}'s type {actual} in parquet file is incompatible with type {kind} "
                "defined in table schema",
            )
        return f'CAST(f."{name}" AS {wanted}) AS "{name}"'
    if actual == "VARCHAR" and wanted != "VARCHAR":
        # A text file whose value does not fit gives NULL, not an error.
        return f'TRY_CAST(NULLIF(f."{name}", \'\') AS {wanted}) AS "{name}"'
    return f'f."{name}" AS "{name}"'


def _reader(connection: Any, table: dict, wanted: list, paths: list[str]) -> tuple[str, dict[str, str]]:
    """A DuckDB table function over the files, and the columns that it gives."""
    files = "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
    form = data_format(table)
    if form == "parquet":
        source = f"read_parquet({files}, filename = true, union_by_name = true, hive_partitioning = false)"
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        return source, {name.lower(): kind for name, kind, *_ in described}
    if form == "json":
        fields = ", ".join(f"'{name}': '{hive_types.to_duckdb(kind)}'" for name, kind in wanted)
        source = (
            f"read_json({files}, format = 'newline_delimited', filename = true, hive_partitioning = false, "
            f"columns = {{{fields}}})"
        )
        return source, {name.lower(): hive_types.to_duckdb(kind) for name, kind in wanted}
    return _csv_reader(table, form, wanted, paths, files)


def _csv_reader(table: dict, form: str, wanted: list, paths: list[str], files: str) -> tuple[str, dict[str, str]]:
    serde = (table["StorageDescriptor"].get("SerdeInfo") or {}).get("Parameters") or {}
    parameters = table.get("Parameters") or {}
    skip = int(parameters.get("skip.header.line.count") or serde.get("skip.header.line.count") or 0)
    if form == "opencsv":
        delimiter, quote = serde.get("separatorChar", ","), serde.get("quoteChar", '"')
        # The database knows one escape: doubled quotes, which OpenCSVSerde reads besides the one that it is given.
        escape = serde.get("escapeChar", quote) if serde.get("escapeChar") not in (None, "\\", "\x01") else quote
    else:
        delimiter = serde.get("field.delim") or serde.get("serialization.format") or "\x01"
        delimiter, quote, escape = ("\x01" if delimiter == "1" else delimiter), "", ""
    names = [name for name, _ in wanted]
    for path in paths[:1]:
        with gzip.open(path, "rt") if path.endswith(".gz") else open(path, newline="") as file:
            first = next(
                csv.reader(
                    file,
                    delimiter=delimiter,
                    quotechar=quote or None,
                    quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
                ),
                [],
            )
        names += [f"$rest{number}" for number in range(len(first) - len(names))]
    fields = ", ".join("'" + name.replace("'", "''") + "': 'VARCHAR'" for name in names)
    literal = {"delim": delimiter, "quote": quote, "escape": escape}
    options = ", ".join(f"{key} = '" + value.replace("'", "''") + "'" for key, value in literal.items())
    nulls = ", nullstr = '\\N'" if form == "csv" else ""
    source = (
        f"read_csv({files}, header = false, skip = {skip}, auto_detect = false, {options}{nulls}, "
        f"columns = {{{fields}}}, null_padding = true, strict_mode = false, filename = true, hive_partitioning = false)"
    )
    return source, {name.lower(): "VARCHAR" for name in names}
