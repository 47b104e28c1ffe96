"""Java machines with Spark in them, kept from one Glue job to the next."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from local import undertaker
from local.spark_home import DAEMON_FOLDER, SUBMIT

START_SECONDS = 120.0
KEPT = 2  # as many as jobs run at a time


class CannotStart(RuntimeError):
    """Why there is no Java machine: what it said."""


class Machine:
    """A Java machine that waits for a job's Python. `folder / "run"` is the folder of the job that it has."""

    def __init__(self, folder: Path, environment: Mapping[str, str], settings: Callable[[Path], Path]) -> None:
        self.folder = folder
        (folder / "tmp").mkdir(parents=True)
        (folder / "conf").mkdir()
        # Whose jobs it runs: Hadoop keeps file systems, with the keys of whoever made them.
        self.role = ""
        self._told = folder / "gateway"
        self._heard: Callable[[str], None] | None = None
        self._last: list[str] = []
        # Python workers of Spark are started by the Java machine: they find the job's modules by this path.
        run = folder / "run"
        self._process = subprocess.Popen(
            [
                str(SUBMIT),
                "--properties-file",
                str(settings(folder)),
                "pyspark-shell",
            ],
            cwd=folder,
            env={
                **environment,
                "PYTHONPATH": os.pathsep.join(map(str, (run / "gate", run / "modules", DAEMON_FOLDER))),
                "TMPDIR": str(folder / "tmp"),
                "_PYSPARK_DRIVER_CONN_INFO_PATH": str(self._told),
            },
            stdin=subprocess.PIPE,  # it ends when this closes
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        undertaker.watch(self._process.pid)
        threading.Thread(target=self._listen, daemon=True, name=f"java-{self._process.pid}").start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError, OSError):
            for line in self._process.stderr:
                self._last = [*self._last[-20:], line.rstrip("\n")]
                if hear := self._heard:
                    hear(line.rstrip("\n"))

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def lend(self, run: Path, heard: Callable[[str], None]) -> dict[str, str]:
        """Give it to the job of a folder; `heard` gets what the Java machine says meanwhile. Returns what the job's
        Python needs in its environment. Raises CannotStart."""
        self._heard = heard
        link = self.folder / "run"
        link.unlink(missing_ok=True)
        link.symlink_to(run)
        port, secret = self._address()
        return {"PYSPARK_GATEWAY_PORT": str(port), "PYSPARK_GATEWAY_SECRET": secret}

    def take_back(self) -> None:
        self._heard = None

    def _address(self) -> tuple[int, str]:
        """Where Spark's gateway answers: a number, then its secret with its length before it."""
        deadline = time.monotonic() + START_SECONDS
        while not self._told.exists():  # Spark renames it into place when it is whole
            if not self.alive or time.monotonic() > deadline:
                raise CannotStart("Spark did not start: " + ("\n".join(self._last) or "it said nothing"))
            time.sleep(0.02)
        content = self._told.read_bytes()
        length = int.from_bytes(content[4:8], "big")
        return int.from_bytes(content[:4], "big"), content[8 : 8 + length].decode()

    def end(self) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        undertaker.forget(self._process.pid)
        shutil.rmtree(self.folder, ignore_errors=True)


class Pool:
    """Machines that wait. `make` makes one in a new folder."""

    def __init__(self, folder: Path, make: Callable[[Path], Machine]) -> None:
        self._folder, self._make = folder, make
        self._waiting: list[Machine] = []
        self._lock = threading.Condition()
        self._closed = self._warmed = self._warming = False

    def warm(self, exercise: Callable[[Machine], bool]) -> None:
        """Once, have a machine that has worked before the first job comes: `exercise` says whether it did it well."""
        with self._lock:
            if self._warmed or self._closed:
                return
            self._warmed = self._warming = True
            machine = self._new()
        sound = False
        try:
            sound = exercise(machine)
        finally:
            self.give_back(machine) if sound else machine.end()
            with self._lock:
                self._warming = False
                self._lock.notify_all()

    def take(self, role: str = "") -> Machine:
        """One that has run this role's jobs only, or none yet. The first job waits for the one that is being warmed."""
        with self._lock:
            machine = self._found(role)
            while machine is None and self._warming:
                self._lock.wait()
                machine = self._found(role)
            self._warmed = True
            machine = machine or self._new()
        machine.role = role
        return machine

    def _found(self, role: str) -> Machine | None:
        for machine in [m for m in self._waiting if not m.alive]:
            self._waiting.remove(machine)
            machine.end()
        for wanted in (role, ""):
            for machine in reversed(self._waiting):
                if machine.role == wanted:
                    self._waiting.remove(machine)
                    return machine
        return None

    def give_back(self, machine: Machine) -> None:
        """One whose job has ended well."""
        machine.take_back()
        with self._lock:
            if machine.alive and not self._closed and len(self._waiting) < KEPT:
                self._waiting.append(machine)
                self._lock.notify_all()
                return
        machine.end()

    def _new(self) -> Machine:
        return self._make(self._folder / secrets.token_hex(4))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            machines, self._waiting = self._waiting, []
        for machine in machines:
            machine.end()
