"""The user's RAW files: checked before anything is built, then dealt out as the platform gets them, night by night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from features.contract import CONTRACTS, Contract
from features.payment import InvalidPayment, Payment
from tools.operate.raw_files import Unusable, names, raw_files

SMALLEST_DAY = 0.5  # of the usual day's payments: a shorter last day is a fragment, not a day to stream


class InputRefused(ValueError):
    """The data folder cannot be used. The text names file, column, what was expected and what was found."""


@dataclass(frozen=True)
class Intake:
    """The files of one data folder by entity, and a database that reads them."""

    files: dict[str, Path]
    database: duckdb.DuckDBPyConnection

    @classmethod
    def open(cls, folder: Path) -> Intake:
        """Raises InputRefused for an unusable folder, file or column."""
        try:
            files = raw_files(folder)
        except Unusable as refused:
            raise InputRefused(str(refused)) from None
        database = duckdb.connect()
        database.execute("SET GLOBAL TimeZone = 'UTC'")  # an instant without an offset is UTC, wherever this runs
        intake = cls(files, database)
        if not {"transactions", "loan_applications"} & set(files):
            raise InputRefused(
                f"{folder}: expected transactions or loan_applications, as .csv or .parquet, found {names(folder)}"
            )
        for entity, path in files.items():
            intake._check(CONTRACTS[entity], path)
        return intake

    def _check(self, contract: Contract, path: Path) -> None:
        try:
            columns = self.columns(contract.entity)
            rows = self.database.cursor().execute(f"SELECT count(*) FROM {self.table(contract.entity)}").fetchone()
        except duckdb.Error as broken:
            kind = path.suffix.lstrip(".")
            reason = str(broken).strip().splitlines()[0]
            raise InputRefused(f"{path}: expected a readable {kind} file, found: {reason}") from None
        missing = [name for name in contract.required if name not in columns]
        if missing:
            raise InputRefused(
                f"{path}: column {', '.join(missing)} is missing; expected {', '.join(contract.required)}; "
                f"found {', '.join(columns)}"
            )
        if not rows or not rows[0]:
            raise InputRefused(f"{path}: expected at least one row, found none")

    def columns(self, entity: str) -> list[str]:
        return [
            row[0] for row in self.database.cursor().execute(f"DESCRIBE SELECT * FROM {self.table(entity)}").fetchall()
        ]

    def table(self, entity: str) -> str:
        """SQL that reads the file; CSV cells stay text, so that dealing rows out changes no cell."""
        path = quoted(self.files[entity])
        if path.endswith(".parquet"):
            return f"read_parquet('{path}')"
        return f"read_csv('{path}', all_varchar=true, header=true, null_padding=true, strict_mode=false)"

    def dated(self, entity: str) -> str:
        """SQL for the instant that dates a row, null where it cannot be read."""
        column = CONTRACTS[entity].dated_by
        return f"TRY_CAST(TRY_CAST(\"{column}\" AS VARCHAR) AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"

    def stream_day(self) -> date | None:
        """The last whole day of payments: it will come through the stream. None without payments."""
        if "transactions" not in self.files:
            return None
        when = self.dated("transactions")
        days = (
            self.database.cursor()
            .execute(
                f"SELECT CAST({when} AS DATE) AS day, count(*) AS payments FROM {self.table('transactions')} "
                "WHERE day IS NOT NULL GROUP BY day ORDER BY day"
            )
            .fetchall()
        )
        if len(days) < 2:
            raise InputRefused(f"{self.files['transactions']}: expected payments of several days, found {len(days)}")
        usual = sorted(count for _, count in days)[len(days) // 2]
        return next((day for day, count in reversed(days) if count >= SMALLEST_DAY * usual), days[-1][0])

    def score_month(self) -> date | None:
        """First day of the last month with a fair share of loan applications. None without loans."""
        if "loan_applications" not in self.files:
            return None
        when = self.dated("loan_applications")
        months = (
            self.database.cursor()
            .execute(
                f"SELECT CAST(date_trunc('month', {when}) AS DATE) AS month, count(*) FROM "
                f"{self.table('loan_applications')} WHERE month IS NOT NULL GROUP BY month ORDER BY month"
            )
            .fetchall()
        )
        if len(months) < 2:
            raise InputRefused(
                f"{self.files['loan_applications']}: expected applications of at least two months, found {len(months)}"
            )
        total = sum(count for _, count in months)
        return next(month for month, count in reversed(months) if count >= 0.02 * total)

    def days(self) -> tuple[date, date]:
        """First and last day that any payment or loan application falls on."""
        found = []
        for entity in ("transactions", "loan_applications"):
            if entity in self.files:
                when = self.dated(entity)
                row = (
                    self.database.cursor()
                    .execute(f"SELECT min({when}), max({when}) FROM {self.table(entity)}")
                    .fetchone()
                )
                found += [moment.date() for moment in row or () if moment is not None]
        if not found:
            raise InputRefused("expected at least one row with a readable date, found none")
        return min(found), max(found)

    def deal(self, entity: str, target: Path, before: datetime | None, since: datetime | None = None) -> int:
        """Writes the rows of a stretch of time in the file's own format and returns how many.

        A row whose date cannot be read belongs to the first stretch: the lake will name what is wrong with it.
        """
        when, condition = self.dated(entity), []
        if since is not None:
            condition.append(f"{when} >= TIMESTAMP '{since}'")
        if before is not None:
            undated = "" if since is not None else f" OR {when} IS NULL"
            condition.append(f"({when} < TIMESTAMP '{before}'{undated})")
        where = f"WHERE {' AND '.join(condition)}" if condition else ""
        options = "FORMAT PARQUET" if target.suffix == ".parquet" else "FORMAT CSV, HEADER"
        target.parent.mkdir(parents=True, exist_ok=True)
        self.database.cursor().execute(
            f"COPY (SELECT * FROM {self.table(entity)} {where}) TO '{quoted(target)}' ({options})"
        )
        row = self.database.cursor().execute(f"SELECT count(*) FROM {self.table(entity)} {where}").fetchone()
        return row[0] if row else 0

    def payments_of(self, day: date) -> Iterator[tuple[Payment, dict]]:
        """The day's payments that keep the contract, in order, each once, with their fields as text.

        Payments that break it reach the lake with the night's file and are quarantined there.
        """
        when, seen = self.dated("transactions"), set()
        names = self.columns("transactions")
        rows = self.database.cursor().execute(
            f"SELECT * FROM {self.table('transactions')} WHERE {when} >= TIMESTAMP '{day}' "
            f"AND {when} < TIMESTAMP '{day + timedelta(days=1)}' ORDER BY {when}, transaction_id"
        )
        while chunk := rows.fetchmany(10_000):
            for row in chunk:
                fields = {name: cell_text(cell) for name, cell in zip(names, row, strict=True) if cell is not None}
                try:
                    payment = Payment.parse(fields)
                except InvalidPayment:
                    continue
                if payment.transaction_id not in seen:
                    seen.add(payment.transaction_id)
                    yield payment, fields

    def truth(self, entity: str, key: str, flag: str) -> dict[str, int]:
        """What finally became of every payment or loan: the latest judgement, for measuring after the fact."""
        if entity not in self.files:
            return {}
        when = self.dated(entity)
        rows = (
            self.database.cursor()
            .execute(
                f"SELECT CAST({key} AS VARCHAR), arg_max(TRY_CAST(TRY_CAST({flag} AS DOUBLE) AS INT), {when}) "
                f"FROM {self.table(entity)} GROUP BY 1"
            )
            .fetchall()
        )
        return {identifier: flag for identifier, flag in rows if flag is not None}


def quoted(path: Path) -> str:
    """A path inside a SQL text."""
    return str(path).replace("'", "''")


def cell_text(cell: object) -> str:
    """A cell as the text that a payment message carries."""
    if isinstance(cell, datetime):
        return cell.isoformat()
    return str(cell)
