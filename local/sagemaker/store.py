"""The server's resources: documents in memory, every change written to one SQLite file.

A document holds the members of the request that created it plus what Describe adds; timestamps are epoch seconds.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Document = dict[str, Any]


class Store:
    """Tables by kind. Thread-safe; what survives a restart is exactly what `put` and `change` were given."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(folder / "resources.sqlite", check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS resource (kind TEXT, name TEXT, document TEXT, PRIMARY KEY (kind, name))"
        )
        self._documents: dict[str, dict[str, Document]] = {}
        for kind, name, document in self._connection.execute("SELECT kind, name, document FROM resource"):
            self._documents.setdefault(kind, {})[name] = json.loads(document)

    def table(self, kind: str) -> Table:
        with self._lock:
            return Table(self, kind, self._documents.setdefault(kind, {}))

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _write(self, kind: str, name: str, document: Document | None) -> None:
        try:
            if document is None:
                self._connection.execute("DELETE FROM resource WHERE kind = ? AND name = ?", (kind, name))
            else:
                row = (kind, name, json.dumps(document))
                self._connection.execute("INSERT OR REPLACE INTO resource VALUES (?, ?, ?)", row)
        except sqlite3.ProgrammingError:
            # A worker that outlives close() may still report; its news concern a server that is gone.
            pass


class Table:
    """The documents of one kind, by name. Readers get copies: only `put` and `change` alter the table."""

    def __init__(self, store: Store, kind: str, documents: dict[str, Document]) -> None:
        self._store, self._kind, self._documents = store, kind, documents

    def get(self, name: str) -> Document | None:
        with self._store._lock:
            found = self._documents.get(name)
            return dict(found) if found is not None else None

    def all(self) -> list[Document]:
        with self._store._lock:
            return [dict(document) for document in self._documents.values()]

    def __contains__(self, name: str) -> bool:
        return name in self._documents

    def put(self, name: str, document: Document) -> None:
        with self._store._lock:
            self._documents[name] = document
            self._store._write(self._kind, name, document)

    def create(self, name: str, document: Document, taken: Callable[[], Exception]) -> None:
        """Add a document; raises what `taken` makes when the name exists, without a gap between look and put."""
        with self._store._lock:
            if name in self._documents:
                raise taken()
            self.put(name, document)

    def change(self, name: str, **members: Any) -> Document | None:
        """Set members (None removes one) and the time of change; returns the new document, None if it is gone."""
        with self._store._lock:
            found = self._documents.get(name)
            if found is None:
                return None
            document = {k: v for k, v in {**found, **members}.items() if v is not None}
            document["LastModifiedTime"] = time.time()
            self.put(name, document)
            return dict(document)

    def delete(self, name: str) -> Document | None:
        with self._store._lock:
            self._store._write(self._kind, name, None)
            return self._documents.pop(name, None)
