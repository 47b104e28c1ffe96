"""Errors with the codes that Athena prints at the start of StateChangeReason."""

from __future__ import annotations

import re


class QueryFailed(Exception):
    """``code`` is Athena's, such as SYNTAX_ERROR."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


def table_not_found(database: str, table: str) -> QueryFailed:
    return QueryFailed("TABLE_NOT_FOUND", f"line 1:1: Table 'awsdatacatalog.{database}.{table}' does not exist")


def schema_not_found(database: str) -> QueryFailed:
    return QueryFailed("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist")


def from_duckdb(failure: Exception) -> QueryFailed:
    """DuckDB's complaint under the code that Athena would use."""
    text = str(failure)
    first = text.splitlines()[0] if text else type(failure).__name__
    kind = type(failure).__name__
    if "Referenced column" in text or "does not have a column" in text:
        return QueryFailed("COLUMN_NOT_FOUND", f"line 1:1: {first}")
    if kind == "CatalogException" and "Function with name" in text:
        # Athena's own list was asked before: this one Athena has.
        return QueryFailed("NOT_SUPPORTED", f"line 1:1: not available on this machine, though Athena has it: {first}")
    if kind == "ConversionException":
        return QueryFailed("INVALID_CAST_ARGUMENT", first)
    if kind in ("ParserException", "BinderException"):
        return QueryFailed("SYNTAX_ERROR", f"line 1:1: {first}")
    if kind == "PermissionException":
        return QueryFailed("PERMISSION_DENIED", f"only tables of the catalog can be read: {first}")
    if own := re.search(r"(INVALID_FUNCTION_ARGUMENT): (.*)", text):
        return QueryFailed(own[1], own[2])
    if "by zero" in text.lower():
        return QueryFailed("DIVISION_BY_ZERO", first)
    return QueryFailed("GENERIC_USER_ERROR", first)
