"""Who may ask the console, and what it says when it cannot know what was deployed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tomllib
from pathlib import Path

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


def test_a_console_that_runs_has_the_settings_of_its_folder():
    """Streamlit reads them as the application begins: one that is set earlier would leave all of them out."""
    declared = tomllib.loads(Path("console/.streamlit/config.toml").read_text())
    wanted = {
        f"{part}.{name}": value
        for part, values in declared.items()
        for name, value in values.items()
        if not isinstance(value, dict)
    }
    begun = """
import json, sys
from starlette.testclient import TestClient
from console.app import app
with TestClient(app, base_url="http://127.0.0.1"):
    from streamlit import config
    print(json.dumps({name: config.get_option(name) for name in json.loads(sys.argv[1])}))
"""
    done = subprocess.run(
        [sys.executable, "-c", begun, json.dumps([*wanted])], capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout.splitlines()[-1]) == wanted
    assert wanted["client.toolbarMode"] == "viewer"
    assert wanted["runner.postScriptGC"] is False
