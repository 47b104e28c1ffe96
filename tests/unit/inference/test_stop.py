"""SIGTERM, as SageMaker stops a container: what is in flight is answered, nothing new is taken, the process ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.unit.inference.archives import written
from tests.waiting import PATIENCE_S, eventually
from tools.package import ROOT

SERVE = """
import sys
from pathlib import Path
from inference.serve import run
run(Path(sys.argv[1]), int(sys.argv[2]), "127.0.0.1")
"""


def connected(port: int) -> socket.socket | None:
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    except ConnectionRefusedError:
        return None


@pytest.fixture
def served(tmp_path):
    """(process, port) of a real server process that listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", SERVE, str(written(tmp_path / "model")), str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    eventually(lambda: process.poll() is not None or connected(port), "the server").close()
    yield process, port
    process.kill()
    process.wait()


def test_a_request_that_had_begun_is_answered_after_sigterm_and_the_process_ends(served):
    process, port = served
    head = (
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 9\r\n"
        b"Expect: 100-continue\r\n\r\n"
    )
    with connected(port) as begun, connected(port) as idle:
        begun.sendall(head)
        assert begun.recv(100).startswith(b"HTTP/1.1 100"), "the server has seen the request"
        process.send_signal(signal.SIGTERM)

        assert idle.recv(100) == b"", "a connection without a request is closed at once"
        eventually(lambda: connected(port) is None, "the end of listening")
        assert process.poll() is None
        begun.sendall(b"10,house\n")
        answer = begun.recv(1000)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in answer
    assert process.wait(PATIENCE_S) == 0


def test_it_ends_when_nothing_is_in_flight(served):
    process, _ = served
    process.send_signal(signal.SIGTERM)

    assert process.wait(PATIENCE_S) == 0
