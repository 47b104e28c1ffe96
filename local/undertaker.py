"""Ends what a killed server leaves behind.

The server cannot clean up after ``kill -9``. So it starts this file as a small process of its own and tells it, over a
pipe, which process groups it has started. The pipe closes whenever the server ends, however it ends; what is still on
the list then is killed.

    undertaker.begin()              in the server, once
    undertaker.watch(process.pid)   after Popen(..., start_new_session=True)
    undertaker.forget(process.pid)  after it has ended
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import IO

_pipe: IO[str] | None = None
_lock = threading.Lock()


def begin() -> None:
    """Start the undertaker of this process."""
    global _pipe
    # -I -S: no site-packages, so it is up in milliseconds and cannot be broken by what is installed.
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, text=True, start_new_session=True
    )
    _pipe = process.stdin


def watch(group: int) -> None:
    """Kill process group ``group`` should this process die without ending it."""
    _tell(f"+{group}")


def forget(group: int) -> None:
    """The group has ended; its number may belong to somebody else from now on."""
    _tell(f"-{group}")


def _tell(line: str) -> None:
    if _pipe is None:
        return
    with _lock:
        try:
            _pipe.write(line + "\n")
            _pipe.flush()
        except OSError:
            return


def _wait_and_bury() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except OSError:
            continue


if __name__ == "__main__":
    _wait_and_bury()
