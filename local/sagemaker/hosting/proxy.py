"""HTTP to a model server over connections that stay open: the hop that InvokeEndpoint adds."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable

Answer = tuple[int, dict[str, str], bytes]
_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class ProxyError(Exception):
    """The server was not reached or broke off its answer."""


class Pool:
    """Idle connections to one server. Used from one event loop; another loop's connections are dropped."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self._connect = connect
        self._idle: deque[_Connection] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def post(self, path: str, headers: dict[str, str], body: bytes, timeout: float) -> Answer:
        """Send a POST and return status, headers (lower case) and body. Raises `ProxyError` or `TimeoutError`."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._idle.clear()
            self._loop = loop
        lines = [f"POST {path} HTTP/1.1", "host: localhost:8080", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
        async with asyncio.timeout(timeout):
            while self._idle:
                try:
                    return await self._exchange(self._idle.pop(), request)
                except _ClosedEarly:
                    continue  # the server had closed it while idle and has not seen the request
            try:
                connection = await asyncio.to_thread(self._connect)
                connection.setblocking(False)
                return await self._exchange(await asyncio.open_connection(sock=connection), request)
            except (_ClosedEarly, OSError) as error:
                raise ProxyError(f"The model server closed the connection: {error}") from error

    def close(self) -> None:
        loop, idle = self._loop, list(self._idle)
        self._idle.clear()
        if loop is not None and not loop.is_closed():
            for _, writer in idle:
                loop.call_soon_threadsafe(writer.close)

    async def _exchange(self, connection: _Connection, request: bytes) -> Answer:
        reader, writer = connection
        reusable = False
        try:
            writer.write(request)
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise _ClosedEarly(str(error)) from error
            # A server that sends head and body apart (Nagle) waits for our ACK, which Linux would hold back for 40 ms.
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            status_line, *lines = head[:-4].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            try:
                body, ended = await _read_body(reader, headers)
            except (asyncio.IncompleteReadError, ValueError) as error:
                raise ProxyError(f"The model server broke off its answer: {error}") from error
            reusable = not ended and headers.get("connection", "").lower() != "close"
            return int(status_line.split(" ", 2)[1]), headers, body
        finally:
            if reusable:
                self._idle.append(connection)
            else:
                writer.close()


class _ClosedEarly(Exception):
    """The connection ended before the first byte of an answer."""


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> tuple[bytes, bool]:
    """Return the body and whether the connection has ended with it."""
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"])), False
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.read(), True
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return b"".join(parts), False
