"""The column types of the Glue catalog, as DuckDB and Athena name them."""

from __future__ import annotations

import re

_SIMPLE = {
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
    "varchar": "VARCHAR",
    "char": "VARCHAR",
    "binary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
_HIVE = {
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "UTINYINT": "smallint",
    "INTEGER": "int",
    "USMALLINT": "int",
    "BIGINT": "bigint",
    "UINTEGER": "bigint",
    "UBIGINT": "bigint",
    "HUGEINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "VARCHAR": "string",
    "JSON": "string",
    "UUID": "string",
    "BLOB": "binary",
    "DATE": "date",
}
_ATHENA = {"string": "varchar", "int": "integer", "binary": "varbinary"}


class UnknownType(ValueError):
    """A type that the catalog does not have."""


def to_duckdb(hive: str) -> str:
    """``array<struct<a:int>>`` -> ``STRUCT("a" INTEGER)[]``."""
    text = hive.strip().lower()
    if text.startswith("array<"):
        return f"{to_duckdb(text[6:-1])}[]"
    if text.startswith("map<"):
        key, value = _parts(text[4:-1])
        return f"MAP({to_duckdb(key)}, {to_duckdb(value)})"
    if text.startswith("struct<"):
        fields = [part.partition(":") for part in _parts(hive.strip()[7:-1])]
        return "STRUCT({})".format(", ".join(f'"{name.strip()}" {to_duckdb(kind)}' for name, _, kind in fields))
    if text.startswith("decimal"):
        return text.upper() if "(" in text else "DECIMAL(10, 0)"
    base = text.partition("(")[0].strip()
    if base not in _SIMPLE:
        raise UnknownType(f"unknown column type {hive!r}")
    return _SIMPLE[base]


def to_hive(duckdb: str) -> str:
    """``STRUCT(a INTEGER)[]`` -> ``array<struct<a:int>>``."""
    text = duckdb.strip()
    if text.endswith("]"):
        return f"array<{to_hive(text[: text.rindex('[')])}>"
    if text.startswith("MAP("):
        key, value = _parts(text[4:-1])
        return f"map<{to_hive(key)},{to_hive(value)}>"
    if text.startswith("STRUCT("):
        fields = [_field(part) for part in _parts(text[7:-1])]
        return "struct<{}>".format(",".join(f"{name}:{to_hive(kind)}" for name, kind in fields))
    if text.startswith("DECIMAL"):
        return text.lower().replace(" ", "")
    if text.startswith("TIMESTAMP"):
        return "timestamp"
    return _HIVE.get(text, "string")


def to_athena(duckdb: str) -> str:
    """The type that a result column has in GetQueryResults."""
    if duckdb.startswith("TIMESTAMP"):
        return "timestamp with time zone" if "TIME ZONE" in duckdb else "timestamp"
    if duckdb == "JSON":
        return "json"
    hive = to_hive(duckdb)
    for prefix, name in (("array", "array"), ("map", "map"), ("struct", "row"), ("decimal", "decimal")):
        if hive.startswith(prefix):
            return name
    return _ATHENA.get(hive, hive)


def family(duckdb: str) -> str:
    """Types of one family are read as one another; others are bad data to Athena."""
    kind = re.sub(r"\(.*", "", duckdb)
    if duckdb.endswith("]") or kind in ("MAP", "STRUCT"):
        return "nested"
    if kind in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"):
        return "integer"
    if kind in ("FLOAT", "DOUBLE"):
        return "floating"
    if kind in ("VARCHAR", "JSON", "UUID"):
        return "text"
    return "timestamp" if kind.startswith("TIMESTAMP") else kind.lower()


_WIDTH = ("tinyint", "smallint", "integer", "bigint", "real", "double")


def coerced(duckdb: str, athena: str) -> str | None:
    """What DuckDB casts a column to so that it is what a view declares: "" as it is, None where Trino would not."""
    wanted = re.sub(r"\(.*", "", athena.strip().lower())
    wanted = {"int": "integer", "float": "real", "string": "varchar", "char": "varchar", "struct": "row"}.get(
        wanted, wanted
    )
    given = to_athena(duckdb)
    given = {"float": "real"}.get(given, given)
    if given == wanted or {given, wanted} <= {"timestamp", "timestamp with time zone"}:
        return ""
    if {given, wanted} <= set(_WIDTH):
        # Sums and counts of whole numbers are wider in DuckDB than in Trino; what is called so is what it shows.
        return to_duckdb(wanted) if _WIDTH.index(given) <= _WIDTH.index(wanted) else None
    return to_duckdb(athena) if given in _WIDTH[:4] and wanted == "decimal" else None


def _field(text: str) -> tuple[str, str]:
    if text.startswith('"'):
        end = text.index('"', 1)
        return text[1:end], text[end + 1 :].strip()
    name, _, kind = text.partition(" ")
    return name, kind.strip()


def _parts(text: str) -> list[str]:
    """Split at the commas that are not inside brackets."""
    parts, depth, current = [], 0, ""
    for character in text:
        depth += character in "<([" and 1
        depth -= character in ">)]" and 1
        if character == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    return [*parts, current.strip()]
