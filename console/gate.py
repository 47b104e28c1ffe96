"""The gate before every page, file and connection of a console behind a load balancer: who has not signed in sees none.

The balancer asks people to sign in; the gate asks whether it was the balancer. `/health` alone is answered to anybody
who reaches the container, which its security group leaves to the balancer.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from console.signed_in import HEADER, NotAllowed, NotSignedIn, SignOn, Verifier, fetched

HEALTH = "/health"
POLICY = 1008  # what a WebSocket that is refused is closed with


class Gate:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, of: SignOn, verifier: Verifier | None = None) -> None:
        self.app, self.of = app, of
        self.verifier = verifier or Verifier(of, fetched)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] == "http" and scope["path"] == HEALTH:
            return await PlainTextResponse("well")(scope, receive, send)
        if scope["type"] not in ("http", "websocket"):
            return None
        refused = await self._refused(HTTPConnection(scope).headers, scope["type"] == "websocket")
        if refused is None:
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": POLICY, "reason": refused[1]})
        return await PlainTextResponse(refused[1] + "\n", refused[0])(scope, receive, send)

    async def _refused(self, headers: Headers, connects: bool) -> tuple[int, str] | None:
        """Status and text, none where who asks may pass."""
        told = headers.getlist(HEADER)
        try:
            if len(told) != 1:
                raise NotSignedIn("no token of the load balancer")
            person = await run_in_threadpool(self.verifier.person, told[0])
            self.of.require_member(person)
        except NotSignedIn as nobody:
            return 401, f"sign in through the console's own address: {nobody}"
        except NotAllowed as outside:
            return 403, str(outside)
        except Exception:  # whatever ails the keys: who cannot be known does not pass
            return 503, "who you are cannot be verified now: ask again"
        # A page of another site must not connect with the cookie of who is signed in.
        if connects and headers.get("origin", "") != f"https://{headers.get('host', '')}":
            return 403, "a page of another site asks"
        return None
