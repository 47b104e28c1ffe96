"""LocalStack from its package, for machines without Docker: `python -m tools.localstack up | down`.

It lives in an environment of its own, `.venv/localstack`, for it wants Python 3.13 and libraries of another age, and
listens on loopback only. What it installs on first use (its Kinesis, by npm) is kept in `build/localstack`; resources
end with it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements" / "localstack.txt"
ENVIRONMENT = ROOT / ".venv" / "localstack"
FOLDER = ROOT / "build" / "localstack"
VERSION = "4.14.0"  # the last one that needs no token
PORT = 4566
REGION = "eu-west-1"
PYTHON = "3.13"
SERVICES = (
    "s3", "sqs", "sns", "kinesis", "kms", "iam", "sts", "cloudwatch", "logs", "events", "scheduler",
    "stepfunctions", "ec2",
)  # fmt: skip
ANSWERS_WITHIN_S = 5
PATIENCE_S = 120  # its first Kinesis comes from npm, but not before it is asked for


class Unavailable(RuntimeError):
    """LocalStack cannot be had from its package here; the text says what is missing."""


def answers(host: str) -> bool:
    """Whether LocalStack is what answers there: our own local AWS knows the same path."""
    try:
        with urllib.request.urlopen(f"http://{host}/_localstack/health", timeout=ANSWERS_WITHIN_S) as answer:
            return bool(json.load(answer).get("version") == VERSION)
    except (OSError, ValueError):
        return False


@contextmanager
def running() -> Iterator[str]:
    """A LocalStack of one's own on a free port; gives host:port. Raises Unavailable."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = start(port)
    try:
        yield f"localhost:{port}"
    finally:
        stop(process.pid)
        process.wait()
        shutil.rmtree(files(port), ignore_errors=True)


def start(port: int) -> subprocess.Popen[bytes]:
    """Returns once it answers. Raises Unavailable."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Unavailable(f"LocalStack's Kinesis needs {program}: install Node.js 18 or later.")
    with socket.socket() as probe:  # it would share the port, and each of the two get some of the calls
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise Unavailable(f"Port {port} is taken by something that is no LocalStack {VERSION}: make local-down?")
    install()
    make_files(port)
    log = FOLDER / f"{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(ENVIRONMENT / "bin" / "python"), "-m", "localstack.runtime.main"],
            env=settings(port),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=FOLDER,
        )
    if wait(lambda: answers(f"localhost:{port}") or process.poll() is not None) and process.poll() is None:
        return process
    stop(process.pid)
    raise Unavailable(f"LocalStack does not answer ({process.poll()}); it said:\n{log.read_text()[-2000:]}")


def files(port: int) -> Path:
    return FOLDER / "files" / str(port)


def make_files(port: int) -> None:
    """Files of its own, for one that ends deletes those of another; what is installed they share."""
    shutil.rmtree(files(port), ignore_errors=True)
    here, shared = files(port) / "var" / "lib" / "localstack" / "lib", FOLDER / "lib"
    shared.mkdir(parents=True, exist_ok=True)
    here.parent.mkdir(parents=True)
    here.symlink_to(shared)


def quoted(path: Path) -> str:
    """As NODE_OPTIONS writes an argument: within quotes a space does not end it, a backslash comes before a quote."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def settings(port: int) -> dict[str, str]:
    """Its environment: nothing of the caller's AWS, loopback, nothing told to anybody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCALSTACK_", "PYTHON"))}
    return {
        **kept,
        "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        "AWS_DEFAULT_REGION": REGION,
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
        "FILESYSTEM_ROOT": str(files(port)),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_SERVER": "hypercorn",
        "LOCALSTACK_HOST": f"localhost:{port}",
        "NODE_OPTIONS": f"--require {quoted(Path(__file__).with_name('loopback.js'))}",
        "SERVICES": ",".join(SERVICES),
        "OVERRIDE_IN_DOCKER": "0",  # in a container it would take itself for its own image, and write where that does
        "SKIP_SSL_CERT_DOWNLOAD": "1",
    }


def stop(pid: int) -> None:
    """Ends it and its helpers, which are of its process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return
        if wait(lambda: not alive(pid)):
            return


def wait(found: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not found():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def alive(pid: int) -> bool:
    """Whether a process of the group runs; one that has ended and waits to be collected does not."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group = status.read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if group == str(pid) and state != "Z":
            return True
    return False


def install() -> None:
    """Makes the environment, once per lock. Raises Unavailable."""
    ready = ENVIRONMENT / ".ready"
    if ready.is_file() and ready.read_text() == REQUIREMENTS.read_text():
        return
    uv, python = str(ROOT / ".venv" / "bin" / "uv"), find_python()
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    locked = ["--compile-bytecode", "--python", str(ENVIRONMENT / "bin" / "python"), "--require-hashes"]
    for arguments in (
        ["venv", "--quiet", "--python", python, str(ENVIRONMENT)],
        ["pip", "install", "--quiet", *locked, "-r", str(REQUIREMENTS)],
    ):
        done = subprocess.run(
            [uv, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode != 0:
            raise Unavailable(f"LocalStack's environment could not be made:\n{done.stderr}")
    shutil.copyfile(REQUIREMENTS, ready)


def find_python() -> str:
    """A Python 3.13 of this machine. Raises Unavailable."""
    managed = sorted((Path.home() / ".pyenv" / "versions").glob(f"{PYTHON}.*/bin/python{PYTHON}"))
    for candidate in (f"python{PYTHON}", "python3", *map(str, managed)):
        path = shutil.which(candidate)
        if path is None:
            continue
        asked = [path, "-c", "import sys; print(*sys.version_info[:2], sep='.'); print(sys.executable)"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split("\n")
        if said[0] == PYTHON:
            return said[1]
    raise Unavailable(
        f"LocalStack from its package needs Python {PYTHON}, which is not here: apt-get install python{PYTHON} "
        f"python{PYTHON}-venv, or pyenv install {PYTHON}. With Docker: docker compose up -d localstack."
    )
