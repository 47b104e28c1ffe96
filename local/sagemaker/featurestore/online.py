"""The online store: one record per identifier, in memory, written to SQLite shortly after."""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path
from typing import NamedTuple

from .journal import Journal

_log = logging.getLogger(__name__)
_INTERVAL = 0.1


class Row(NamedTuple):
    """A record as it is answered (`[{"FeatureName": ...}, ...]` in JSON); a soft delete keeps only the time."""

    event_time: float
    expires_at: float | None
    record: bytes | None


class OnlineStore:
    """Rows by group and identifier. Reads and writes take microseconds: they touch memory only.

    A thread writes changes behind; until then a journal keeps them, so that a server may be killed at any time.
    """

    def __init__(self, folder: Path) -> None:
        self._rows: dict[str, dict[str, Row]] = {}
        self._changes: dict[tuple[str, str], Row | None] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._connection = sqlite3.connect(folder / "online.sqlite", check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS record (store TEXT, id TEXT, event_time REAL, expires_at REAL, record BLOB,"
            " PRIMARY KEY (store, id)) WITHOUT ROWID"
        )
        for group, identifier, *row in self._connection.execute("SELECT * FROM record"):
            self._rows.setdefault(group, {})[identifier] = Row(*row)
        self._journal = Journal(folder, "online")
        for group, identifier, left in self._journal.entries():
            self._changes[group, identifier] = row = left and Row(left[0], left[1], left[2] and left[2].encode())
            if row is None:
                self.rows(group).pop(identifier, None)
            else:
                self.rows(group)[identifier] = row
        self._thread = threading.Thread(target=self._run, name="sagemaker-online", daemon=True)
        self._thread.start()

    def rows(self, group: str) -> dict[str, Row]:
        """Return a group's rows; callers only read them."""
        return self._rows.setdefault(group, {})

    def put(self, group: str, identifier: str, row: Row) -> None:
        with self._lock:
            self._journal.add((group, identifier, (row.event_time, row.expires_at, row.record and row.record.decode())))
            self._changes[group, identifier] = row
        self.rows(group)[identifier] = row

    def remove(self, group: str, identifier: str) -> None:
        with self._lock:
            self._journal.add((group, identifier, None))
            self._changes[group, identifier] = None
        self.rows(group).pop(identifier, None)

    def drop(self, group: str) -> None:
        """Forget a deleted group's records."""
        rows = self._rows.pop(group, {})
        with self._lock:
            for identifier in rows:
                self._journal.add((group, identifier, None))
                self._changes[group, identifier] = None

    def size(self, group: str) -> int:
        return sum(len(row.record or b"") for row in list(self.rows(group).values()))

    def close(self) -> None:
        self._closed.set()
        self._thread.join(timeout=10)
        self._connection.close()

    def _run(self) -> None:
        last = False
        while not last:
            last = self._closed.wait(_INTERVAL)
            with self._lock:
                changes, self._changes = self._changes, {}
                number = self._journal.cut()
            if not changes:
                continue
            kept = [(*key, *row) for key, row in changes.items() if row is not None]
            gone = [key for key, row in changes.items() if row is None]
            try:
                with self._connection:
                    self._connection.execute("BEGIN")
                    self._connection.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?)", kept)
                    self._connection.executemany("DELETE FROM record WHERE store = ? AND id = ?", gone)
                self._journal.forget(number)
            except sqlite3.Error:
                _log.exception("online records were not written: they are tried again")
                with self._lock:
                    self._changes = {**changes, **self._changes}
