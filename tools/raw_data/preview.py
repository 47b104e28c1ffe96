"""What the platform will make of a folder of RAW files, in words: before anything is built or uploaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from features.cards import holds_card
from features.columns import Found, find
from features.contract import CONTRACTS
from features.declared import FILE, LEARNT_FROM
from features.declared import Column as Declared
from features.protected import characteristic_of
from raw.meanings import BY_NAME
from tools.raw_data.currencies import currencies
from tools.raw_data.loaded import NUMBER, Loaded
from tools.raw_data.meaning import name
from tools.raw_data.readability import Read, Readability, read, refusals, shown

SAMPLE = 50_000  # rows of which further columns are looked at
EXAMPLES = 3
FORMS = {"csv": "CSV", "jsonl": "JSON lines", "parquet": "Parquet"}


@dataclass(frozen=True)
class Preview:
    """`lines` tell an entity; `refused` says why the lake would not take it, empty where it would."""

    lines: list[str]
    refused: list[str]


def previews(loaded: Loaded) -> Iterator[Preview]:
    for entity in loaded.files:
        found = read(loaded, entity)
        lines, refused = list(told(loaded, entity, found)), refusals(loaded, entity, found)
        if entity == "transactions" and (named := currencies(loaded)):
            lines.append(f"  {named.line}")
            refused += named.refused
        yield Preview(lines, refused)


def told(loaded: Loaded, entity: str, found: Read) -> Iterator[str]:
    rows = found.columns[0].rows  # there is no file without the columns that the contract requires
    yield f"{entity}: {described(loaded, entity)}, {rows} rows"
    faults = loaded.faults[entity]
    for fault, count in faults.counts.items():
        file, row = faults.first[fault]
        yield f"  {count} rows are no rows ({fault}) and go to quarantine; the first is row {row} of {file}"
    yield from (contracts_column(loaded, entity, column) for column in found.columns)
    for column in loaded.declared[entity].columns:
        if column not in loaded.columns(entity):
            yield f"  {column} is declared in {FILE} and not there"
    absent = [c.name for c in CONTRACTS[entity].columns if not c.required and c.name not in loaded.columns(entity)]
    if absent:
        yield f"  not there, and not needed: {', '.join(absent)}"
    known = {column.name for column in CONTRACTS[entity].columns}
    further = [column for column in loaded.columns(entity) if column not in known]
    for column in further:
        yield f"  {further_column(loaded, entity, column, rows)}"


def described(loaded: Loaded, entity: str) -> str:
    form = loaded.forms[entity][0]
    wrapping = form.wrapping
    parts = [FORMS[form.kind]]
    if form.kind == "csv" and form.separator != ",":
        parts.append(f"cells between {form.separator!r}")
    if wrapping.packing:
        parts.append(f"packed as {wrapping.packing}")
    if wrapping.encoding not in ("utf-8", "utf-8-sig"):
        parts.append(f"letters as {wrapping.encoding}")
    if form.header_line:
        parts.append(f"{form.header_line} lines before the header are passed over")
    if len(loaded.files[entity]) > 1:
        parts.append(f"{len(loaded.files[entity])} parts")
    return ", ".join(parts)


def contracts_column(loaded: Loaded, entity: str, read: Readability) -> str:
    meanings = dict(loaded.forms[entity][0].meanings)
    as_what: str = read.column.type
    if read.column.name in meanings:
        as_what += f", {BY_NAME[meanings[read.column.name]].reading}"
    line = f"  {read.column.name} ({as_what}): {share(read.rows - read.missing - read.unreadable, read.rows)} readable"
    if read.missing:
        line += f", {read.missing} missing"
    if read.first is not None:
        line += f", {read.unreadable} unreadable such as {read.first.cell} in row {read.first.row} of {read.first.file}"
    return line + (f"; {read.lost} rows go to quarantine for it" if read.lost else "")


def further_column(loaded: Loaded, entity: str, column: str, rows: int) -> str:
    """What a column is that the contract does not name, from a sample of its cells."""
    shown_name = "a column whose name looks like a card number" if holds_card(column) else column
    every = max(1, rows // SAMPLE)
    cells = [
        cell
        for (cell,) in loaded.ask(f"SELECT {name(column)} FROM {loaded.table(entity)} WHERE {NUMBER} % {every} = 0")
    ]
    declared = loaded.declared[entity].of(column)
    found = find(column, cells, declared)
    kind = ", ".join([what(found), *as_declared(declared)])
    told = f"{shown_name}: {kind}; {', '.join(examples(cells)) or 'no cell'}"
    cards = sum(holds_card(cell) for cell in cells if cell)
    if cards and declared.card_numbers:
        told += f"; {cards} of {len(cells)} cells looked at look like card numbers and are none, as declared"
    elif cards:
        told += f"; {cards} of {len(cells)} cells looked at hold a card number, and their rows go to quarantine"
    if entity != LEARNT_FROM:
        return told + "; kept in the lake"
    if (characteristic := characteristic_of(column, declared)) and declared.train_on is None:
        return told + f"; protected ({characteristic}), kept for reports on fairness and never trained on"
    reason = declared.set_aside or found.reason
    if reason:
        return told + f"; not trained on: {reason}"
    ruled = f", protected ({characteristic}) and trained on because: {declared.train_on}" if characteristic else ""
    return told + f"; the credit model may learn from it{ruled}"


def as_declared(declared: Declared) -> list[str]:
    """What a user says of the column, in words."""
    told = ["as declared"] if declared.type else []
    told += [f"in {declared.unit}"] if declared.unit else []
    told += [f"{declared.risk} with the risk"] if declared.risk else []
    return told + ([f"missing where {' or '.join(map(shown, declared.missing))}"] if declared.missing else [])


def what(found: Found) -> str:
    return found.kind or "set aside"


def examples(cells: list[str | None]) -> list[str]:
    """A few different cells, masked."""
    different = dict.fromkeys(cell for cell in cells[:1000] if cell)
    return [shown(cell) for cell in list(different)[:EXAMPLES]]


def share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "nothing"
