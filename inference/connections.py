"""HTTP/1.1 straight onto the event loop: what lies between a socket and the model is parsing and nothing else.

A general server costs as much per payment as the compiled model. This one knows one client, SageMaker's own proxy:
keep-alive, pipelining, chunked bodies and `Expect: 100-continue` are there; TLS and compression are not.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import httptools

LARGEST_HEAD = 64 * 1024  # bytes of a request line with its headers
MOST_WAITING = 16  # pipelined requests of one connection


@dataclass(frozen=True)
class Request:
    """One whole request. `kind` is its content type in small letters, without parameters; empty when it has none."""

    method: str
    path: str
    kind: str
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes


# An answer at once, or one to wait for while other connections go on.
Handler = Callable[[Request], Answer | Awaitable[Answer]]


class Refused(Exception):
    """A request that gets an error answer: status and one sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status

    def answer(self) -> Answer:
        return Answer(self.status, "application/json", json.dumps({"error": str(self)}).encode())


class Connection(asyncio.Protocol):
    """One client. Requests are answered in the order in which they came."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.parser = httptools.HttpRequestParser(self)
        self.waiting: deque[Request | Refused] = deque()
        self.task: asyncio.Task | None = None
        self.last = False  # close after the answer that is on its way
        self.deaf = False  # what still comes in is not read any more
        self.begin()

    def begin(self) -> None:
        self.url = self.body = b""
        self.chunks: list[bytes] = []
        self.size = self.head = 0
        self.kind = b""
        self.expects = self.in_body = False

    # asyncio

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.server.connections.add(self)

    def connection_lost(self, problem: Exception | None) -> None:
        self.server.connections.discard(self)
        self.waiting.clear()

    def data_received(self, data: bytes) -> None:
        if self.deaf:
            return
        if not self.in_body:
            self.head += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.deaf = True  # the offer of another protocol is declined: the request is answered as it stands
        except httptools.HttpParserError as wrong:
            cause = wrong.__context__
            self.refuse(cause if isinstance(cause, Refused) else Refused(400, "the request is not HTTP/1.1"))
        else:
            if self.head > LARGEST_HEAD and not self.in_body:
                self.refuse(Refused(431, f"a request's head has at most {LARGEST_HEAD} bytes"))
        self.go_on()

    def refuse(self, refused: Refused) -> None:
        """The rest of the connection cannot be understood, or is not wanted."""
        self.deaf = True
        self.waiting.append(refused)

    # httptools

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"content-type":
            self.kind = value
        elif name == b"content-length" and value.isdigit() and int(value) > self.server.limit:
            raise self.too_large()
        elif name == b"expect":
            self.expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        self.in_body = True
        if self.expects:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > self.server.limit:
            raise self.too_large()
        self.chunks.append(chunk)

    def too_large(self) -> Refused:
        return Refused(413, f"a request has at most {self.server.limit} bytes")

    def on_message_complete(self) -> None:
        self.waiting.append(
            Request(
                self.parser.get_method().decode(),
                self.url.partition(b"?")[0].decode("latin-1"),
                self.kind.partition(b";")[0].strip().lower().decode("latin-1"),
                b"".join(self.chunks),
            )
        )
        self.last = not self.parser.should_keep_alive()
        self.deaf = self.deaf or self.last
        self.begin()
        if len(self.waiting) >= MOST_WAITING:
            self.transport.pause_reading()

    # answers

    def go_on(self) -> None:
        """Answers what waits, until an answer must be waited for."""
        while self.waiting and self.task is None:
            request = self.waiting.popleft()
            try:
                if isinstance(request, Refused):
                    raise request
                answer = self.server.handler(request)
            except Refused as refused:
                answer = refused.answer()
            if isinstance(answer, Answer):
                self.send(answer)
            else:
                self.task = asyncio.ensure_future(self.later(answer))
        if not self.waiting and self.task is None:
            if self.deaf or self.server.stopping:
                self.transport.close()
            else:
                self.transport.resume_reading()

    async def later(self, coming: Awaitable[Answer]) -> None:
        try:
            answer = await coming
        except Refused as refused:
            answer = refused.answer()
        except Exception as failed:
            print(json.dumps({"level": "ERROR", "message": "a request failed", "error": repr(failed)}), flush=True)
            answer = Refused(500, "the model could not answer").answer()
        self.task = None
        self.send(answer)
        self.go_on()

    def send(self, answer: Answer) -> None:
        if self.transport.is_closing():
            return
        ends = (self.deaf or self.server.stopping) and not self.waiting
        self.transport.write(
            b"HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %d\r\n%s\r\n%s"
            % (
                answer.status,
                HTTPStatus(answer.status).phrase.encode(),
                answer.kind.encode(),
                len(answer.body),
                b"connection: close\r\n" if ends else b"",
                answer.body,
            )
        )

    def idle(self) -> bool:
        return self.task is None and not self.waiting and not self.in_body


class Server:
    """Listens until told to stop; requests in flight are answered first, for `patience` seconds at most."""

    def __init__(self, handler: Handler, limit: int, patience: float) -> None:
        self.handler = handler
        self.limit = limit
        self.patience = patience
        self.connections: set[Connection] = set()
        self.stopping = False

    async def listen(self, host: str, port: int) -> int:
        """Begins; returns the port, which the system chooses when it is 0."""
        self.loop = asyncio.get_running_loop()
        self.told = asyncio.Event()
        self.listener = await self.loop.create_server(lambda: Connection(self), host, port, backlog=2048)
        return self.listener.sockets[0].getsockname()[1]

    async def until_told(self) -> None:
        """Ends on SIGTERM or SIGINT, or after `stop`."""
        await self.told.wait()
        self.stopping = True
        self.listener.close()
        for connection in list(self.connections):
            if connection.idle():
                connection.transport.close()
        end = self.loop.time() + self.patience
        while self.connections and self.loop.time() < end:
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.transport.abort()

    def stop(self) -> None:
        """May be called from any thread."""
        self.loop.call_soon_threadsafe(self.told.set)

    async def run(self, host: str, port: int) -> None:
        await self.listen(host, port)
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(number, self.told.set)
        await self.until_told()
