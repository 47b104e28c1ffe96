"""The ASGI application: Streamlit's pages, and `/health` for whoever runs it behind a load balancer."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from streamlit import App


async def health(request: Request) -> PlainTextResponse:
    return PlainTextResponse("well")


app = App(Path(__file__).with_name("main.py"), routes=[Route("/health", health)])
