"""The bootstrap archive serves itself: unpacked where SageMaker unpacks it, started as its container starts it."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from pathlib import Path

from features.fraud import FRAUD
from local.sagemaker.containers import Container, supervised
from local.sagemaker.hosting.serving import connection_to
from tests.waiting import PATIENCE_S, eventually
from tools.archives import files_below
from tools.package import ROOT, bootstrap_model


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
    server = started(tmp_path, {"PATH": os.environ["PATH"]})
    try:
        eventually(lambda: not server.running or asked(server, "GET", "/ping"), "a healthy server")
        assert server.running, server.failure(server.wait())
        document = {"feature_version": FRAUD.version, "rows": [[1.0] * len(FRAUD.columns)] * 3}
        answer = json.loads(asked(server, "POST", "/invocations", json.dumps(document)))
        assert answer == {"scores": [0.01] * 3, "model": "bootstrap", "feature_version": FRAUD.version}
        assert server.stop() == 0
    finally:
        server.kill()
        server.wait(PATIENCE_S)


def asked(server: Container, method: str, path: str, body: str | None = None) -> bytes:
    """The answer of the server on its port 8080; nothing while it does not listen."""
    try:
        with closing(connection_to(server, PATIENCE_S)) as connection:
            connection.request(method, path, body, {"content-type": "application/json"})
            return connection.getresponse().read()
    except OSError:
        return b""
