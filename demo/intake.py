"""The user's RAW files: checked before anything is built, then dealt out as the platform gets them, night by night."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from features.contract import CONTRACTS
from features.currency import Rates, UnknownCurrency
from features.payment import InvalidPayment, Payment
from raw.form import RESOLVED
from raw.names import ENDINGS
from tools.raw_data.currencies import currencies
from tools.raw_data.files import Unusable, names, raw_files
from tools.raw_data.loaded import NUMBER, PART, Loaded, quoted
from tools.raw_data.meaning import filled, instant, name
from tools.raw_data.readability import read, refusals

BEGUN_WITH = {"transactions", "loan_applications"}
SPARE = 97  # columns: a line of so many cells more than its header had would be very odd
SMALLEST_DAY = 0.5  # of the usual day's payments: a shorter last day is a fragment, not a day to stream


class InputRefused(ValueError):
    """The data folder cannot be used. The text names file, column, what was expected and what was found."""


class Intake:
    """The files of one data folder by entity. Cells are what the lake reads in them, whatever the files' form."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.files = loaded.files

    @classmethod
    def open(cls, folder: Path) -> Intake:
        """Raises InputRefused for an unusable folder, file or column."""
        try:
            if not BEGUN_WITH & set(raw_files(folder)):
                raise InputRefused(
                    f"{folder}: expected transactions or loan_applications, as {ENDINGS}, found {names(folder)}"
                )
            intake = cls(Loaded(folder))
            intake.leave_out_empty_ones()
        except Unusable as refused:
            raise InputRefused(str(refused)) from None
        reasons = [reason for entity in intake.files for reason in intake.unusable(entity)]
        if reasons:
            raise InputRefused("\n".join(reasons))
        return intake

    def leave_out_empty_ones(self) -> None:
        """A header without rows is as good as no file, but for what a pipeline begins with."""
        for entity in [entity for entity in self.files if entity not in BEGUN_WITH and self.empty(entity)]:
            del self.files[entity]

    def empty(self, entity: str) -> bool:
        ((count,),) = self.loaded.ask(f"SELECT count(*) FROM {self.loaded.table(entity)}")
        return not count and not self.loaded.faults[entity].counts

    def unusable(self, entity: str) -> list[str]:
        """Why the lake could not use an entity's files; empty where it can."""
        if self.empty(entity):
            return [f"{self.files[entity][0]}: expected at least one row, found none"]
        found = refusals(self.loaded, entity, read(self.loaded, entity))
        if entity == "transactions" and (named := currencies(self.loaded)):
            found += named.refused
        return found

    def columns(self, entity: str) -> list[str]:
        return self.loaded.columns(entity)

    def dated(self, entity: str) -> str:
        """SQL for the instant that dates a row, null where it cannot be read."""
        return instant(CONTRACTS[entity].dated_by)

    def stream_day(self) -> date | None:
        """The last whole day of payments: it will come through the stream. None without payments."""
        if "transactions" not in self.files:
            return None
        when = self.dated("transactions")
        found = self.loaded.ask(
            f"SELECT CAST({when} AS DATE) AS day, count(*) AS payments FROM {self.loaded.table('transactions')} "
            "GROUP BY day ORDER BY day"
        )
        days = [(day, count) for day, count in found if day is not None]  # as a condition, it is computed once more
        if len(days) < 2:
            raise InputRefused(f"{self.files['transactions'][0]}: expected payments of several days, found {len(days)}")
        usual = sorted(count for _, count in days)[len(days) // 2]
        return next((day for day, count in reversed(days) if count >= SMALLEST_DAY * usual), days[-1][0])

    def score_month(self) -> date | None:
        """First day of the last month with a fair share of loan applications. None without loans."""
        if "loan_applications" not in self.files:
            return None
        when = self.dated("loan_applications")
        months = self.loaded.ask(
            f"SELECT CAST(date_trunc('month', {when}) AS DATE) AS month, count(*) FROM "
            f"{self.loaded.table('loan_applications')} WHERE month IS NOT NULL GROUP BY month ORDER BY month"
        )
        if len(months) < 2:
            file = self.files["loan_applications"][0]
            raise InputRefused(f"{file}: expected applications of at least two months, found {len(months)}")
        total = sum(count for _, count in months)
        return next(month for month, count in reversed(months) if count >= 0.02 * total)

    def days(self) -> tuple[date, date]:
        """First and last day that any payment or loan application falls on."""
        found = []
        for entity in ("transactions", "loan_applications"):
            if entity in self.files:
                when = self.dated(entity)
                (row,) = self.loaded.ask(f"SELECT min({when}), max({when}) FROM {self.loaded.table(entity)}")
                found += [moment.date() for moment in row if moment is not None]
        if not found:
            raise InputRefused("expected at least one row with a readable date, found none")
        return min(found), max(found)

    def deal(
        self, entity: str, folder: Path, before: datetime | None, since: datetime | None = None
    ) -> list[tuple[Path, int]]:
        """Writes the rows of a stretch of time as files of a folder, and returns these with how many rows each has.

        The cells are texts, as the lake reads them in the user's files: what a column means is decided by all of its
        rows, and a stretch of them may not tell. A row whose date cannot be read, and a line that is no row, belong to
        the first stretch: the lake will name what is wrong with them.
        """
        when, condition = self.dated(entity), []
        if since is not None:
            condition.append(f"{when} >= TIMESTAMP '{since}'")
        if before is not None:
            undated = "" if since is not None else f" OR {when} IS NULL"
            condition.append(f"({when} < TIMESTAMP '{before}'{undated})")
        where = f"WHERE {' AND '.join(condition)}" if condition else ""
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{entity}.parquet"
        columns = ", ".join(map(name, self.columns(entity)))
        ((count,),) = self.loaded.ask(
            f"COPY (SELECT {columns} FROM {self.loaded.table(entity)} {where} ORDER BY {PART}, {NUMBER}) "
            f"TO '{quoted(target)}' (FORMAT PARQUET, KV_METADATA {{ '{RESOLVED.decode()}': 'yes' }})"
        )
        dealt = [(target, count)] if count else []
        if since is None and (broken := self.loaded.faults[entity]).counts:
            lines = folder / f"{entity}-lines.csv"
            lines.write_bytes(header_of_no_row(self.loaded.columns(entity)) + broken.lines.read_bytes())
            dealt.append((lines, broken.counts.total()))
        return dealt

    def payments_of(self, day: date) -> Iterator[tuple[Payment, dict]]:
        """The day's payments that keep the contract, in order, each once, with their fields as text.

        Of two with one identifier the first of the files is taken, as the lake takes it. Payments that break the
        contract reach the lake with the night's file and are quarantined there.
        """
        no_cards, named = self.loaded.declared["transactions"].no_cards, currencies(self.loaded)
        rates = named.rates if named else Rates()
        when, fields = self.dated("transactions"), self.columns("transactions")
        key = filled("transaction_id")
        rows = self.loaded.asked(
            f"SELECT {', '.join(map(name, fields))} FROM (SELECT *, {when} AS _at, "
            f"row_number() OVER (PARTITION BY {key} ORDER BY {when} >= TIMESTAMP '{day}', {PART}, {NUMBER}) AS _place "
            f"FROM {self.loaded.table('transactions')} WHERE {when} < TIMESTAMP '{day + timedelta(days=1)}') "
            f"WHERE _place = 1 AND _at >= TIMESTAMP '{day}' ORDER BY _at, {key}"
        )
        while chunk := rows.fetchmany(10_000):
            for row in chunk:
                cells = {n: cell for n, cell in zip(fields, row, strict=True) if cell}
                try:
                    yield Payment.parse(cells, no_card=no_cards.__contains__).counted(rates), cells
                except (InvalidPayment, UnknownCurrency):
                    continue

    def truth(self, entity: str, key: str, flag: str) -> dict[str, int]:
        """What finally became of every payment or loan: the latest judgement, for measuring after the fact."""
        if entity not in self.files:
            return {}
        said = filled(flag)
        words = f"CASE lower({said}) WHEN 'true' THEN 1 WHEN 'false' THEN 0"
        read = f"{words} ELSE TRY_CAST(TRY_CAST({said} AS DOUBLE) AS INT) END"
        rows = self.loaded.ask(
            f"SELECT {filled(key)}, arg_max({read}, {self.dated(entity)}) FROM {self.loaded.table(entity)} GROUP BY 1"
        )
        return {identifier: flag for identifier, flag in rows if flag is not None}


def header_of_no_row(names: list[str]) -> bytes:
    """A header under which no line of the file is a row: the lake has to set aside what was none where it came from.

    It has more columns than any such line can have cells, and letters that make the file UTF-8.
    """
    header = io.StringIO()
    spare = [f"\u2116 {number} of a line that is no row" for number in range(1, SPARE + 1)]
    csv.writer(header, lineterminator="\n").writerow([*names, *spare])
    return header.getvalue().encode()
