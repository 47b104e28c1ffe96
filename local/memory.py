"""How much memory processes hold together, by its highest moment."""

from __future__ import annotations

import contextlib
import threading

import psutil

EVERY = 1.0  # seconds: asking for shares takes some CPU


class Watch:
    """While it lasts, watches the resident memory of some processes and all their children; `peak` in bytes.

    What several processes share counts once: each is asked for its proportional share (Linux's PSS). Of a process that
    does not tell it, all that is resident counts.
    """

    def __init__(self, *pids: int, every: float = EVERY) -> None:
        self.peak, self._every = 0, every
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
        while not self._ended.wait(self._every):
            watched: set[psutil.Process] = set()  # one may be the child of another
            for root in self._roots:
                with contextlib.suppress(psutil.Error):
                    watched |= {root, *root.children(recursive=True)}
            total = 0
            for process in watched:
                with contextlib.suppress(psutil.Error):
                    total += share(process)
            self.peak = max(self.peak, total)


def share(process: psutil.Process) -> int:
    """Raises psutil.NoSuchProcess."""
    try:
        return process.memory_full_info().pss
    except psutil.AccessDenied:
        return process.memory_info().rss
