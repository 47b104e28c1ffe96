"""What a RAW file is and what its columns mean: found from its rows, as far as these are needed to tell."""

from __future__ import annotations

from dataclasses import replace

import pyarrow.compute as pc

from features.contract import Column, Contract
from features.declared import FILE, UNDECLARED, Declared
from raw.blocks import LONGEST_LINE
from raw.form import Form, layout_of
from raw.meanings import DECLARED, ONE_ORDER_ONLY, Ambiguous, Meaning, meaning_of
from raw.reader import rows
from raw.refusal import Unreadable

ENOUGH = 20_000  # rows from whose cells a column's meaning is told, unless they fit two


def form_of(uri: str, contract: Contract, longest_line: int = LONGEST_LINE, declared: Declared = UNDECLARED) -> Form:
    """Raises Unreadable, with the file's name, for a file that cannot be taken in."""
    try:
        form = layout_of(uri, contract, longest_line, declared.file)
    except Unreadable as refused:
        raise Unreadable(f"{uri}: {refused}") from None
    if form.resolved:
        return form
    spelt = [(name, DECLARED[spelling].name) for name, spelling in declared.formats.items() if spelling in DECLARED]
    return replace(form, meanings=(*spelt, *meanings_in(uri, form, contract, longest_line, declared)))


def meanings_in(
    uri: str, form: Form, contract: Contract, longest_line: int, declared: Declared = UNDECLARED
) -> tuple[tuple[str, str], ...]:
    """Of columns of the contract whose spelling is not declared."""
    told = [
        c
        for c in contract.columns
        if c.name in form.names and c.type in ("instant", "money") and c.name not in declared.formats
    ]
    cells: dict[str, list[str | None]] = {column.name: [] for column in told}
    for batch in rows(uri, form, longest_line=longest_line):
        for column in told:
            cells[column.name] += batch.cells[column.name].slice(0, ENOUGH).to_pylist()
        if all(len(found) >= ENOUGH for found in cells.values()):
            break
    found = ((column.name, meaning(uri, form, column, cells[column.name], longest_line)) for column in told)
    return tuple((name, meaning.name) for name, meaning in found if meaning is not None)


def meaning(uri: str, form: Form, column: Column, cells: list[str | None], longest_line: int) -> Meaning | None:
    """Reads on where the first rows fit two meanings: a sorted file may tell days from months after weeks only."""
    try:
        return meaning_of(column.type, cells)
    except Ambiguous as found:
        two = found
    for batch in () if two.told else rows(uri, form, longest_line=longest_line):
        column_ = batch.cells[column.name]
        telling = pc.filter(column_, pc.match_substring_regex(column_, ONE_ORDER_ONLY))
        if len(telling):
            try:
                return meaning_of(column.type, [*cells, *telling.slice(0, ENOUGH).to_pylist()])
            except Ambiguous as found:
                two = found
    raise Unreadable(f"{uri}: column {column.name}: {two}; or declare its format in {FILE}")
