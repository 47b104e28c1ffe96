"""What was answered but is not in its place yet: lines of a file, so that a killed server loses none of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """Files `<name>-<number>.jsonl`, one of them open. Not thread-safe: callers hold a lock of their own.

    A line is in the kernel's hands when `add` returns: it survives the end of this process, not of the machine.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._number = max((_number(path) for path in self._files()), default=0)
        self._open: int | None = None

    def add(self, entry: Any) -> None:
        if self._open is None:
            self._number += 1
            flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC
            self._open = os.open(self._folder / f"{self._name}-{self._number}.jsonl", flags, 0o644)
        os.write(self._open, json.dumps(entry, separators=(",", ":")).encode() + b"\n")

    def cut(self) -> int:
        """Close the open file; returns the number up to which `forget` may be called once all that is in its place."""
        if self._open is not None:
            os.close(self._open)
            self._open = None
        return self._number

    def forget(self, number: int) -> None:
        for path in self._files():
            if _number(path) <= number:
                path.unlink()

    def entries(self) -> Iterator[Any]:
        """Yield everything that is not forgotten, in order; a last line that was cut off was never answered."""
        for path in sorted(self._files(), key=_number):
            for line in path.read_bytes().splitlines():
                try:
                    yield json.loads(line)
                except ValueError:
                    break

    def _files(self) -> list[Path]:
        return list(self._folder.glob(f"{self._name}-*.jsonl"))


def _number(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])
