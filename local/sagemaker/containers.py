"""Containers: processes that see SageMaker's files and environment and nothing of the server's own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from . import images
from .logs import LogShipper
from .settings import Settings

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_CANNOT_START = 125
_TAIL = 60
_TERM_GRACE = 10.0  # AWS gives 120 s for jobs and 30 s for endpoints


class Container:
    """One running container. `folder` is its scratch space: `ml` (seen as /opt/ml), `tmp`, `home`, `work`."""

    def __init__(
        self, folder: Path, process: subprocess.Popen[bytes], on_line: Callable[[str], None], on_end: Callable[[], None]
    ) -> None:
        self.folder = folder
        self.ml = folder / "ml"
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self._leash, self._output = process.stdin, process.stdout
        self._tail: deque[str] = deque(maxlen=_TAIL)
        self._on_line, self._on_end = on_line, on_end
        self._reader = threading.Thread(target=self._read, name=f"container-{process.pid}", daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def supervisor_pid(self) -> int:
        return self._process.pid

    def wait(self, timeout: float | None = None) -> int:
        """Return the command's exit code once its output has been read; raises `subprocess.TimeoutExpired`."""
        code = self._process.wait(timeout)
        self._reader.join(timeout=5)
        return code

    def stop(self, grace: float = _TERM_GRACE) -> int:
        """End the container as AWS does: SIGTERM, time to finish, then SIGKILL; returns the exit code."""
        if self.running:
            self._tell(b"T")
            try:
                return self.wait(grace)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.wait()

    def kill(self) -> None:
        """End the container now, with everything in it."""
        with contextlib.suppress(OSError):
            self._leash.close()

    def failure(self, code: int) -> str:
        """Say why the command failed, from what it printed last: the traceback if there is one."""
        if code == _CANNOT_START and (self.folder / "error").exists():
            return (
                "InternalServerError: the container could not be isolated: "
                f"{(self.folder / 'error').read_text()}. It needs root rights or unprivileged user namespaces."
            )
        return last_words(list(self._tail))

    def _tell(self, message: bytes) -> None:
        try:
            self._leash.write(message)
            self._leash.flush()
        except (OSError, ValueError):
            pass  # it has just ended by itself

    def _read(self) -> None:
        for raw in self._output:
            line = raw.decode(errors="replace").rstrip("\n")
            self._tail.append(line)
            self._on_line(line)
        self._process.wait()
        self._on_end()


def last_words(lines: list[str]) -> str:
    """Return what explains a failure: everything from the first traceback on, else the last ten lines."""
    said = [line for line in lines if not line.startswith("+")]  # the shell's own trace (set -x) explains nothing
    starts = [i for i, line in enumerate(said) if line.startswith("Traceback (most recent call last)")]
    return "\n".join(said[starts[0] :] if starts else said[-10:])


class Containers:
    """Starts containers and, on close, ends all that still run."""

    def __init__(self, settings: Settings, logs: LogShipper) -> None:
        self._settings, self._logs = settings, logs
        self._lock = threading.Lock()
        self._running: set[Container] = set()
        self._closed = False
        self._scratch = settings.root / "containers"
        shutil.rmtree(self._scratch, ignore_errors=True)

    def prepare(self, name: str) -> Path:
        """Make a container's folders and return the one that holds them."""
        folder = self._scratch / f"{re.sub(r'[^A-Za-z0-9-]', '-', name)}-{time.time_ns():x}"
        for part in ("ml", "tmp", "home", "work", "staging"):
            (folder / part).mkdir(parents=True)
        return folder

    def start(
        self,
        folder: Path,
        argv: list[str],
        environment: Mapping[str, str],
        *,
        log_group: str,
        log_stream: str,
        host: str = "algo-1",
        on_line: Callable[[str], None] | None = None,
    ) -> Container:
        """Run `argv` with `folder/ml` at /opt/ml; lines go to CloudWatch Logs and to `on_line`."""

        def take(line: str) -> None:
            self._logs.add(log_group, log_stream, line)
            if on_line:
                on_line(line)

        with self._lock:
            if self._closed:
                raise RuntimeError("The local AWS is stopping.")
            process = supervised(folder, argv, {**self._environment(folder), **environment}, host)
            container = Container(folder, process, take, lambda: self._ended(container))
            self._running.add(container)
        return container

    def discard(self, folder: Path) -> None:
        """Remove a container's folder once its results are stored."""
        shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            running = list(self._running)
        for container in running:
            container.kill()
        for container in running:
            container.wait(timeout=5)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _ended(self, container: Container) -> None:
        with self._lock:
            self._running.discard(container)

    def _environment(self, folder: Path) -> dict[str, str]:
        settings = self._settings
        return {
            "PATH": images.search_path(settings.repository),
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_ENDPOINT_URL": settings.endpoint_url,
            "AWS_REGION": settings.region,
            "AWS_DEFAULT_REGION": settings.region,
            "AWS_ACCESS_KEY_ID": settings.access_key,
            "AWS_SECRET_ACCESS_KEY": settings.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "OMP_NUM_THREADS": str(os.cpu_count() or 1),
            "OMP_WAIT_POLICY": "passive",  # containers share the cores here: threads that spin take another one's time
        }


def supervised(
    folder: Path, argv: list[str], environment: Mapping[str, str], host: str = "algo-1"
) -> subprocess.Popen[bytes]:
    """The supervisor of a command that sees `folder/ml` as /opt/ml and nothing but this environment."""
    (folder / "hosts").write_text(f"127.0.0.1 localhost {host}\n::1 localhost\n")
    spec = {
        "argv": argv,
        "env": dict(environment),
        "cwd": str(folder / "work"),
        "opt_ml": str(folder / "ml"),
        "staging": str(folder / "staging"),
        "hosts": str(folder / "hosts"),
        "error": str(folder / "error"),
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_SUPERVISOR), str(folder / "spec.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": "/usr/bin:/bin"},
        start_new_session=True,
    )
