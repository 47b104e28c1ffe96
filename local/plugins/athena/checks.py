"""What Trino refuses and DuckDB would let pass: its own syntax and functions, aliases in the wrong place, mixed types.

Said in Athena's words, with Athena's codes. A query that is in doubt passes: what DuckDB then says is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.schema import MappingSchema
from sqlglot.tokens import Token, TokenType

from local.plugins.athena.errors import QueryFailed
from local.plugins.athena.functions import TRINO, WORDS

Columns = Mapping[tuple[str, str], Iterable[tuple[str, str]]]
HIDDEN = ("$path", "$bucket", "$file_size", "$file_modified_time", "$partition")
NOT_TRINO = (TokenType.DCOLON, TokenType.L_BRACE, TokenType.ILIKE)
JOINS = (TokenType.SEMI, TokenType.ANTI, TokenType.ASOF)
FAMILIES = {
    "varchar": ("VARCHAR", "CHAR", "TEXT", "NVARCHAR", "NCHAR"),
    "number": ("TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL"),
    "boolean": ("BOOLEAN",),
    "instant": ("DATE", "TIMESTAMP", "TIMESTAMPTZ", "DATETIME"),
}
FAMILY = {name: family for family, names in FAMILIES.items() for name in names}
SHOWN = {"INT": "integer", "FLOAT": "real", "TEXT": "varchar", "TIMESTAMPTZ": "timestamp(3) with time zone"}
COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
SIGNS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.DPipe: "||",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}


def check(sql: str, tree: exp.Expr, columns: Columns, database: str) -> None:
    """Raises QueryFailed for what Athena refuses; leaves the types that it knows at the tree's nodes."""
    words(sqlglot.tokenize(sql, read="trino"), tree)
    for number, node in enumerate(tree.walk()):
        node.meta["number"] = number
    typed = resolved(tree, columns, database)
    if typed is None:
        return
    types(typed)
    known = {node.meta["number"]: node.type for node in typed.walk() if node.type and "number" in node.meta}
    for node in tree.walk():
        node.meta["kind"] = known.get(node.meta["number"])


def words(tokens: list[Token], tree: exp.Expr) -> None:
    """Refuse what is no word of Trino's: DuckDB's signs, and functions that Trino does not have."""
    named = {alias.name.lower() for alias in tree.find_all(exp.TableAlias) if alias.columns}
    for number, token in enumerate(tokens):
        after = tokens[number + 1] if number + 1 < len(tokens) else None
        before = tokens[number - 1].token_type if number else None
        joins = token.token_type in JOINS and after is not None and after.token_type == TokenType.JOIN
        if token.token_type in NOT_TRINO or token.text in ("==", "!") or joins or _opens_a_list(token, before):
            raise _at(token, "SYNTAX_ERROR", f"mismatched input '{token.text}'")
        if after is None or after.token_type != TokenType.L_PAREN or not re.match(r"^\w+$", token.text):
            continue
        if token.token_type in (TokenType.STRING, TokenType.NUMBER):
            continue
        name = token.text.lower()
        if name in TRINO or name in WORDS or name in named or before == TokenType.DOT:
            continue
        raise _at(token, "FUNCTION_NOT_FOUND", f"Function '{name}' not registered")
    for star in tree.find_all(exp.Star):
        if any(star.args.values()):
            raise QueryFailed("SYNTAX_ERROR", "line 1:1: mismatched input 'EXCLUDE', 'EXCEPT', 'REPLACE' or 'RENAME'")
    for group in tree.find_all(exp.Group):
        if group.args.get("all") and not group.expressions:
            raise QueryFailed("SYNTAX_ERROR", "line 1:1: mismatched input 'ALL'. Expecting a column after GROUP BY")
    for order in tree.find_all(exp.Order):
        for item in order.expressions:
            if isinstance(item.this, exp.Column) and item.this.name.upper() == "ALL" and not item.this.this.quoted:
                raise QueryFailed("SYNTAX_ERROR", "line 1:1: mismatched input 'ALL'. Expecting a column after ORDER BY")


def _opens_a_list(token: Token, before: TokenType | None) -> bool:
    """``[1, 2]`` for itself: in Trino a list is ARRAY[1, 2], and other brackets stand behind a value."""
    opens = (TokenType.SELECT, TokenType.COMMA, TokenType.L_PAREN, TokenType.EQ, TokenType.IN)
    return token.token_type == TokenType.L_BRACKET and before in opens


def resolved(tree: exp.Expr, columns: Columns, database: str) -> exp.Expr | None:
    """A copy of the tree with every column found and typed; None where sqlglot cannot follow the query.

    Raises COLUMN_NOT_FOUND: among others for an alias in WHERE, GROUP BY or HAVING, where Trino does not know it yet.
    """
    schema = MappingSchema(dialect="trino")
    for (its_database, table), kinds in columns.items():
        # Hidden columns first: a star then has the table's own ones last, in their order.
        known = {name: "VARCHAR" for name in HIDDEN} | {name.lower(): _trino(kind) for name, kind in kinds}
        schema.add_table(f'"{its_database}"."{table}"', known, dialect="trino")
    try:
        found = qualify(
            tree.copy(),
            dialect="trino",
            schema=schema,
            db=database,
            expand_alias_refs=False,
            quote_identifiers=False,
            identify=False,
            expand_stars=True,
        )
    except OptimizeError as failure:
        named = re.search(r"Column '([^']*)' could not be resolved(?:\. Line: (\d+), Col: (\d+))?", str(failure))
        if named:
            at = f"{named[2]}:{named[3]}" if named[2] else "1:1"
            column = named[1].replace('"', "")
            raise QueryFailed("COLUMN_NOT_FOUND", f"line {at}: Column '{column}' cannot be resolved") from failure
        return None
    except (SqlglotError, RecursionError, KeyError, ValueError, AttributeError):
        return None
    _having(found)
    try:
        return annotate_types(found, schema=schema, dialect="trino")
    except (SqlglotError, RecursionError, KeyError, ValueError, AttributeError):
        return None


