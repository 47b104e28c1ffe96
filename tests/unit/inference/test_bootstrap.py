"""The bootstrap archive serves itself: unpacked where SageMaker unpacks it, started as its container starts it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

import httpx

from features.fraud import FRAUD
from local.sagemaker.containers import Container, supervised
from tools.archives import files_below
from tools.package import ROOT, bootstrap_model


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def started(folder: Path, environment: dict[str, str]) -> Container:
    """The server, in a container that has `folder/ml` at /opt/ml; the machine's /opt stays as it is."""
    for name in ("work", "staging"):
        (folder / name).mkdir()
    process = supervised(folder, [sys.executable, "/opt/ml/model/code/serve.py"], environment)
    return Container(folder, process, lambda line: None, lambda: None)


def test_the_bootstrap_archive_answers_ping_and_payments_and_stops_when_told(tmp_path):
    for name, content in bootstrap_model(files_below(ROOT, "features")).items():
        path = tmp_path / "ml" / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    port = free_port()
    server = started(tmp_path, {"PATH": os.environ["PATH"], "SAGEMAKER_BIND_TO_PORT": str(port)})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            until_healthy(http, server)
            document = {"feature_version": FRAUD.version, "rows": [[1.0] * len(FRAUD.columns)] * 3}
            answer = http.post("/invocations", json=document)
        assert answer.json() == {"scores": [0.01] * 3, "model": "bootstrap", "feature_version": FRAUD.version}
        assert server.stop() in (0, 128 + signal.SIGTERM)
    finally:
        server.kill()
        server.wait(10)


def until_healthy(http: httpx.Client, server: Container, patience: float = 20) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and server.running:
        try:
            if http.get("/ping").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"the server is not healthy: {server.failure(0 if server.running else server.wait())}")
