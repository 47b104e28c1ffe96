"""How much of each column the lake will be able to read, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass

from features.cards import ENOUGH, LEAST_DIGITS, holds_card
from features.contract import CONTRACTS, Column
from features.values import LARGEST_PERCENT
from glue.rules import FAILURE_BUDGET
from tools.raw_data.loaded import NUMBER, PART, Loaded
from tools.raw_data.meaning import filled, name, readable, text

EXPECTED = {
    "instant": "an ISO 8601 instant such as 2018-04-01T09:30:00Z",
    "money": "an amount such as 12.50",
    "degrees": "degrees from -180 to 180",
    "rate": "a rate above 0 such as 0.0061",
    "percent": f"percent such as 7.9 or 7.9%, at most {LARGEST_PERCENT}",
    "flag": "0 or 1",
    "count": "a whole number",
    "text": "text of at most 128 characters without line breaks, and no number that a spreadsheet has rounded",
}


@dataclass(frozen=True)
class Bad:
    """The first cell of a column that cannot be read, masked, and where it stands."""

    file: str
    row: int
    cell: str


@dataclass(frozen=True)
class Readability:
    """Rows of a column of the contract: all, without a cell, with one that cannot be read."""

    column: Column
    rows: int
    missing: int
    unreadable: int
    first: Bad | None

    @property
    def lost(self) -> int:
        """Rows that go to quarantine for this column."""
        unreadable = 0 if self.column.lenient else self.unreadable
        return unreadable + (self.missing if self.column.required else 0)


@dataclass(frozen=True)
class Read:
    """The contract's columns that an entity's files have, and the rows that go to quarantine for any of them, each
    once."""

    columns: list[Readability]
    lost: int


def read(loaded: Loaded, entity: str) -> Read:
    contract, names = CONTRACTS[entity], loaded.columns(entity)
    columns = [column for column in contract.columns if column.name in names]
    # Of no rows at all the database counts null.
    counts = ", ".join(
        f"coalesce(count_if({filled(c.name)} IS NULL), 0), coalesce(count_if({unread(c)}), 0)" for c in columns
    )
    (row,) = loaded.ask(", ".join(["SELECT count(*)", *filter(None, [counts])]) + f" FROM {loaded.table(entity)}")
    found = [
        Readability(c, row[0], row[1 + 2 * n], row[2 + 2 * n], first_bad(loaded, entity, c) if row[2 + 2 * n] else None)
        for n, c in enumerate(columns)
    ]
    return Read(found, lost(loaded, entity, [column for column in found if column.lost]))


def lost(loaded: Loaded, entity: str, losing: list[Readability]) -> int:
    """Rows lost for one or several of these columns. Which rows are lost for both of two takes another look at them."""
    if len(losing) < 2:
        return sum(column.lost for column in losing)
    condition = lost_for([column.column for column in losing])
    ((rows,),) = loaded.ask(f"SELECT count_if({condition}) FROM {loaded.table(entity)}")
    return rows


def first_bad(loaded: Loaded, entity: str, column: Column) -> Bad:
    ((part, row, cell),) = loaded.ask(
        f"SELECT {PART}, {NUMBER}, {name(column.name)} FROM {loaded.table(entity)} WHERE NOT {readable(column)} "
        f"ORDER BY {PART}, {NUMBER} LIMIT 1"
    )
    return Bad(loaded.files[entity][part].name, row, shown(cell))


def shown(cell: str) -> str:
    """A cell as a message may show it: short, and never a card number."""
    return "a card number" if holds_card(cell) else repr(cell if len(cell) <= 40 else cell[:40] + "...")


def refusals(loaded: Loaded, entity: str, read: Read) -> list[str]:
    """Why the lake would refuse the entity's files, in words, by what is readable in them; none where it would not."""
    cards = rows_with_cards(loaded, entity, [column.column for column in read.columns if column.lost])
    faults = loaded.faults[entity]
    broken = faults.counts.total()
    total = broken + max((column.rows for column in read.columns), default=0)
    lost = broken + cards + read.lost
    if not total or lost <= FAILURE_BUDGET * total:
        return []
    found = [
        told(loaded, entity, column) for column in sorted(read.columns, key=lambda column: -column.lost) if column.lost
    ]
    if broken:
        fault, (file, row) = next(iter(faults.first.items()))
        found.append(f"{file}: {broken} of {total} rows are no rows ({fault}), the first is row {row}")
    if cards:
        found.append(f"{loaded.files[entity][0].name}: {cards} of {total} rows hold a card number; send tokens instead")
    return found


def lost_for(columns: list[Column]) -> str:
    """Of a row: whether a required cell is missing, or one that matters cannot be read."""
    missing = [f"{filled(c.name)} IS NULL" for c in columns if c.required]
    return " OR ".join([*missing, *(unread(c) for c in columns if not c.lenient)]) or "false"


def unread(column: Column) -> str:
    return f"coalesce(NOT {readable(column)}, false)"


def rows_with_cards(loaded: Loaded, entity: str, losing: list[Column]) -> int:
    """Rows with a card number in any cell, that are not lost for a cell of the `losing` columns. Few cells have digits
    enough for a look."""
    contract, names = CONTRACTS[entity], loaded.columns(entity)
    instants = {c.name for c in contract.columns if c.type == "instant"}
    found = set()
    passed_over = instants | loaded.declared[entity].no_cards
    for column in (column for column in names if column not in passed_over):
        rows = loaded.asked(
            f"SELECT {PART}, {NUMBER}, {name(column)} FROM {loaded.table(entity)} WHERE length({name(column)}) >= "
            f"{LEAST_DIGITS} AND regexp_matches({name(column)}, {text(ENOUGH)}) AND NOT ({lost_for(losing)})"
        )
        while chunk := rows.fetchmany(10_000):
            found |= {(part, row) for part, row, cell in chunk if holds_card(cell)}
    return len(found)


def told(loaded: Loaded, entity: str, read: Readability) -> str:
    where = loaded.files[entity][0].name if read.first is None else read.first.file
    if read.first is None or read.missing > read.unreadable:
        return (
            f"{where}: column {read.column.name} is empty in {read.missing} of {read.rows} rows; expected a cell in "
            "each, since a row without one goes to quarantine"
        )
    return (
        f"{where}: column {read.column.name} cannot be read in {read.unreadable} of {read.rows} rows; expected "
        f"{EXPECTED[read.column.type]}, found {read.first.cell} in row {read.first.row}"
    )
