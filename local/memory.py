"""How much memory processes hold together, by its highest moment."""

from __future__ import annotations

import contextlib
import threading

import psutil

EVERY = 0.5  # seconds


class Watch:
    """While it lasts, watches the resident memory of some processes and all their children; `peak` in bytes."""

    def __init__(self, *pids: int) -> None:
        self.peak = 0
        self._roots = [psutil.Process(pid) for pid in pids]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(EVERY):
            total = 0
            for root in self._roots:
                with contextlib.suppress(psutil.Error):
                    for process in (root, *root.children(recursive=True)):
                        with contextlib.suppress(psutil.Error):
                            total += process.memory_info().rss
            self.peak = max(self.peak, total)
