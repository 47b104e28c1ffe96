"""The ASGI application: Streamlit's pages, and `/health` for whoever runs it behind a load balancer."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from streamlit import App

from console.gate import Gate
from console.signed_in import sign_on

HOSTS = "CONSOLE_HOSTS"  # further names, between commas: a proxy's


async def health(request: Request) -> PlainTextResponse:
    return PlainTextResponse("well")


def hosts() -> list[str]:
    """Names under which the console may be asked for: a page of another name that leads here is refused."""
    return ["127.0.0.1", "localhost", *filter(None, os.environ.get(HOSTS, "").split(","))]


def gates() -> list[Middleware]:
    """What a request passes first: who asks, where the console stands behind a balancer that signs people in."""
    behind = sign_on()
    first = [] if behind is None else [Middleware(Gate, of=behind)]
    return [*first, Middleware(TrustedHostMiddleware, allowed_hosts=hosts())]


app = App(Path(__file__).with_name("main.py"), routes=[Route("/health", health)], middleware=gates())
