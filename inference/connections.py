"""Uvicorn's connections, with what it leaves open: how large a request's head may be and how long one may take.

Nobody may hold a connection by sending half a request or by never reading the answer.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

LARGEST_HEAD = 64 * 1024  # bytes of a request line with its headers, and of the trailers
LARGEST_REQUEST = 32 * 1024 * 1024  # bytes that are read, and forgotten, of a request that is refused as too large
PATIENCE = 30.0  # seconds for a request to come whole, and for the client to take the answer


class Connection(HttpToolsProtocol):
    """One client. `patience` and the limits are for tests to shorten."""

    patience = PATIENCE

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._received = self._outside = 0  # bytes of the request under way; of these, not of its body
        self._whole = True
        self._coming: asyncio.TimerHandle | None = None
        self._leaving: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._coming = self.loop.call_later(self.patience, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._coming, self._leaving):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        self._outside += len(data)
        super().data_received(data)
        if self._whole:
            self._received = self._outside = 0
            if self._coming is not None:
                self._coming.cancel()
                self._coming = None
        elif self._outside > LARGEST_HEAD:
            self._refuse(431, f"a request has at most {LARGEST_HEAD} bytes of head and trailers")
        elif self._received > LARGEST_REQUEST:
            self.transport.abort()  # it has been told that it is too large
        elif self._coming is None:
            self._coming = self.loop.call_later(self.patience, self._too_slow)

    def on_message_begin(self) -> None:
        self._whole = False
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self._outside = max(0, self._outside - len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._whole = True
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._leaving = self.loop.call_later(self.patience, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None

    def send_400_response(self, msg: str) -> None:
        """In the form of the model's own refusals."""
        self._refuse(400, "the request is not HTTP/1.1")

    def _too_slow(self) -> None:
        if self._received:
            self._refuse(408, f"a request must come whole within {self.patience:g} s")
        else:
            self.transport.close()

    def _refuse(self, status: int, reason: str) -> None:
        if self.transport.is_closing():
            return
        content = json.dumps({"error": reason}).encode()
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(content)
        self.transport.write(STATUS_LINE[status] + head + content)
        self.transport.close()
