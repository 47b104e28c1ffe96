"""A public set -> RAW files, batch by batch: memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from datasets.cells import MONEY, Unexpected, holds_cards, iso
from datasets.declaration import DatedLoanSet, LoanSet, PaymentSet, PublicSet
from datasets.options import DAY_MS, days, first_day, milliseconds, whole
from datasets.origins import Origin, chosen
from datasets.progress import Told, untold
from datasets.source import Source, find
from datasets.target import Target
from datasets.unusable import Unusable
from features.contract import CONTRACTS, Contract

TEXT = pa.string()
ARROW = {"text": TEXT, "instant": TEXT, "money": MONEY, "flag": pa.int8(), "count": pa.int32(), "percent": TEXT}
REPORTED_AFTER = 7 * DAY_MS  # a payment's label is known a week later, fraud or not
OBSERVED_AFTER = 30 * DAY_MS
LOANS_START, LOANS_DAYS = date(2025, 1, 1), 181  # six calendar months


class Writer(Protocol):
    """Options and a target folder -> rows per file."""

    def __call__(self, options: Mapping[str, str], folder: Path, told: Told = untold) -> dict[str, int]: ...


@dataclass(frozen=True)
class Plan:
    """What one file contributes: an origin per contract column, and the further columns by their new names."""

    source: Source
    origins: dict[str, Origin]
    further: dict[str, str]
    looked_at: frozenset[str] = frozenset()

    def batches(self) -> Iterator[pa.RecordBatch]:
        used = {name for origin in self.origins.values() for name in origin.names} | set(self.further.values())
        used |= self.looked_at
        # A set whose every column is made up still needs one column, to know how many rows there are.
        yield from self.source.batches([c for c in self.source.columns() if c in used] or self.source.columns()[:1])

    def cells(self, column: str, batch: pa.RecordBatch, first: int) -> pa.Array:
        """Raises Unusable with file, column, what was expected and what was found."""
        origin = self.origins[column]
        where = f"{self.source.path}: column {', '.join(origin.names) or column}"
        try:
            cells = origin.cells(batch, first)
        except Unexpected as wrong:
            raise Unusable(f"{where}: {wrong}") from None
        except (pa.ArrowException, TypeError) as broken:
            found = ", ".join(str(batch.column(name).type) for name in origin.names)
            raise Unusable(f"{where}: expected cells for {column}, found {found}: {type(broken).__name__}") from None
        if cells.null_count and column in REQUIRED:
            raise Unusable(
                f"{where}: expected a value in every row, found {cells.null_count} empty from row {first + 1}"
            )
        return cells

    def further_cells(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        cells = {}
        for name, column in self.further.items():
            values = batch.column(column)
            if pa.types.is_dictionary(values.type):
                values = values.dictionary_decode()
            cells[name] = pc.cast(values, pa.string()) if pa.types.is_large_string(values.type) else values
        return cells


REQUIRED = {column for contract in CONTRACTS.values() for column in contract.required}


def plan(declared: PublicSet, source: Source) -> Plan:
    """Raises Unusable for a missing column."""
    available = source.columns()
    twice = sorted({name for name in available if name and available.count(name) > 1})
    if twice:
        raise Unusable(f"{source.path}: column {', '.join(twice)}: expected once, found several times")
    origins: dict[str, Origin] = {}
    for column, candidates in declared.columns.items():
        origin = chosen(candidates, available)
        if origin is None:
            wanted = " or ".join(" with ".join(candidate.names) for candidate in candidates)
            raise Unusable(
                f"{source.path}: column {wanted} is missing (for {column}); found {', '.join(available[:40])}"
            )
        origins[column] = origin
    for column, candidates in declared.optional.items():
        origin = chosen(candidates, available)
        if origin is not None:
            origins[column] = origin
    taken = {name for origin in origins.values() if len(origin.names) == 1 for name in origin.names}
    kept = [name for name in available if name not in taken and declared.reason_to_drop(name) is None]
    further = {declared.further_name(name): name for name in kept}
    contract = [*origins, "applied_at"] if isinstance(declared, LoanSet) else [*origins]
    clash = sorted(name for name in {*further} if name in contract)
    if clash or len(further) < len(kept):
        found = ", ".join(clash) or "columns that differ only in case or punctuation"
        raise Unusable(f"{source.path}: expected further columns under names of their own, found {found}")
    looked_at = frozenset(declared.needs) if isinstance(declared, DatedLoanSet) else frozenset()
    return Plan(source, origins, further, looked_at)


def refuse_pans(table: pa.Table, source: Source) -> pa.Table:
    """No column may carry a card number, declared or not. Raises Unusable without repeating it."""
    for name in table.column_names:
        if any(holds_cards(chunk) for chunk in table.column(name).chunks):
            raise Unusable(f"{source.path}: column {name}: expected no card numbers, found one; remove the column")
    return table


def plans_of(declared: PublicSet, options: Mapping[str, str]) -> list[Plan]:
    if "SOURCE" not in options:
        raise Unusable(f"NAME={declared.name} needs SOURCE=: the file or folder downloaded from {declared.publisher}")
    headless = declared.headless if isinstance(declared, LoanSet) else {}
    known = frozenset(name for origins in declared.columns.values() for origin in origins for name in origin.names)
    sources = find(options["SOURCE"], declared.stem, declared.missing, headless, known)
    return [plan(declared, source) for source in sources]


def payments(declared: PaymentSet) -> Writer:
    """The conversion of a set of payments: `transactions` and `fraud_labels`.

    Options: SOURCE; START (a day) and DAYS select a stretch. A set that is dealt out over a calendar takes both as
    that calendar.
    """

    def convert(options: Mapping[str, str], folder: Path, told: Told = untold) -> dict[str, int]:
        plans, start, length = plans_of(declared, options), first_day(options), days(options)
        companion = Companion.of(declared, options)
        first, seen = 0, [2**62, -(2**62)]
        total = sum(part.source.about() for part in plans)
        with Target(folder, ("transactions", "fraud_labels")) as target:
            for part in plans:
                for batch in part.batches():
                    cells = {name: part.cells(name, batch, first) for name in part.origins}
                    moments = cells["event_time"]
                    if declared.deal_over:
                        moments = dealt_out(moments, first, start or declared.calendar, length or declared.deal_over)
                    further = part.further_cells(batch)
                    if companion:
                        further |= companion.cells(cells["transaction_id"])
                    table = pa.table({**cells, "event_time": iso(moments), **further})
                    first += len(batch)
                    if len(batch):
                        span = pc.min_max(moments).as_py()
                        seen = [min(seen[0], span["min"]), max(seen[1], span["max"])]
                    if not declared.deal_over:
                        inside = stretch(moments, start, length)
                        table, moments = table.filter(inside), pc.filter(moments, inside)
                    if len(table):
                        write_payments(target, refuse_pans(table, part.source), moments)
                    told(first, max(first, total))
            if not target.rows["transactions"]:
                raise Unusable(f"{options['SOURCE']}: expected payments {asked(start, length)}, found {covered(seen)}")
        return target.rows

    return convert


def write_payments(target: Target, table: pa.Table, moments: pa.Array) -> None:
    labels = {
        "transaction_id": table["transaction_id"],
        "is_fraud": table["is_fraud"],
        "reported_at": iso(pc.add(moments, REPORTED_AFTER)),
    }
    target.write("transactions", table.drop_columns("is_fraud"))
    target.write("fraud_labels", pa.table(labels))


def stretch(moments: pa.Array, start: date | None, length: int | None) -> pa.Array:
    """Which moments lie in [START, START + DAYS); without START, DAYS has nothing to count from and is refused."""
    if start is None and length is not None:
        raise Unusable("DAYS: expected START= with it, to count the days from")
    begin = milliseconds(start) if start else -(2**62)
    end = begin + length * DAY_MS if length else 2**62
    return pc.and_(pc.greater_equal(moments, begin), pc.less(moments, end))


def asked(start: date | None, length: int | None) -> str:
    return "" if start is None else f"from {start}" + (f" for {length} days" if length else "")


def covered(seen: list[int]) -> str:
    if seen[0] > seen[1]:
        return "no rows"
    first, last = (iso(pa.array([moment]))[0].as_py()[:10] for moment in seen)
    return f"payments from {first} to {last}"


def dealt_out(moments: pa.Array, first: int, start: date, length: int) -> pa.Array:
    """Row after row to the next day of the calendar, at its own time of day."""
    rows = np.arange(first, first + len(moments), dtype=np.int64)
    times = moments.to_numpy(zero_copy_only=False) % DAY_MS
    return pa.array(milliseconds(start) + rows % length * DAY_MS + times)


@dataclass(frozen=True)
class Companion:
    """A second file of a folder with further columns of some payments; bounded, so it is held whole."""

    keys: pa.Array
    columns: pa.Table

    @classmethod
    def of(cls, declared: PaymentSet, options: Mapping[str, str]) -> Companion | None:
        """None when the folder has no such file: it is optional."""
        folder = Path(options["SOURCE"])
        if not declared.companion or not folder.is_dir():
            return None
        stem, key = declared.companion
        if not any(p.stem == stem for p in folder.iterdir()):
            return None
        source = find(str(folder), stem, declared.missing, {}, frozenset({key}))[0]
        if key not in source.columns():
            raise Unusable(f"{source.path}: column {key} is missing; found {', '.join(source.columns()[:40])}")
        table = pa.Table.from_batches(source.batches(source.columns())).combine_chunks()
        keys = pc.cast(table[key], pa.string()).combine_chunks()
        kept = [name for name in table.column_names if name != key and declared.reason_to_drop(name) is None]
        table = table.select(kept).rename_columns([declared.further_name(name) for name in kept])
        return cls(keys, table)

    def cells(self, identifiers: pa.Array) -> dict[str, pa.Array]:
        found = self.columns.take(pc.index_in(identifiers, self.keys))
        return {name: found[name].combine_chunks() for name in found.column_names}


def loans(declared: LoanSet) -> Writer:
    """The conversion of a set of loans: `loan_applications` and `loan_outcomes`.

    Public loan sets have no dates. Applications are spread evenly, in the file's order, over a calendar of DAYS days
    (181 unless told) from START (2025-01-01 unless told); the outcome is observed 30 days later. SEED shuffles the
    order first, for a file that is sorted by something. The calendar says nothing about time: it only lets a month
    be held out.
    """

    def convert(options: Mapping[str, str], folder: Path, told: Told = untold) -> dict[str, int]:
        plans = plans_of(declared, options)
        total = sum(part.source.count() for part in plans)
        if not total:
            raise Unusable(f"{options['SOURCE']}: expected loans, found no rows")
        start = milliseconds(first_day(options) or LOANS_START)
        length = (days(options) or LOANS_DAYS) * DAY_MS
        places = np.arange(total, dtype=np.int64)
        seed = whole(options, "SEED", 0, 2**32 - 1)
        if seed is not None:
            places = np.random.default_rng(seed).permutation(total)
        first = 0
        with Target(folder, ("loan_applications", "loan_outcomes")) as target:
            for part in plans:
                for batch in part.batches():
                    cells = {name: part.cells(name, batch, first) for name in declared.columns}
                    applied = pa.array(start + places[first : first + len(batch)] * length // total)
                    table = pa.table({**cells, "applied_at": iso(applied), **part.further_cells(batch)})
                    first += len(batch)
                    if len(table):
                        write_loans(target, refuse_pans(table, part.source), applied)
                    told(first, total)
        return target.rows

    return convert


def write_loans(target: Target, table: pa.Table, applied: pa.Array) -> None:
    outcomes = {
        "loan_id": table["loan_id"],
        "defaulted": table["defaulted"],
        "observed_at": iso(pc.add(applied, OBSERVED_AFTER)),
    }
    target.write("loan_applications", table.drop_columns("defaulted"))
    target.write("loan_outcomes", pa.table(outcomes))


DATED = ("loan_applications", "loan_decisions", "loan_performance", "loan_outcomes")


def dated_loans(declared: DatedLoanSet) -> Writer:
    """The conversion of a set of loans that has its own calendar, with what became of each loan.

    Options: SOURCE; START (a day) and DAYS select a stretch of applications.
    """

    def convert(options: Mapping[str, str], folder: Path, told: Told = untold) -> dict[str, int]:
        plans, start, length = plans_of(declared, options), first_day(options), days(options)
        first, total = 0, sum(part.source.about() for part in plans)
        with Target(folder, DATED) as target:
            for part in plans:
                for batch in part.batches():
                    full = batch.filter(pc.is_valid(batch.column(declared.full_when)))
                    cells = {name: part.cells(name, full, first) for name in part.origins}
                    further = part.further_cells(full)
                    inside = stretch(cells["applied_at"], start, length)
                    table = pa.table({**cells, "applied_at": iso(cells["applied_at"]), **further}).filter(inside)
                    first += len(batch)
                    if len(table):
                        target.write("loan_applications", refuse_pans(table, part.source))
                        after = pa.Table.from_batches([full]).filter(inside).to_pandas()
                        for entity, frame in aftermath(declared, part, after, table).items():
                            target.write(entity, frame)
                    told(first, max(first, total))
            if not target.rows["loan_applications"]:
                raise Unusable(f"{options['SOURCE']}: expected loans {asked(start, length)}, found none")
        return target.rows

    return convert


def aftermath(declared: DatedLoanSet, part: Plan, rows: pd.DataFrame, table: pa.Table) -> dict[str, pa.Table]:
    """Raises Unusable with file and column."""
    loans_, applied = table["loan_id"].to_pandas(), pd.to_datetime(table["applied_at"].to_pandas()).dt.tz_localize(None)
    try:
        found = declared.told(rows, loans_, applied)
    except Unexpected as wrong:
        raise Unusable(f"{part.source.path}: {wrong}") from None
    return {entity: told_table(CONTRACTS[entity], frame) for entity, frame in found.items()}


def told_table(contract: Contract, frame: pd.DataFrame) -> pa.Table:
    """The frame in the contract's types, whatever the cells of this batch happen to be."""
    types = {c.name: ARROW[c.type] for c in contract.columns}
    columns = {}
    for name, cells in frame.items():
        if types[str(name)] == MONEY:
            cells = cells.round(2)
        if contract.column(str(name)).type == "instant":
            cells = cells.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        array = pa.Array.from_pandas(cells)
        columns[name] = pc.cast(array, types[str(name)], safe=False)
    return pa.table(columns)
