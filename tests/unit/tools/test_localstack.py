"""LocalStack from its package: what it needs is named, and nobody else can reach it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tools import localstack


class Health(BaseHTTPRequestHandler):
    says: ClassVar[dict] = {}

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.says).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("version", "is_it"), [("4.14.0", True), ("1.5.33", False), (None, False)])
def test_our_own_local_aws_is_not_taken_for_localstack(host, monkeypatch, version, is_it):
    monkeypatch.setattr(Health, "says", {"services": {}, "version": version})
    assert localstack.answers(host) is is_it


def test_nobody_answers_where_nothing_listens():
    assert not localstack.answers("127.0.0.1:1")


@pytest.mark.parametrize("program", ["node", "npm"])
def test_a_machine_without_node_is_told_so(monkeypatch, program):
    monkeypatch.setattr(shutil, "which", lambda name: None if name == program else f"/usr/bin/{name}")
    with pytest.raises(localstack.Unavailable, match=f"needs {program}: install Node.js"):
        localstack.start(1)


def test_a_port_that_another_listens_on_is_not_shared(host, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(localstack.Unavailable, match="is taken by something that is no LocalStack"):
        localstack.start(int(host.rpartition(":")[2]))


def test_a_machine_without_its_python_is_told_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    with pytest.raises(localstack.Unavailable, match=r"needs Python 3\.13.*pyenv install 3\.13"):
        localstack.find_python()


def test_it_knows_nothing_of_the_caller_s_account_and_listens_on_loopback(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the caller's")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    settings = localstack.settings(4599)
    assert [name for name in settings if name.startswith("AWS_")] == ["AWS_DEFAULT_REGION"]
    assert settings["GATEWAY_LISTEN"] == "127.0.0.1:4599"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not here")
@pytest.mark.parametrize("where", ["0", '"0"', '0, "0.0.0.0"', "{port: 0}", '{port: 0, host: "0.0.0.0"}', "0, 511"])
def test_its_kinesis_listens_on_loopback_however_it_asks(where):
    program = (
        'const server = require("node:http").createServer();'
        f"server.listen({where}).on('listening', () => {{ console.log(server.address().address); server.close(); }});"
    )
    environment = {**os.environ, "NODE_OPTIONS": localstack.settings(1)["NODE_OPTIONS"]}
    done = subprocess.run(["node", "-e", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "127.0.0.1"


def test_two_share_what_they_install_and_no_other_file(monkeypatch, tmp_path):
    monkeypatch.setattr(localstack, "FOLDER", tmp_path)
    for port in (1, 2):
        localstack.make_files(port)
    one, other = (Path(localstack.settings(port)["FILESYSTEM_ROOT"]) for port in (1, 2))
    library = Path("var/lib/localstack/lib")
    (one / library / "kinesis").touch()
    (one / "file").touch()
    assert (other / library / "kinesis").exists()
    assert not (other / "file").exists()
