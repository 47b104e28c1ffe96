"""Python processes of Glue jobs, forked from one that has imported what they ask for."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from local import undertaker

PROGRAM = Path(__file__).with_name("driver.py")


class Drivers:
    """One process to fork from, for each list of modules that jobs ask for. `folder` holds their sockets."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, dict(environment)
        self._parents: dict[tuple[str, ...], tuple[subprocess.Popen, str]] = {}
        self._made = 0
        self._lock = threading.Lock()

    def warm(self, modules: Sequence[str]) -> None:
        """Import what a coming job will ask for, unless that has begun."""
        self._parent(tuple(modules))

    def start(
        self, modules: Sequence[str], script: Path, argv: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> Driver:
        """Run a script in a process of its own that has `modules` imported."""
        request = folder / "request.json"
        content = {"script": str(script), "argv": list(argv), "environment": dict(environment), "folder": str(folder)}
        request.write_text(json.dumps(content))
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(self._parent(tuple(modules)))
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        socket.send_fds(connection, [str(request).encode()], [out_write, err_write])
        os.close(out_write)
        os.close(err_write)
        return Driver(connection, out_read, err_read)

    def _parent(self, modules: tuple[str, ...]) -> str:
        """Where the process listens that has these modules."""
        with self._lock:
            known = self._parents.get(modules)
            if known is not None and known[0].poll() is None:
                return known[1]
            self.folder.mkdir(parents=True, exist_ok=True)
            # The kernel's own name space: a path in a deep folder would be longer than a socket's name may be.
            self._made += 1
            address = f"\0{self.folder}/{self._made}-{os.getpid()}"[-100:]
            address = "\0" + address.lstrip("\0")
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(address)
            listener.listen(64)
            process = subprocess.Popen(
                [sys.executable, "-u", str(PROGRAM), str(listener.fileno()), *modules],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
            undertaker.watch(process.pid)
            listener.close()
            self._parents[modules] = (process, address)
            return address

    def close(self) -> None:
        with self._lock:
            for process, _ in self._parents.values():
                process.kill()
                process.wait()
                undertaker.forget(process.pid)
            self._parents.clear()


class Driver:
    """A job's Python process, as far as `subprocess.Popen` is needed of one."""

    def __init__(self, connection: socket.socket, output: int, errors: int) -> None:
        self._words = connection.makefile("r")
        self.stdout: IO[str] = os.fdopen(output, errors="replace")
        self.stderr: IO[str] = os.fdopen(errors, errors="replace")
        self.returncode: int | None = None
        self._ended = threading.Event()
        said = self._words.readline()
        self.pid = int(said) if said else -1
        threading.Thread(target=self._await_end, daemon=True, name=f"glue-driver-{self.pid}").start()

    def _await_end(self) -> None:
        said = self._words.readline()
        self.returncode = int(said) if said else -signal.SIGKILL
        self._ended.set()

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("glue job", timeout or 0)
        assert self.returncode is not None
        return self.returncode
