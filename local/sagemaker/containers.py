"""Containers: processes that see SageMaker's files and environment and nothing of the server's own."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from . import gate, images, network
from .logs import LogShipper
from .settings import Settings
from .surroundings import Surroundings

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_CANNOT_START = 125
SERVING_PORT = 8080  # where SageMaker expects a model server
_TAIL = 60
_SERVICES = ("SAGEMAKER", "SAGEMAKER_RUNTIME", "SAGEMAKER_FEATURESTORE_RUNTIME", "SAGEMAKER_METRICS")
_TERM_GRACE = 10.0  # AWS gives 120 s for jobs and 30 s for endpoints


class Container:
    """One running container. `folder` is its scratch space: `ml` (seen as /opt/ml), `tmp`, `home`, `work`."""

    def __init__(
        self, folder: Path, supervised: Supervised, on_line: Callable[[str], None], on_end: Callable[[], None]
    ) -> None:
        self.folder = folder
        self.ml = folder / "ml"
        self._process = process = supervised.process
        self._control, self._asking = supervised.control, threading.Lock()
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

    def connect(self, port: int = SERVING_PORT, timeout: float = 10.0) -> socket.socket:
        """Return a connection to a port of the container's own loopback; raises OSError while nobody listens."""
        with self._asking:
            self._control.settimeout(timeout)
            self._control.send(network.CONNECT + b"%d" % port)
            said, numbers, *_ = socket.recv_fds(self._control, 1, 1)
        if said != network.CONNECTED:
            raise ConnectionRefusedError(f"nobody listens on port {port} of the container")
        connection = socket.socket(fileno=numbers[0])
        try:
            ready = select.poll()
            ready.register(connection, select.POLLOUT)
            if not ready.poll(timeout * 1000):
                raise TimeoutError(f"port {port} of the container does not take a connection")
            if failed := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(failed, os.strerror(failed))
            connection.settimeout(timeout)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            connection.close()
            raise
        return connection

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
                f"{(self.folder / 'error').read_text()}. It needs root rights or unprivileged user namespaces "
                "(sysctl user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns; in Docker: "
                "--cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined)."
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
        with self._asking:
            self._control.close()
        self._on_end()


def last_words(lines: list[str]) -> str:
    """Return what explains a failure: everything from the first traceback on, else the last ten lines."""
    said = [line for line in lines if not line.startswith("+")]  # the shell's own trace (set -x) explains nothing
    starts = [i for i, line in enumerate(said) if line.startswith("Traceback (most recent call last)")]
    return "\n".join(said[starts[0] :] if starts else said[-10:])


class Containers:
    """Starts containers and, on close, ends all that still run."""

    def __init__(
        self,
        settings: Settings,
        logs: LogShipper,
        surroundings: Surroundings = Surroundings(),  # noqa: B008
    ) -> None:
        self._settings, self._logs, self._surroundings = settings, logs, surroundings
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
        role: str | None = None,
        host: str = "algo-1",
        isolated: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> Container:
        """Run `argv` with `folder/ml` at /opt/ml; lines go to CloudWatch Logs and to `on_line`.

        It has the credentials of its `role`, which writes its log, too. An `isolated` container
        (EnableNetworkIsolation) cannot reach the local AWS either.
        """

        def take(line: str) -> None:
            self._logs.add(log_group, log_stream, line, role or "")
            if on_line:
                on_line(line)

        if role:
            self._surroundings.measures(role, "/".join(log_group.split("/")[:4]))  # named as the log's groups are
        with self._lock:
            if self._closed:
                raise RuntimeError("The local AWS is stopping.")
            urls = [url for url in (self._settings.endpoint_url, self._settings.own_url) if url and not isolated]
            theirs = self._surroundings.credentials(role) if role else {}
            everything = {**self._environment(folder), **theirs, **environment}
            if folder_of_gate := self._gate():
                everything["PYTHONPATH"] = os.pathsep.join(
                    filter(None, [str(folder_of_gate), everything.get("PYTHONPATH", "")])
                )
            process = supervised(folder, argv, everything, host, urls)
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

    def _gate(self) -> Path | None:
        """Return the folder that keeps Python within the image's packages, made at the first container's start."""
        if self._settings.image_lock is None:
            return None
        folder = self._scratch / "gate"
        if not folder.exists():
            gate.write(folder, self._settings.image_lock)
        return folder

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
            **({f"AWS_ENDPOINT_URL_{service}": settings.own_url for service in _SERVICES} if settings.own_url else {}),
            "AWS_REGION": settings.region,
            "AWS_DEFAULT_REGION": settings.region,
            "AWS_ACCESS_KEY_ID": settings.access_key,
            "AWS_SECRET_ACCESS_KEY": settings.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "OMP_NUM_THREADS": str(os.cpu_count() or 1),
            "OMP_WAIT_POLICY": "passive",  # containers share the cores here: threads that spin take another one's time
        }


class Supervised(NamedTuple):
    """A supervisor and the socket by which it is asked for connections."""

    process: subprocess.Popen[bytes]
    control: socket.socket


def supervised(
    folder: Path,
    argv: list[str],
    environment: Mapping[str, str],
    host: str = "algo-1",
    endpoint_urls: Iterable[str] = (),
) -> Supervised:
    """Start a command that sees `folder/ml` as /opt/ml, nothing but this environment and no network but its own.

    `endpoint_urls` are the addresses outside that it reaches, under the same names and ports.
    """
    endpoints = dict.fromkeys(_address(url) for url in endpoint_urls)
    named = [outside for outside, _ in endpoints if not _is_number(outside)]
    names = " ".join(dict.fromkeys(["localhost", host, *named]))
    (folder / "hosts").write_text(f"127.0.0.1 {names}\n::1 localhost\n")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    spec = {
        "argv": argv,
        "env": dict(environment),
        "cwd": str(folder / "work"),
        "opt_ml": str(folder / "ml"),
        "staging": str(folder / "staging"),
        "hosts": str(folder / "hosts"),
        "error": str(folder / "error"),
        "control": theirs.fileno(),
        "endpoints": list(endpoints),
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_SUPERVISOR), str(folder / "spec.json")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin"},
            start_new_session=True,
            pass_fds=[theirs.fileno()],
        )
    return Supervised(process, ours)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
