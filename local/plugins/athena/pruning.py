"""Which partitions a query reads: those that its WHERE leaves. Athena opens no file of the others, and bills none."""

from __future__ import annotations

from sqlglot import exp

from local.plugins.athena import translate

_NOT_FROM_VALUES = (exp.Subquery, exp.Select, exp.Window, exp.AggFunc, exp.Placeholder, exp.Rand)


def condition(table: exp.Table, keys: list[str], dates: set[str]) -> str:
    """The part of the select's WHERE that speaks of this table's partition keys only, in DuckDB's SQL; "" for none."""
    select = table.find_ancestor(exp.Select)
    where = select.args.get("where") if select is not None else None
    if not keys or select is None or where is None or not _is_a_source_that_no_join_completes(table, select):
        return ""
    name = (table.alias or table.name).lower()
    alone = len(_sources(select)) == 1
    parts = [part for part in where.this.flatten() if _of_keys(part, name, alone, keys)] if where.this else []
    if not isinstance(where.this, exp.And):
        parts = [where.this] if _of_keys(where.this, name, alone, keys) else []
    return " AND ".join(f"({_plain(part, dates)})" for part in parts)


def _sources(select: exp.Select) -> list[exp.Expr]:
    first = select.args.get("from_") or select.args.get("from")
    return [*([first.this] if first else []), *(join.this for join in select.args.get("joins") or [])]


def _is_a_source_that_no_join_completes(table: exp.Table, select: exp.Select) -> bool:
    """An outer join gives rows for what it does not find: files that are left out would make such rows."""
    joins = select.args.get("joins") or []
    return any(source is table for source in _sources(select)) and not any(
        join.side or join.kind == "OUTER" for join in joins
    )


def _of_keys(part: exp.Expr, name: str, alone: bool, keys: list[str]) -> bool:
    if part.find(*_NOT_FROM_VALUES):
        return False
    columns = list(part.find_all(exp.Column))
    return bool(columns) and all(
        column.name.lower() in {key.lower() for key in keys}
        and (column.table.lower() == name if column.table else alone)
        for column in columns
    )


def _plain(part: exp.Expr, dates: set[str]) -> str:
    plain = part.copy()
    for column in plain.find_all(exp.Column):
        column.set("table", None)
        column.set("db", None)
    return translate.to_duckdb(plain, dates)
