"""SIGTERM, as SageMaker stops a container: what is in flight is answered, nothing new is taken, the process ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.unit.inference.archives import trained
from tools.package import ROOT

SERVE = """
import sys
from pathlib import Path
from inference.serve import run
run(Path(sys.argv[1]), int(sys.argv[2]), "127.0.0.1")
"""


def connect(port: int, process: subprocess.Popen) -> socket.socket:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError(f"nobody listens, the process ended with {process.poll()}")


@pytest.fixture
def served(tmp_path):
    """(process, port) of a real server process."""
    archive = trained(tmp_path / "model")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", SERVE, str(archive), str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    yield process, port
    process.kill()
    process.wait()


def test_a_request_that_had_begun_is_answered_after_sigterm_and_the_process_ends(served):
    process, port = served
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 9\r\n\r\n"
    with connect(port, process) as begun, connect(port, process) as idle:
        begun.sendall(head + b"10,")
        time.sleep(0.2)  # it has come
        process.send_signal(signal.SIGTERM)

        assert idle.recv(100) == b"", "a connection without a request is closed at once"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
        assert process.poll() is None
        begun.sendall(b"house\n")
        answer = begun.recv(1000)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in answer
        assert begun.recv(100) == b""
    assert process.wait(10) == 0


def test_it_ends_at_once_when_nothing_is_in_flight(served):
    process, port = served
    connect(port, process).close()
    process.send_signal(signal.SIGTERM)

    assert process.wait(5) == 0
