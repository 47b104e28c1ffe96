"""The state on disk follows the state in memory, so that a killed server loses seconds, not its session.

MiniStack saves at its end only. Saving takes its time, and whoever calls meanwhile would wait: so a forked child saves.
It has the whole state as it was at one instant, the parent goes on at once.

A pause in the requests is the best moment. A server without pauses is saved all the same, every ``LATEST_SECONDS`` or
after ten times as long as the last saving took, whichever is later: at most a tenth of one processor.
"""

from __future__ import annotations

import _imp
import contextlib
import ctypes
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

IDLE_SECONDS = 1.0
LATEST_SECONDS = 5.0
SHARE = 10
LONGEST_SECONDS = 120.0
LOOK_SECONDS = 0.25

PR_SET_PDEATHSIG = 1

logger = logging.getLogger("local")
_libc = ctypes.CDLL(None)
_current: Checkpoints | None = None
_then: list[Callable[[], None]] = []


def once_saved(then: Callable[[], None]) -> None:
    """Call it when everything that is in memory now is on disk."""
    _then.append(then)
    changed()


def changed() -> None:
    """Something has changed without a request: a job, a crawl or a query has ended."""
    if _current is not None:
        _current.changed()


class Checkpoints:
    """Calls ``save`` in a forked child when something has changed. ``changed()`` costs an addition."""

    def __init__(
        self,
        save: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """`before` is called in the parent ahead of each fork."""
        self._save, self._clock, self._before = save, clock, before
        self._changes = 0
        self._saved = 0
        self._last_change = 0.0
        self._last_save = clock()
        self._took = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="checkpoints")

    def start(self) -> None:
        global _current
        _current = self
        if _then:  # told while the state was read
            self.changed()
        self._thread.start()

    def begin(self) -> None:
        """A request has come: what it changes may be half done until ``changed`` says that it is answered."""
        self._last_change = self._clock()

    def changed(self) -> None:
        self._changes += 1
        self._last_change = self._clock()

    def due(self) -> bool:
        """Whether there is something to save, and now is the time."""
        if self._changes == self._saved:
            return False
        now = self._clock()
        pause = now - self._last_change >= IDLE_SECONDS
        late = now - self._last_save >= max(LATEST_SECONDS, SHARE * self._took)
        return pause or late

    def end(self) -> None:
        """No child saves from here on: the last saving is the server's own."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            if self.due():
                self.save()

    def save(self) -> None:
        """Save once and wait for it."""
        changes, started, then = self._changes, self._clock(), [*_then]
        self._before()
        with _no_import():
            child = os.fork()
            if child == 0:
                _save_and_exit(self._save)
        code = self._wait(child, started + LONGEST_SECONDS)
        if code is None:
            # A lock that another thread held at the fork is never released in the child. The next one has more luck.
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            if not self._ended.is_set():
                logger.warning("a checkpoint took more than %s seconds and was given up", LONGEST_SECONDS)
        else:
            self._saved = changes
            for call in then if code == 0 else ():
                call()
                _then.remove(call)
        self._last_save = self._clock()
        self._took = self._last_save - started

    def _wait(self, child: int, until: float) -> int | None:
        """Its exit code, none when it has not ended by then."""
        while self._clock() < until and not self._ended.wait(0.02):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
        return None


@contextlib.contextmanager
def _no_import() -> Iterator[None]:
    """A fork takes the locks of logging and of thread pools, and then that of imports. A thread that imports and
    meanwhile collects a log handler takes them in the other order, and both would wait for ever. So imports come first.
    """
    _imp.acquire_lock()
    try:
        yield
    finally:
        _imp.release_lock()


def _save_and_exit(save: Callable[[], None]) -> None:
    """In the child: leave the parent's sockets, pipes and lock at once, or they would stay open after its death."""
    gc.disable()
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        with contextlib.suppress(AttributeError):  # Linux only
            # A child that outlived its parent would write over what the next server has saved.
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.nice(5)
        save()
        os._exit(0)
    finally:
        os._exit(1)
