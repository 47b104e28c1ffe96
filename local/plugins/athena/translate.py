"""Trino's SQL in, DuckDB's out, with the column names that Athena gives."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from local.plugins.athena import decimals
from local.plugins.athena.errors import QueryFailed

# Joda's letters, which parse_datetime and format_datetime take, as strftime's.
_JODA = (
    ("yyyy", "%Y"),
    ("MMMM", "%B"),
    ("MMM", "%b"),
    ("MM", "%m"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("hh", "%I"),
    ("mm", "%M"),
    ("SSS", "%g"),
    ("ss", "%S"),
    ("EEEE", "%A"),
    ("EEE", "%a"),
    ("a", "%p"),
    ("Z", "%z"),
    ("'", ""),
)

# What DuckDB lacks, or does in another way.
MACROS = (
    """CREATE MACRO width_bucket(x, low, high, n) AS CASE
        WHEN x < low THEN 0
        WHEN x >= high THEN n + 1
        ELSE CAST(floor((CAST(x AS DOUBLE) - low) * n / (CAST(high AS DOUBLE) - low)) AS BIGINT) + 1 END""",
    "CREATE MACRO to_iso8601(x) AS strftime(CAST(x AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%gZ')",
    "CREATE MACRO json_format(x) AS CAST(x AS VARCHAR)",
    "CREATE MACRO bitwise_and(a, b) AS a & b",
    "CREATE MACRO date_of(x) AS CAST(x AS DATE)",
)


def parse(sql: str) -> exp.Expr:
    """The tree of one query. Raises SYNTAX_ERROR."""
    try:
        trees = [tree for tree in sqlglot.parse(sql, read="athena") if tree is not None]
    except SqlglotError as failure:
        details = getattr(failure, "errors", None) or [{}]
        where = f"line {details[0].get('line', 1)}:{details[0].get('col', 1)}"
        said = details[0].get("description") or str(failure)
        raise QueryFailed("SYNTAX_ERROR", f"{where}: {said}") from failure
    if len(trees) != 1:
        raise QueryFailed("SYNTAX_ERROR", f"line 1:1: Only one sql statement is allowed. Got: {sql}")
    return trees[0]


def tables_of(tree: exp.Expr) -> list[exp.Table]:
    """The tables that come from the catalog, not from WITH."""
    found = []
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and not (not table.db and _in_with(table)):
            found.append(table)
    return found


def _in_with(table: exp.Table) -> bool:
    node: exp.Expr | None = table
    while node is not None:
        ctes = node.args.get("with_") or node.args.get("with")
        if ctes and any(cte.alias.lower() == table.name.lower() for cte in ctes.expressions):
            return True
        node = node.parent
    return False


def needs_path(tree: exp.Expr) -> bool:
    return any(column.name == "$path" for column in tree.find_all(exp.Column))


def to_duckdb(tree: exp.Expr, dates: set[str]) -> str:
    """``dates`` names the columns that the catalog calls dates."""
    tree = tree.copy()
    for select in list(tree.find_all(exp.Select)):
        _name_columns(select)
    tree = tree.transform(lambda node: _adapted(node, dates))
    try:
        return tree.sql(dialect="duckdb")
    except SqlglotError as failure:
        raise QueryFailed("NOT_SUPPORTED", str(failure)) from failure


def _name_columns(select: exp.Select) -> None:
    """An expression without a name is ``_col<position>``."""
    named = []
    for position, projection in enumerate(select.expressions):
        if not projection.alias and not isinstance(projection, exp.Column | exp.Star | exp.Dot):
            named.append(exp.alias_(projection.copy(), f"_col{position}"))
        else:
            named.append(projection)
    select.set("expressions", named)


def _adapted(node: exp.Expr, dates: set[str]) -> exp.Expr:
    if node.meta.get("wrapped"):
        return node
    if isinstance(node, exp.Div) and (kind := decimals.of(node)):
        # DuckDB divides decimals as doubles.
        return exp.cast(exp.paren(_wrapped(node)), kind)
    if isinstance(node, exp.Avg) and (kind := decimals.of(node.this)):
        return exp.cast(_wrapped(node), kind)
    if isinstance(node, exp.Substring) and (checked := _substring(node)):
        return checked
    if isinstance(node, exp.Bracket) and (checked := _subscript(node)):
        return checked
    if isinstance(node, exp.DateDiff):
        # Trino counts whole units, DuckDB's date_diff the boundaries that were crossed; its date_sub is Trino's.
        unit = exp.Literal.string((node.text("unit") or "day").lower())
        return exp.Anonymous(this="date_sub", expressions=[unit, node.expression, node.this])
    if _moves_a_date(node, dates):
        # A date stays a date in Trino and becomes a timestamp in DuckDB.
        return exp.cast(exp.paren(_wrapped(node)), "date")
    if isinstance(node, exp.Format) or (isinstance(node, exp.Anonymous) and node.name.lower() == "format"):
        parts = node.expressions if isinstance(node, exp.Anonymous) else [node.this, *node.expressions]
        return _printf(parts)
    if isinstance(node, exp.RegexpReplace) and node.args.get("replacement") and node.args["replacement"].is_string:
        replacement = re.sub(r"\$(\d)", r"\\\1", node.args["replacement"].name)
        node.set("replacement", exp.Literal.string(replacement))
    if isinstance(node, exp.CountIf):
        # Of conditions that are all unknown, Trino counts none, and DuckDB says that it does not know.
        return exp.Count(this=exp.Case().when(node.this, exp.Literal.number(1)))
    if isinstance(node, exp.RegexpExtract):
        # Without a match Trino gives NULL, DuckDB an empty text.
        return exp.Case().when(exp.RegexpLike(this=node.this.copy(), expression=node.expression.copy()), _wrapped(node))
    if isinstance(node, exp.Anonymous):
        return _renamed(node)
    if isinstance(node, exp.ParseDatetime) and node.args.get("format"):
        return exp.Anonymous(
            this="strptime", expressions=[node.this, exp.Literal.string(_from_joda(node.args["format"].name))]
        )
    return node


def _wrapped(node: exp.Expr) -> exp.Expr:
    """The node inside of what replaces it: without the mark it would be replaced again, for ever."""
    inner = node.copy()
    inner.meta["wrapped"] = True
    return inner


def _substring(node: exp.Substring) -> exp.Expr | None:
    """Places count from 1, or from the end below 0; at 0 and before the beginning Trino finds nothing."""
    start = node.args.get("start")
    if start is None or (start.is_int and int(start.to_py()) > 0):
        return None
    before = exp.LT(this=start.copy(), expression=exp.Neg(this=exp.Length(this=node.this.copy())))
    nothing = exp.or_(exp.EQ(this=start.copy(), expression=exp.Literal.number(0)), before)
    return exp.Case().when(nothing, exp.Literal.string("")).else_(_wrapped(node))


def _subscript(node: exp.Bracket) -> exp.Expr | None:
    """A place that an array does not have, or a key that a map does not have, is an error in Trino."""
    kind, at = node.this.meta.get("kind"), node.expressions[0] if len(node.expressions) == 1 else None
    if at is None or isinstance(at, exp.Slice):
        return None
    array = isinstance(node.this, exp.Array | exp.Split) or (kind is not None and kind.is_type("array"))
    if array:
        # sqlglot counts from 0.
        place = exp.Add(this=exp.paren(at.copy()), expression=exp.Literal.number(1 - (node.args.get("offset") or 0)))
        length = exp.Anonymous(this="len", expressions=[node.this.copy()])
        bad = exp.or_(exp.GT(this=place, expression=length), exp.LT(this=place.copy(), expression="1"))
        message = "INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length"
    elif kind is not None and kind.is_type("map"):
        has = exp.Anonymous(this="map_contains", expressions=[node.this.copy(), at.copy()])
        bad, message = exp.not_(has), "INVALID_FUNCTION_ARGUMENT: Key not present in map"
    else:
        return None
    failing = exp.Anonymous(this="error", expressions=[exp.Literal.string(message)])
    return exp.Case().when(bad, failing).else_(_wrapped(node))


def _renamed(node: exp.Anonymous) -> exp.Expr:
    name, arguments = node.name.lower(), node.expressions
    if name == "format_datetime" and len(arguments) == 2:
        pattern = exp.Literal.string(_from_joda(arguments[1].name))
        return exp.Anonymous(this="strftime", expressions=[arguments[0], pattern])
    if name == "at_timezone" and len(arguments) == 2:
        return exp.AtTimeZone(this=arguments[0], zone=arguments[1])
    if name == "from_iso8601_date" and len(arguments) == 1:
        return exp.cast(arguments[0], "date")
    return node


def _printf(parts: list[exp.Expr]) -> exp.Expr:
    """Java's format through DuckDB's printf, which has no %s for a number."""
    pattern = parts[0].name if parts[0].is_string else ""
    specifiers = re.findall(r"%[-+ 0,#]*\d*(?:\.\d+)?([a-zA-Z])", pattern.replace("%%", ""))
    values = []
    for number, value in enumerate(parts[1:]):
        as_text = number < len(specifiers) and specifiers[number] in "sS"
        values.append(exp.cast(value.copy(), "varchar") if as_text else value.copy())
    return exp.Anonymous(this="printf", expressions=[parts[0].copy(), *values])


def _moves_a_date(node: exp.Expr, dates: set[str]) -> bool:
    if isinstance(node, exp.DateAdd | exp.DateSub):
        return _is_date(node.this, dates) and _whole_days(node.text("unit"))
    if isinstance(node, exp.Add | exp.Sub) and isinstance(node.expression, exp.Interval):
        return _is_date(node.this, dates) and _whole_days(node.expression.text("unit"))
    return False


def _is_date(node: exp.Expr | None, dates: set[str]) -> bool:
    if isinstance(node, exp.Cast):
        return node.to.this == exp.DataType.Type.DATE
    if isinstance(node, exp.Column):
        return node.name.lower() in dates
    return isinstance(node, exp.CurrentDate | exp.Date)


def _whole_days(unit: str) -> bool:
    return unit.lower().rstrip("s") in ("", "day", "week", "month", "quarter", "year")


def _from_joda(pattern: str) -> str:
    for joda, strftime in _JODA:
        pattern = pattern.replace(joda, strftime)
    return pattern
