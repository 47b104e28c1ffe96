"""``python -m local up | down | status | run -- COMMAND``"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

from local import lifecycle
from local.memory import Watch
from local.settings import PORT, REGION

STATE = Path("build/local-aws")


def main() -> int:
    arguments = _arguments()
    try:
        if arguments.command == "up":
            return _up(arguments)
        if arguments.command == "run":
            return _run(arguments)
        if arguments.command == "down":
            stopped = lifecycle.stop(arguments.state)
            print("Local AWS stopped." if stopped else f"No local AWS is running in {arguments.state}.")
            return 0
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
        "run": "start it, run a command against it, stop it; the command's exit code is returned",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("--state", type=Path, default=STATE, help=f"the folder that holds its state ({STATE})")
        if name == "up":
            command.add_argument("--port", type=int, default=PORT, help=f"0 for any free one ({PORT})")
            command.add_argument("--region", default=REGION, help=f"({REGION})")
            command.add_argument("--detach", action="store_true", help="return at once and keep it running")
        if name == "run":
            command.add_argument("--fresh", action="store_true", help="begin with an empty state folder")
            command.add_argument("words", nargs="+", metavar="COMMAND")
    return parser.parse_args()


def _up(arguments: argparse.Namespace) -> int:
    if arguments.detach:
        print(_described(lifecycle.start(arguments.state, arguments.port, arguments.region)))
        return 0
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with lifecycle.running(arguments.state, arguments.port, arguments.region) as aws:
        print(_described(aws), flush=True)
        while not ended.wait(1.0):
            if lifecycle.status(arguments.state) is None:
                print(f"The server ended; see {aws.settings.log_file}.", file=sys.stderr)
                return 1
    return 0


def _run(arguments: argparse.Namespace) -> int:
    if arguments.fresh:
        lifecycle.stop(arguments.state)  # an interrupted run may have left one
        shutil.rmtree(arguments.state, ignore_errors=True)
    with lifecycle.running(arguments.state, port=0) as aws, Watch(os.getpid(), aws.pid) as memory:
        try:
            return subprocess.run(arguments.words, env=aws.environment(), check=False).returncode
        except KeyboardInterrupt:
            return 130
        finally:
            print(f"Peak resident memory of all processes: {memory.peak / 1e9:.1f} GB", flush=True)


def _described(aws: lifecycle.Aws) -> str:
    return f"Local AWS on {aws.endpoint_url} (region {aws.region}, process {aws.pid}, log {aws.settings.log_file})"


if __name__ == "__main__":
    sys.exit(main())
