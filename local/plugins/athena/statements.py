"""Which statement a text is. Athena has two grammars: Trino's for queries, Hive's for most of DDL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from local.plugins.athena.errors import QueryFailed


@dataclass(frozen=True)
class Name:
    database: str
    table: str


@dataclass(frozen=True)
class Query:
    """SELECT, WITH, VALUES."""

    sql: str


@dataclass(frozen=True)
class CreateTableAs:
    name: Name
    properties: dict[str, Any]
    sql: str
    if_not_exists: bool = False
    with_data: bool = True


@dataclass(frozen=True)
class Insert:
    name: Name
    columns: list[str]
    sql: str


@dataclass(frozen=True)
class Unload:
    sql: str
    location: str
    properties: dict[str, Any]


@dataclass(frozen=True)
class CreateView:
    name: Name
    sql: str
    replace: bool


@dataclass(frozen=True)
class Drop:
    """``kind`` is table, view or database."""

    kind: str
    name: Name
    if_exists: bool
    cascade: bool = False


@dataclass(frozen=True)
class CreateDatabase:
    name: str
    if_not_exists: bool
    location: str


@dataclass(frozen=True)
class AddPartitions:
    name: Name
    if_not_exists: bool
    partitions: list[tuple[dict[str, str], str]]


@dataclass(frozen=True)
class DropPartitions:
    name: Name
    if_exists: bool
    partitions: list[dict[str, str]]


@dataclass(frozen=True)
class SetLocation:
    name: Name
    partition: dict[str, str]
    location: str


@dataclass(frozen=True)
class Repair:
    name: Name


@dataclass(frozen=True)
class Show:
    """``kind`` is partitions, tables, databases, columns, views, create or describe."""

    kind: str
    name: Name
    pattern: str = ""


@dataclass(frozen=True)
class Execute:
    name: str
    values: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class HiveDdl:
    """CREATE EXTERNAL TABLE, which MiniStack reads well."""

    sql: str


_NAME = r"[`\"]?(?:(?P<database>[\w-]+)[`\"]?\.[`\"]?)?(?P<table>[\w-]+)[`\"]?"
_LITERAL = r"'(?:[^']|'')*'|[\d.]+|true|false"


def without_comments(sql: str) -> str:
    """The text from its first word on."""
    return re.sub(r"^(\s*(--[^\n]*\n|/\*.*?\*/))+", "", sql, flags=re.S).strip()


def parse(sql: str, database: str):
    """The statement in ``sql``; names without a database are in ``database``."""
    text = without_comments(sql).rstrip(";").strip()
    for pattern, make in _RULES:
        if match := re.match(pattern, text, re.I | re.S):
            return make(match, database)
    first = re.match(r"\(*\s*(\w+)", text)
    if first and first[1].lower() in ("select", "with", "values", "table", "explain"):
        return Query(text)
    word = first[1] if first else text[:20]
    raise QueryFailed("SYNTAX_ERROR", f"line 1:1: mismatched input '{word}'")


def _name(match: re.Match, database: str) -> Name:
    return Name((match["database"] or database).lower(), match["table"].lower())


def _partition_spec(text: str) -> dict[str, str]:
    pairs = re.findall(rf"[`\"]?(\w+)[`\"]?\s*=\s*({_LITERAL})", text, re.I)
    if not pairs:
        raise QueryFailed("SYNTAX_ERROR", f"line 1:1: a partition needs key = 'value', got ({text})")
    return {key.lower(): value.strip("'").replace("''", "'") for key, value in pairs}


def _properties(text: str | None) -> dict[str, Any]:
    """``format = 'PARQUET', partitioned_by = ARRAY['dt']`` -> a dictionary."""
    found: dict[str, Any] = {}
    for key, value in re.findall(rf"(\w+)\s*=\s*(ARRAY\s*\[[^\]]*\]|{_LITERAL})", text or "", re.I):
        if value.upper().startswith("ARRAY"):
            found[key.lower()] = re.findall(r"'([^']*)'", value)
        else:
            found[key.lower()] = value.strip("'")
    return found


def _add_partitions(match: re.Match, database: str) -> AddPartitions:
    added = re.findall(r"PARTITION\s*\(([^)]*)\)(?:\s*LOCATION\s*'([^']*)')?", match["rest"], re.I)
    partitions = [(_partition_spec(spec), location) for spec, location in added]
    return AddPartitions(_name(match, database), bool(match["exists"]), partitions)


def _drop_partitions(match: re.Match, database: str) -> DropPartitions:
    dropped = [_partition_spec(spec) for spec in re.findall(r"PARTITION\s*\(([^)]*)\)", match["rest"], re.I)]
    return DropPartitions(_name(match, database), bool(match["exists"]), dropped)


def _create_table_as(match: re.Match, database: str) -> CreateTableAs:
    query, with_data = match["sql"], True
    if ending := re.search(r"\s+WITH\s+(NO\s+)?DATA\s*$", query, re.I):
        query, with_data = query[: ending.start()], not ending[1]
    return CreateTableAs(_name(match, database), _properties(match["with"]), query, bool(match["exists"]), with_data)


def _insert(match: re.Match, database: str) -> Insert:
    columns = [name.strip(' "`').lower() for name in (match["columns"] or "").split(",") if name.strip()]
    return Insert(_name(match, database), columns, match["sql"])


def _show(kind: str):
    def make(match: re.Match, database: str) -> Show:
        groups = match.groupdict()
        within = (groups.get("database") or database).lower()
        return Show(kind, Name(within, (groups.get("table") or "").lower()), groups.get("pattern") or "")

    return make


def _drop(kind: str):
    def make(match: re.Match, database: str) -> Drop:
        cascade = match.groupdict().get("cascade")
        return Drop(kind, _name(match, database), bool(match["exists"]), bool(cascade))

    return make


_EXISTS = r"(?P<exists>IF\s+EXISTS\s+)?"
_NOT_EXISTS = r"(?P<exists>IF\s+NOT\s+EXISTS\s+)?"
_LIKE = r"(?:\s+(?:LIKE\s+)?'(?P<pattern>[^']*)')?$"
_WITH = r"(?:\s+WITH\s*\((?P<with>(?:[^()']|'[^']*'|\([^)]*\))*)\))?"

_RULES = (
    (r"CREATE\s+EXTERNAL\s+TABLE\b", lambda match, database: HiveDdl(match.string)),
    (
        rf"CREATE\s+TABLE\s+{_NOT_EXISTS}{_NAME}{_WITH}\s+AS\s+(?P<sql>.+)$",
        _create_table_as,
    ),
    (r"CREATE\s+TABLE\b", lambda match, database: HiveDdl(match.string)),
    (
        rf"CREATE\s+(?P<replace>OR\s+REPLACE\s+)?VIEW\s+{_NAME}\s+AS\s+(?P<sql>.+)$",
        lambda match, database: CreateView(_name(match, database), match["sql"], bool(match["replace"])),
    ),
    (
        rf"CREATE\s+(?:DATABASE|SCHEMA)\s+{_NOT_EXISTS}[`\"]?(?P<name>[\w-]+)[`\"]?(?:.*?LOCATION\s+'(?P<location>[^']*)')?",
        lambda match, _: CreateDatabase(match["name"].lower(), bool(match["exists"]), match["location"] or ""),
    ),
    (rf"DROP\s+TABLE\s+{_EXISTS}{_NAME}$", _drop("table")),
    (rf"DROP\s+VIEW\s+{_EXISTS}{_NAME}$", _drop("view")),
    (rf"DROP\s+(?:DATABASE|SCHEMA)\s+{_EXISTS}{_NAME}(?:\s+(?:(?P<cascade>CASCADE)|RESTRICT))?$", _drop("database")),
    (rf"ALTER\s+TABLE\s+{_NAME}\s+ADD\s+{_NOT_EXISTS}(?P<rest>PARTITION.+)$", _add_partitions),
    (rf"ALTER\s+TABLE\s+{_NAME}\s+DROP\s+{_EXISTS}(?P<rest>PARTITION.+)$", _drop_partitions),
    (
        rf"ALTER\s+TABLE\s+{_NAME}\s+PARTITION\s*\((?P<spec>[^)]*)\)\s*SET\s+LOCATION\s+'(?P<location>[^']*)'$",
        lambda match, database: SetLocation(_name(match, database), _partition_spec(match["spec"]), match["location"]),
    ),
    (rf"MSCK\s+REPAIR\s+TABLE\s+{_NAME}$", lambda match, database: Repair(_name(match, database))),
    (
        rf"INSERT\s+INTO\s+{_NAME}\s*(?:\((?P<columns>[^()]*)\)\s*)?(?P<sql>(?:SELECT|WITH|VALUES|\().+)$",
        _insert,
    ),
    (
        r"UNLOAD\s*\((?P<sql>.+)\)\s*TO\s*'(?P<to>[^']*)'\s*WITH\s*\((?P<with>.+)\)$",
        lambda match, _: Unload(match["sql"], match["to"], _properties(match["with"])),
    ),
    (
        r"EXECUTE\s+(?P<name>\w+)(?:\s+USING\s+(?P<values>.+))?$",
        lambda match, _: Execute(
            match["name"], re.findall(rf"{_LITERAL}|\w+\s*{_LITERAL}", match["values"] or "", re.I)
        ),
    ),
    (rf"SHOW\s+PARTITIONS\s+{_NAME}$", _show("partitions")),
    (rf"SHOW\s+COLUMNS\s+(?:IN|FROM)\s+{_NAME}$", _show("columns")),
    (rf"SHOW\s+CREATE\s+(?:TABLE|VIEW)\s+{_NAME}$", _show("create")),
    (rf"SHOW\s+TABLES(?:\s+(?:IN|FROM)\s+[`\"]?(?P<database>[\w-]+)[`\"]?)?{_LIKE}", _show("tables")),
    (rf"SHOW\s+VIEWS(?:\s+(?:IN|FROM)\s+[`\"]?(?P<database>[\w-]+)[`\"]?)?{_LIKE}", _show("views")),
    (rf"SHOW\s+(?:DATABASES|SCHEMAS){_LIKE}", _show("databases")),
    (rf"(?:DESCRIBE|DESC)\s+(?:EXTENDED\s+|FORMATTED\s+)?{_NAME}$", _show("describe")),
)
