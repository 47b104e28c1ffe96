"""Start, find and stop a local AWS from another process.

    start(state_dir, port=4566)   -> Aws; the server outlives the caller
    stop(state_dir)               -> True if there was one to stop
    status(state_dir)             -> Aws | None
    running(state_dir, port=0)    -> context manager; the server ends with the block, or with the caller

All raise ``CannotStart`` with one sentence that says why and what to do.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.settings import ENFORCED, PERMISSIONS, REGION, Settings

START_SECONDS = 30.0
STOP_SECONDS = 10.0
REPOSITORY = Path(__file__).resolve().parent.parent


class CannotStart(RuntimeError):
    """Why no server could be started."""


@dataclass(frozen=True)
class Aws:
    """A local AWS that answers."""

    settings: Settings
    pid: int

    @property
    def endpoint_url(self) -> str:
        return self.settings.endpoint_url

    @property
    def region(self) -> str:
        return self.settings.region

    @property
    def state_dir(self) -> Path:
        return self.settings.state_dir

    def environment(self) -> dict[str, str]:
        """The caller's environment with every AWS setting replaced: no profile and no role of the user's leaks in."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def permissions(endpoint_url: str) -> dict[str, Any]:
    """What roles have asked a running server for so far, and what their planned policies say to it."""
    with urllib.request.urlopen(f"{endpoint_url}{PERMISSIONS}") as answer:
        return json.load(answer)


def start(state_dir: Path | str, port: int = 4566, region: str = REGION, permissions: str = ENFORCED) -> Aws:
    """Start a server that keeps running after the caller has ended."""
    aws, _ = _spawn(Settings(Path(state_dir).resolve(), port, region, permissions=permissions), lifeline=False)
    return aws


@contextmanager
def running(state_dir: Path | str, port: int = 0, region: str = REGION, permissions: str = ENFORCED) -> Iterator[Aws]:
    """A server for the length of a block. Port 0 takes a free one, so that several can live side by side."""
    aws, lifeline = _spawn(Settings(Path(state_dir).resolve(), port, region, permissions=permissions), lifeline=True)
    try:
        yield aws
    finally:
        os.close(lifeline)
        stop(state_dir)


def status(state_dir: Path | str) -> Aws | None:
    """The server of this folder, or None. A left-over address file of a killed server counts for nothing."""
    settings = Settings(Path(state_dir).resolve())
    if not _locked(settings):
        return None
    try:
        address = json.loads(settings.address_file.read_text())
    except (OSError, ValueError):
        return None
    return Aws(Settings(settings.state_dir, address["port"], address["region"]), address["pid"])


def stop(state_dir: Path | str) -> bool:
    """Stop the server of this folder and wait for its end. False if none was running."""
    settings = Settings(Path(state_dir).resolve())
    aws = status(state_dir)
    if aws is None:
        return False
    _signal(aws.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _locked(settings) and time.monotonic() < deadline:
        time.sleep(0.02)
    if _locked(settings):
        # Its undertaker ends what it had started.
        _signal(aws.pid, signal.SIGKILL)
        while _locked(settings):
            time.sleep(0.02)
    settings.address_file.unlink(missing_ok=True)
    return True


def _spawn(settings: Settings, lifeline: bool) -> tuple[Aws, int]:
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        log = settings.log_file.open("ab")
    except OSError as failure:
        raise CannotStart(f"{settings.state_dir} cannot be written: {failure.strerror}.") from failure
    status_read, status_write = os.pipe()
    life_read, life_write = os.pipe() if lifeline else (-1, -1)
    passed = [descriptor for descriptor in (status_write, life_read) if descriptor >= 0]
    with log:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.server", settings.to_json(), str(status_write), str(life_read)],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=passed,
            start_new_session=True,
        )
    for descriptor in passed:
        os.close(descriptor)
    message = _first_line(status_read, START_SECONDS)
    if "port" not in message:
        process.kill()
        process.wait()
        if life_write >= 0:
            os.close(life_write)
        raise CannotStart(message.get("error", f"The server did not start; see {settings.log_file}."))
    return Aws(settings.listening_on(message["port"]), process.pid), life_write


def _first_line(descriptor: int, seconds: float) -> dict:
    """The server's one line, or {} when it ended or was silent."""
    deadline = time.monotonic() + seconds
    text = b""
    try:
        while not text.endswith(b"\n"):
            readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(descriptor, 4096) if readable else b""
            if not chunk:
                return {}
            text += chunk
        return json.loads(text)
    finally:
        os.close(descriptor)


def _locked(settings: Settings) -> bool:
    try:
        with settings.lock_file.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    if number == signal.SIGKILL:
        return
    # Our own child would stay a zombie, and its lock is gone long before; harmless, but it would look like a leak.
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
