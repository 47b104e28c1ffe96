"""Who may ask the console, and what it says when it cannot know what was deployed."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from botocore.exceptions import ClientError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Route

import console.__main__ as command
from console.app import HOSTS, app, health, hosts


def test_a_page_of_another_name_that_leads_here_is_refused():
    behind = Starlette(
        routes=[Route("/health", health)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts())],
    )

    async def asked(host: str) -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(behind), base_url=f"http://{host}:8501") as client:
            return (await client.get("/health")).status_code

    assert asyncio.run(asked("127.0.0.1")) == 200
    assert asyncio.run(asked("elsewhere.example")) == 400
    assert any(one.cls is TrustedHostMiddleware for one in app._user_middleware)


def test_a_proxys_name_can_be_declared(monkeypatch):
    monkeypatch.setenv(HOSTS, "console.bank.example,")

    assert hosts() == ["127.0.0.1", "localhost", "console.bank.example"]


def test_who_may_not_read_what_was_deployed_is_told_what_to_do(monkeypatch):
    def refuse(*_):
        raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")

    monkeypatch.setattr(command, "deployed", refuse)

    with pytest.raises(SystemExit, match=r"HeadBucket was refused: 403.*CONSOLE_OUTPUTS"):
        command.found("dev")


@pytest.mark.parametrize("given", [("",), ("dev", "port"), ("dev", "", "maybe")])
def test_what_is_no_request_is_refused(given):
    with pytest.raises(SystemExit, match="expected ENV="):
        command.main(*given)
