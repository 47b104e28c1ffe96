"""``python -m local up | down | status | permissions | with -- COMMAND | run -- COMMAND``"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from local import lifecycle
from local.memory import Watch
from local.settings import ENFORCED, PORT, RECORDED, REGION, Settings

STATE = Path("build/local-aws")


def main() -> int:
    arguments = _arguments()
    try:
        if arguments.command == "up":
            return _up(arguments)
        if arguments.command == "run":
            return _run(arguments)
        if arguments.command == "with":
            return _with(arguments)
        if arguments.command == "down":
            stopped = lifecycle.stop(arguments.state)
            print("Local AWS stopped." if stopped else f"No local AWS is running in {arguments.state}.")
            return 0
        if arguments.command == "permissions":
            return _permissions(arguments)
        aws = lifecycle.status(arguments.state)
        print(_described(aws) if aws else f"No local AWS is running in {arguments.state}.")
        return 0 if aws else 1
    except lifecycle.CannotStart as refusal:
        print(refusal, file=sys.stderr)
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description="AWS on this machine, on loopback only.")
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {
        "up": "start it",
        "down": "stop it",
        "status": "say where it is; exit code 1 if nowhere",
        "permissions": "print which calls the planned policies deny, and what nobody used; exit code 1 if any",
        "with": "run a command against the one that runs; the command's exit code is returned",
        "run": "start it, run a command against it, stop it; the command's exit code is returned",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("--state", type=Path, default=STATE, help=f"the folder that holds its state ({STATE})")
        if name == "up":
            command.add_argument("--port", type=int, default=PORT, help=f"0 for any free one ({PORT})")
            command.add_argument("--region", default=REGION, help=f"({REGION})")
            command.add_argument("--detach", action="store_true", help="return at once and keep it running")
        if name in ("up", "run"):
            command.add_argument(
                "--permissions",
                choices=(ENFORCED, RECORDED),
                default=ENFORCED,
                help=f"whether what the policies of a role do not allow is refused, or only written down ({ENFORCED})",
            )
        if name == "run":
            command.add_argument("--fresh", action="store_true", help="begin with an empty state folder")
        if name in ("run", "with"):
            command.add_argument("words", nargs="+", metavar="COMMAND")
    return parser.parse_args()


def _up(arguments: argparse.Namespace) -> int:
    if arguments.detach:
        print(_described(lifecycle.start(arguments.state, arguments.port, arguments.region, arguments.permissions)))
        return 0
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with lifecycle.running(arguments.state, arguments.port, arguments.region, arguments.permissions) as aws:
        print(_described(aws), flush=True)
        while not ended.wait(1.0):
            if lifecycle.status(arguments.state) is None:
                print(f"The server ended; see {aws.settings.log_file}.", file=sys.stderr)
                return 1
    return 0


def _with(arguments: argparse.Namespace) -> int:
    """Where the caller's environment names an endpoint already, that one is meant."""
    if os.environ.get("AWS_ENDPOINT_URL"):
        return subprocess.run(arguments.words, check=False).returncode
    aws = lifecycle.status(arguments.state)
    if aws is None:
        print(f"No local AWS is running in {arguments.state}: `make local-up` starts it.", file=sys.stderr)
        return 1
    return subprocess.run(arguments.words, env=aws.environment(), check=False).returncode


def _run(arguments: argparse.Namespace) -> int:
    with _alone(arguments.state):
        if arguments.fresh:
            lifecycle.stop(arguments.state)  # an interrupted run may have left one
            shutil.rmtree(arguments.state, ignore_errors=True)
        return _running(arguments)


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Of two runs in one folder the second is refused: it would empty the folder of the first. Raises CannotStart."""
    note = state.with_name(state.name + ".run")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        held = note.open("a+")
    except OSError as failure:
        raise lifecycle.CannotStart(f"{note} cannot be written: {failure.strerror}.") from failure
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            raise lifecycle.CannotStart(
                f"{state} is in use by another run (process {held.read().strip()}): wait until it ends, or end it."
            ) from None
        held.truncate(0)
        held.write(f"{os.getpid()}\n")
        held.flush()
        yield


def _running(arguments: argparse.Namespace) -> int:
    running = lifecycle.running(arguments.state, port=0, permissions=arguments.permissions)
    with running as aws, Watch(os.getpid(), aws.pid) as memory:
        try:
            code = subprocess.run(arguments.words, env=aws.environment(), check=False).returncode
            with contextlib.suppress(OSError):  # a server that has ended says nothing more
                asked = lifecycle.permissions(aws.endpoint_url)
                if asked["calls"]:
                    print(f"{asked['summary']}; see python -m local permissions --state {arguments.state}", flush=True)
            return code
        except KeyboardInterrupt:
            return 130
        finally:
            print(f"Peak resident memory of all processes: {memory.peak / 1e9:.1f} GB", flush=True)


def _permissions(arguments: argparse.Namespace) -> int:
    """Of the running server, else of the last one of this folder."""
    from local.permissions import report

    aws, file = lifecycle.status(arguments.state), Settings(arguments.state).permissions_file
    if aws is None and not file.exists():
        print(f"No local AWS has run in {arguments.state}.", file=sys.stderr)
        return 1
    found = lifecycle.permissions(aws.endpoint_url) if aws else json.loads(file.read_text())
    print(report.text(found))
    return int(bool(found["denied"] or found["not_judged"]))


def _described(aws: lifecycle.Aws) -> str:
    return f"Local AWS on {aws.endpoint_url} (region {aws.region}, process {aws.pid}, log {aws.settings.log_file})"


if __name__ == "__main__":
    sys.exit(main())
