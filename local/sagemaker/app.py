"""The server as an ASGI application, for whoever has no local AWS of ours: any S3 endpoint will do.

    uvicorn.run(app(Settings("http://127.0.0.1:9000", "eu-west-1", "000000000000", Path("state"))))

Besides S3 it calls Glue (tables of feature groups), CloudWatch Logs and metrics and Lambda (pipeline steps) at the same
endpoint; where it has no such service, these parts are missing and the server log says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from .server import SageMaker
from .settings import Settings
from .surroundings import Surroundings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]


def app(settings: Settings, surroundings: Surroundings = Surroundings()) -> Asgi:  # noqa: B008
    """Return the application. It runs from the start of its lifespan to the end, when it ends what it has started."""
    servers: list[SageMaker] = []

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            servers.append(SageMaker(settings, surroundings))
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await asyncio.to_thread(servers.pop().close)
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        status, headers, content = await servers[0].handle_request(
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            body,
            parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True),
        )
        sent = [(b"content-length", b"%d" % len(content))]
        sent += [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": content})

    return answer
