"""Behind a balancer nobody sees a page, a file or a connection who was not signed in by it."""

from __future__ import annotations

import asyncio
import json
import ssl

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

import console.served as served
from console import app as application
from console.gate import Gate
from console.signed_in import HEADER, SIGN_ON
from tests.unit.console.balancer import CLAIMS, OF, Balancer

ORIGIN = {"host": "console.bank.example", "origin": "https://console.bank.example"}


async def page(request) -> PlainTextResponse:
    return PlainTextResponse("secret")


async def connection(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("secret")
    await socket.close()


class Behind:
    def __init__(self) -> None:
        self.balancer = Balancer()
        inner = Starlette(routes=[Route("/{path:path}", page), WebSocketRoute("/_stcore/stream", connection)])
        self.client = TestClient(Gate(inner, OF, self.balancer.verifier()))

    def get(self, path: str = "/", *tokens: str) -> httpx.Response:
        return self.client.get(path, headers=[(HEADER, token) for token in tokens])


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.mark.parametrize("path", ["/", "/health/", "/media/file.csv", "/_stcore/health", "/_stcore/host-config"])
def test_without_a_token_nothing_is_shown_at_any_path(behind, path):
    answer = behind.get(path)

    assert (answer.status_code, "secret" in answer.text) == (401, False)


def test_a_page_is_shown_to_who_is_signed_in_and_in_a_group(behind):
    good = behind.balancer.token()

    assert behind.get("/", good).text == "secret"
    assert behind.get("/", Balancer().token()).status_code == 401
    assert behind.get("/", good, good).status_code == 401, "two tokens are none"
    assert behind.get("/", behind.balancer.token(claims={**CLAIMS, "groups": ["others"]})).status_code == 403


def test_the_balancer_is_told_that_the_console_is_well_and_nothing_else(behind):
    assert behind.get("/health").text == "well"
    assert behind.balancer.asked == []


def test_a_connection_is_opened_to_who_is_signed_in_from_the_consoles_own_page(behind):
    good = {HEADER: behind.balancer.token()}
    with behind.client.websocket_connect("/_stcore/stream", headers={**ORIGIN, **good}) as socket:
        assert socket.receive_text() == "secret"
    for headers in (ORIGIN, good, {**ORIGIN, **good, "origin": "https://mine.example"}, {**good, "host": "x"}):
        with pytest.raises(WebSocketDisconnect), behind.client.websocket_connect("/_stcore/stream", headers=headers):
            pass


def test_while_keys_cannot_be_had_nobody_passes():
    def away(region: str, kid: str) -> str:
        raise httpx.ConnectTimeout("away")

    behind = Behind()
    behind.client.app.verifier.fetch = away

    assert behind.get("/", behind.balancer.token()).status_code == 503
    assert behind.get("/").status_code == 401


def test_other_traffic_than_pages_and_connections_is_not_passed_on(behind):
    called = []

    async def inner(scope, receive, send) -> None:
        called.append(scope["type"])

    gate = Gate(inner, OF, behind.balancer.verifier())
    asyncio.run(gate({"type": "other"}, None, None))
    asyncio.run(gate({"type": "lifespan"}, None, None))
    assert called == ["lifespan"]


def test_the_gate_stands_first_where_somebody_signs_people_in_and_nowhere_else(monkeypatch):
    assert [one.cls for one in application.gates()][:1] != [Gate]
    monkeypatch.setenv(SIGN_ON, json.dumps(vars(OF)))
    assert next(one.cls for one in application.gates()) is Gate


def test_the_container_starts_for_nobody_while_nobody_signs_people_in(monkeypatch):
    monkeypatch.delenv(SIGN_ON, raising=False)
    with pytest.raises(SystemExit, match="expected CONSOLE_SIGN_ON"):
        served.main()
    monkeypatch.setenv(SIGN_ON, "{}")
    with pytest.raises(SystemExit, match="CONSOLE_SIGN_ON: expected"):
        served.main()


def test_the_containers_certificate_fits_its_key_which_nobody_else_may_read(tmp_path):
    key, certificate = served.made(tmp_path)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    assert key.stat().st_mode & 0o077 == 0
