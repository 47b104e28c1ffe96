"""Containers: what they reach, who reaches them, how they end."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from local.sagemaker.containers import Container, last_words, supervised
from tests.waiting import PATIENCE_S, eventually

ECHO = """
import socket, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
while True:
    client, _ = listener.accept()
    client.sendall(sys.argv[2].encode())
    client.close()
"""
ASK = """
import socket, sys
for port in sys.argv[1:]:
    try:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=60) as there:
            there.shutdown(socket.SHUT_WR)
            print(there.recv(100).decode())
    except ConnectionRefusedError:
        print("refused")
"""


@pytest.fixture
def run(tmp_path):
    """Run Python code in a container; all of them end with the test."""
    started: list[Container] = []

    def start(code: str, *arguments: object, endpoints: tuple[str, ...] = ()) -> Container:
        folder = tmp_path / str(len(started))
        for part in ("ml", "work", "staging"):
            (folder / part).mkdir(parents=True)
        argv = [sys.executable, "-c", code, *map(str, arguments)]
        lines: list[str] = []
        container = Container(folder, supervised(folder, argv, {}, "algo-1", endpoints), lines.append, lambda: None)
        container.lines = lines
        started.append(container)
        return container

    yield start
    for container in started:
        container.kill()
        container.wait(PATIENCE_S)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def host() -> Iterator[list[int]]:
    """Two ports of this machine that answer everyone."""
    command = [sys.executable, "-c", ECHO]
    ports = [free_port(), free_port()]
    servers = [subprocess.Popen([*command, str(port), "the host"]) for port in ports]
    for port in ports:
        eventually(lambda port=port: said(lambda: socket.create_connection(("127.0.0.1", port))))
    yield ports
    for server in servers:
        server.kill()
        server.wait()


def said(connect) -> str:
    try:
        with connect() as connection:
            return connection.recv(100).decode()
    except ConnectionRefusedError:
        return ""


def test_what_listens_in_a_container_is_reached_by_the_server_and_by_nobody_else(run):
    port = free_port()
    container = run(ECHO, port, "inside")

    eventually(lambda: said(lambda: container.connect(port)) == "inside")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):
        container.connect(9)


def test_two_containers_listen_on_the_same_port(run):
    one, two = run(ECHO, 8080, "one"), run(ECHO, 8080, "two")

    eventually(lambda: said(one.connect) == "one")
    eventually(lambda: said(two.connect) == "two")


def test_a_container_reaches_the_endpoint_of_its_aws_and_no_other_port_of_the_host(run, host):
    container = run(ASK, *host, endpoints=(f"http://127.0.0.1:{host[0]}",))

    assert container.wait(PATIENCE_S) == 0
    assert container.lines == ["the host", "refused"]


def test_an_isolated_container_reaches_nothing(run, host):
    container = run(ASK, *host)

    assert container.wait(PATIENCE_S) == 0
    assert container.lines == ["refused", "refused"]


def test_an_end_that_is_asked_for_at_once_is_not_lost(run):
    container = run("import time; time.sleep(86400)")

    assert container.stop(grace=PATIENCE_S) == 128 + 15


def test_a_container_that_has_ended_takes_no_connection(run):
    container = run("")
    container.wait(PATIENCE_S)

    with pytest.raises(OSError, match=r"closed|nobody|Bad file|pipe"):
        container.connect()


def test_a_machine_without_namespaces_is_told_what_it_lacks(run):
    container = run("")
    code = container.wait(PATIENCE_S)
    (container.folder / "error").write_text("unshare: Operation not permitted")

    assert code == 0
    said = container.failure(125)
    assert "Operation not permitted" in said
    assert "user.max_user_namespaces" in said
    assert "--cap-add SYS_ADMIN" in said


def test_a_failure_is_told_from_the_first_traceback_on():
    lines = ["+ exec python", "reading", "Traceback (most recent call last):", "ValueError: no rows"]

    assert last_words(lines) == "Traceback (most recent call last):\nValueError: no rows"
    assert last_words(lines[:2]) == "reading"
