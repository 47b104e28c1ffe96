"""The bootstrap archive serves itself: unpacked where SageMaker unpacks it, started as its container starts it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from features.fraud import FRAUD
from tools.archives import files_below
from tools.package import ROOT, bootstrap_model

# A namespace of mounts of its own: /opt there is the archive's, and the machine's stays as it is.
INSIDE = 'mount --bind "$1" /opt && exec "$2" /opt/ml/model/code/serve.py'
ALONE = ["unshare", "--mount", "sh", "-c", INSIDE, "sh"]


def can_unshare() -> bool:
    if not shutil.which("unshare") or sys.base_prefix.startswith("/opt/") or sys.prefix.startswith("/opt/"):
        return False
    tried = ["unshare", "--mount", "sh", "-c", "mount --bind /tmp /opt"]
    return subprocess.run(tried, capture_output=True).returncode == 0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.skipif(not can_unshare(), reason="needs a mount namespace of its own, as root on Linux")
def test_the_bootstrap_archive_answers_ping_and_payments_and_stops_when_told(tmp_path):
    for name, content in bootstrap_model(files_below(ROOT, "features")).items():
        path = tmp_path / "ml" / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "SAGEMAKER_BIND_TO_PORT": str(port)}
    server = subprocess.Popen([*ALONE, str(tmp_path), sys.executable], cwd=tmp_path, env=environment)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            until_healthy(http, server)
            document = {"feature_version": FRAUD.version, "rows": [[1.0] * len(FRAUD.columns)] * 3}
            answer = http.post("/invocations", json=document)
        assert answer.json() == {"scores": [0.01] * 3, "model": "bootstrap", "feature_version": FRAUD.version}
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) in (0, -signal.SIGTERM)
    finally:
        server.kill()
        server.wait()


def until_healthy(http: httpx.Client, server: subprocess.Popen, patience: float = 20) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if http.get("/ping").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"the server is not healthy, it ended with {server.poll()}")