def _having(tree: exp.Expr) -> None:
    for select in tree.find_all(exp.Select):
        having = select.args.get("having")
        if having is None:
            continue
        aliases = {item.alias.lower() for item in select.selects if isinstance(item, exp.Alias)}
        known = _sources(select)
        for column in having.find_all(exp.Column):
            if column.find_ancestor(exp.Select) is not select or column.table or known is None:
                continue
            if column.name.lower() in aliases and column.name.lower() not in known:
                raise QueryFailed("COLUMN_NOT_FOUND", f"line 1:1: Column '{column.name}' cannot be resolved")


def _sources(select: exp.Select) -> set[str] | None:
    """The names of the columns that the select's own sources have; None if one of them cannot be followed."""
    for scope in traverse_scope(select):
        if scope.expression is select:
            used = {column.name.lower() for column in scope.columns if column.table}
            return used
    return None


def types(tree: exp.Expr) -> None:
    """Refuse what Trino's operators do not take: VARCHAR beside a number, a date beside text."""
    for node in tree.walk():
        if isinstance(node, COMPARISONS):
            _same(node, node.this, node.expression)
        elif isinstance(node, exp.Between):
            _same(node, node.this, node.args["low"], "BETWEEN")
            _same(node, node.this, node.args["high"], "BETWEEN")
        elif isinstance(node, exp.In):
            for item in node.expressions:
                _same(node, node.this, item, "IN")
        elif isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div | exp.Mod):
            _numbers(node)
        elif isinstance(node, exp.DPipe):
            _texts(node)


def family(node: exp.Expr) -> str:
    """varchar, number, boolean or instant; nothing where sqlglot's word is not to be trusted."""
    node = node.unnest()
    if isinstance(node, exp.Sub | exp.Add) and _family_of(node.this) in ("instant", ""):
        return ""  # the difference of two instants is an interval
    if not isinstance(node, _TRUSTED):
        return ""
    return _family_of(node)


_TRUSTED = (
    *(exp.Column, exp.Literal, exp.Cast, exp.Boolean, exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Lower),
    *(exp.Upper, exp.Substring, exp.Trim, exp.Length, exp.Coalesce, exp.CurrentDate, exp.CurrentTimestamp, exp.Add),
    *(exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Year, exp.Month, exp.Day, exp.RegexpExtract, exp.DPipe, exp.CountIf),
)


def _family_of(node: exp.Expr) -> str:
    return FAMILY.get(node.type.this.name, "") if node.type is not None else ""


def _same(node: exp.Expr, left: exp.Expr, right: exp.Expr, sign: str = "") -> None:
    families = family(left), family(right)
    if "" in families or families[0] == families[1]:
        return
    if sign:
        raise QueryFailed("TYPE_MISMATCH", f"line 1:1: Cannot check if {_shown(left)} is {sign} {_shown(right)}")
    raise _operator(SIGNS[type(node)], left, right)


def _numbers(node: exp.Expr) -> None:
    left, right = family(node.this), family(node.expression)
    if "varchar" in (left, right) and not isinstance(node.expression, exp.Interval):
        raise _operator(SIGNS[type(node)], node.this, node.expression)
    if {left, right} == {"instant", "number"}:
        raise _operator(SIGNS[type(node)], node.this, node.expression)


def _texts(node: exp.DPipe) -> None:
    left, right = family(node.this), family(node.expression)
    if {left, right} & {"number", "boolean", "instant"}:
        raise _operator("||", node.this, node.expression)


def _operator(sign: str, left: exp.Expr, right: exp.Expr) -> QueryFailed:
    if sign == "||":
        return QueryFailed(
            "FUNCTION_NOT_FOUND",
            f"line 1:1: Unexpected parameters ({_shown(left)}, {_shown(right)}) for function concat. Expected: "
            "concat(varchar, varchar), concat(array(E), array(E)); CAST the other operand to varchar",
        )
    return QueryFailed(
        "TYPE_MISMATCH", f"line 1:1: Cannot apply operator: {_shown(left)} {sign} {_shown(right)}; CAST one of them"
    )


def _shown(node: exp.Expr) -> str:
    kind = node.unnest().type
    name = kind.this.name if kind is not None else "unknown"
    return SHOWN.get(name, name.lower())


def _trino(hive: str) -> str:
    """A column type of the catalog as Trino writes it."""
    text = re.sub(r"\bstring\b", "varchar", hive.strip().lower())
    text = re.sub(r"\bfloat\b", "real", re.sub(r"\bbinary\b", "varbinary", text))
    text = re.sub(r"struct<", "row(", text).replace("<", "(").replace(">", ")")
    return re.sub(r"(\w+):", r"\1 ", text)


def _at(token: Token, code: str, message: str) -> QueryFailed:
    return QueryFailed(code, f"line {token.line}:{max(1, token.col - len(token.text) + 1)}: {message}")
