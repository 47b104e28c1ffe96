"""The server process: MiniStack with our plug-ins, on loopback, all of its state in one folder.

Run by ``local.lifecycle`` as ``python -m local.server SETTINGS STATUS_FD LIFELINE_FD``. It writes one JSON line to the
status pipe, ``{"port": n}`` once it answers or ``{"error": "one sentence"}``, and ends when the lifeline closes
(``-1``: never; a detached server is ended by a signal).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import gc
import json
import os
import shutil
import signal
import socket
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import IO, Any

import uvicorn
import uvloop

from local import checkpoints, doors, environment, undertaker
from local.settings import HOST, PERMISSIONS, Settings

NEEDED_MB = 200
GRACE_SECONDS = 1
REMEMBERED_ANSWERS = 1_000
# Every call passes through several threads: with Python's 5 ms each would wait that long for a busy one.
SWITCH_SECONDS = 0.0005


class CannotServe(Exception):
    """Why there is no server, as one sentence for whoever asked for it."""


def main(arguments: list[str]) -> None:
    settings = Settings.from_json(arguments[0])
    status = os.fdopen(int(arguments[1]), "w")
    lifeline = int(arguments[2])
    try:
        lock = _own(settings)
        listener = _listen(settings)
    except CannotServe as refusal:
        _report(status, {"error": str(refusal)})
        sys.exit(3)
    settings = settings.listening_on(listener.getsockname()[1])
    _prepare(settings)
    undertaker.begin()
    try:
        uvloop.run(_serve(settings, listener, lambda: _report(status, {"port": settings.port}), lifeline))
    except (Exception, SystemExit) as failure:  # uvicorn exits when the application does not start
        _report(status, {"error": f"The server failed: {failure!r}; see {settings.log_file}."})
        raise
    finally:
        _end_children()
        settings.address_file.unlink(missing_ok=True)
        lock.close()
    # MiniStack's worker pools are not daemons: leaving main() would wait for each call that is still in flight.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _own(settings: Settings) -> IO[str]:
    """The lock on the state folder. The kernel drops it with the process, so there is no stale one."""
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        lock = settings.lock_file.open("a")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = shutil.disk_usage(settings.state_dir).free
    except BlockingIOError:
        running = _address(settings)
        where = f" (process {running['pid']}, port {running['port']})" if running else ""
        raise CannotServe(
            f"{settings.state_dir} is in use by another local AWS{where}: stop it with "
            f"'python -m local down --state {settings.state_dir}', or choose another folder."
        ) from None
    except OSError as failure:
        if failure.errno == errno.ENOSPC:
            raise CannotServe(f"There is no disk space left for {settings.state_dir}.") from failure
        raise CannotServe(f"{settings.state_dir} cannot be written: {failure.strerror}.") from failure
    if free < NEEDED_MB * 2**20:
        raise CannotServe(
            f"{settings.state_dir} has {free // 2**20} MB of free disk space; local AWS needs at least {NEEDED_MB} MB."
        )
    return lock


def _address(settings: Settings) -> dict[str, int] | None:
    try:
        return json.loads(settings.address_file.read_text())
    except (OSError, ValueError):
        return None


def _listen(settings: Settings) -> socket.socket:
    """Bind here, not in uvicorn: the port must be known before MiniStack is imported, and must not be lost again."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, settings.port))
        listener.listen(512)
    except OSError as failure:
        if failure.errno == errno.EADDRINUSE:
            raise CannotServe(
                f"Port {settings.port} is in use by another program: stop it, or choose another with --port."
            ) from failure
        raise CannotServe(f"Port {settings.port} cannot be opened: {failure.strerror}.") from failure
    return listener


def _prepare(settings: Settings) -> None:
    """The environment that MiniStack reads when it is imported."""
    shutil.rmtree(settings.temp_dir, ignore_errors=True)
    for folder in (settings.s3_dir, settings.services_dir, settings.temp_dir):
        folder.mkdir(parents=True, exist_ok=True)
    # No PYTHONPATH either: a function or a job must not find this repository, and a zip that forgets a file must fail.
    inherited = environment.kept(os.environ)
    os.environ.clear()
    os.environ.update(inherited)
    # An empty file, not /dev/null: the Java SDK of Spark's S3A complains at length about the latter.
    nothing = settings.temp_dir / "no-aws-profile"
    nothing.touch()
    os.environ.update(
        BIND_HOST=HOST,
        GATEWAY_PORT=str(settings.port),
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LOG_LEVEL=os.environ.get("LOG_LEVEL", "WARNING"),
        MINISTACK_ACCOUNT_ID=settings.account,
        MINISTACK_HOST="localhost",
        MINISTACK_REGION=settings.region,
        PERSIST_STATE="1",
        S3_DATA_DIR=str(settings.s3_dir),
        S3_PERSIST="1",
        STATE_DIR=str(settings.services_dir),
        TMPDIR=str(settings.temp_dir),
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_REGION=settings.region,
        AWS_DEFAULT_REGION=settings.region,
        AWS_ENDPOINT_URL=settings.endpoint_url,
        AWS_CONFIG_FILE=str(nothing),
        AWS_SHARED_CREDENTIALS_FILE=str(nothing),
        AWS_EC2_METADATA_DISABLED="true",
    )
    settings.address_file.write_text(json.dumps({"pid": os.getpid(), "port": settings.port, "region": settings.region}))


async def _serve(settings: Settings, listener: socket.socket, ready: Callable[[], None], lifeline: int) -> None:
    from local import plugins
    from local.permissions import recorder

    plugins.install(settings)
    from ministack import app as ministack

    spare_collections()
    sys.setswitchinterval(SWITCH_SECONDS)
    saves = checkpoints.Checkpoints(
        lambda: ministack.save_all(ministack._build_persistence_save_dict()), before=set_state_aside
    )
    server = _Server(
        uvicorn.Config(
            _Application(ministack.app, ready, plugins.close, saves, recorder.made),  # type: ignore[arg-type]
            http="httptools",
            ws="none",
            lifespan="on",
            # AWS has no Server header; MiniStack says the date.
            server_header=False,
            date_header=False,
            access_log=False,
            proxy_headers=False,
            log_level="warning",
            # Longer than clients keep idle connections (Go: 90 s): one that is used as it is closed makes its call
            # unanswered.
            timeout_keep_alive=300,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    def let_go() -> None:
        # A closed pipe stays readable: without this the loop would spin until the end.
        loop.remove_reader(lifeline)
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if lifeline >= 0:
        loop.add_reader(lifeline, let_go)
    await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    def capture_signals(self) -> Any:
        """Not uvicorn's: it raises them again at its end, which would be ours before we have cleaned up."""
        return contextlib.nullcontext()


def spare_collections() -> None:
    """Rarely look through everything for garbage: that stops every request for a third of a second."""
    gc.freeze()  # modules stay anyway
    gc.set_threshold(50_000, 20, 500)


def set_state_aside() -> None:
    """What lives now is never looked through again, but for what is new since the last time: of a table of 100,000
    items that takes seconds, in which nobody is answered. Cycles among it that are let go later stay in memory."""
    gc.collect(1)
    gc.freeze()


class _Application:
    """MiniStack's ASGI application, told apart by the three moments that concern us: ready, a request, the end."""

    def __init__(
        self,
        app: Callable[..., Awaitable[None]],
        ready: Callable[[], None],
        close: Callable[[], None],
        saves: checkpoints.Checkpoints,
        permissions: Callable[[], Any],
    ) -> None:
        self.app, self.ready, self.close, self.checkpoints = app, ready, close, saves
        self.permissions = permissions
        self.answered = _Answered()

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        if scope["type"] != "lifespan":
            await self._answer(scope, receive, send)
            return

        async def receive_after_closing() -> Any:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                # Jobs and pollers end first, so that what MiniStack then saves is what really happened.
                await asyncio.to_thread(self.close)
                await asyncio.to_thread(self.checkpoints.end)
            return message

        async def send_and_tell(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                self.checkpoints.start()
                self.ready()

        await self.app(scope, receive_after_closing, send_and_tell)

    async def _answer(self, scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers") or ()}
        if reason := doors.refusal(scope.get("method", ""), scope["path"], headers):
            await _answer_at_once(receive, send, doors.answer(reason))
            return
        if scope["path"] == PERMISSIONS:
            await _answer_at_once(receive, send, doors.told(await asyncio.to_thread(self.permissions)))
            return

        async def send_to_no_page(message: Any) -> None:
            await send(doors.without_cors(message) if message["type"] == "http.response.start" else message)

        self.checkpoints.begin()
        await self.answered.call(self.app, scope, receive, send if "origin" in headers else send_to_no_page)
        self.checkpoints.changed()


async def _answer_at_once(receive: Callable[[], Any], send: Callable[[Any], Any], messages: tuple[dict, dict]) -> None:
    while (await receive()).get("more_body"):
        pass
    for message in messages:
        await send(message)


class _Answered:
    """What Terraform was answered, by invocation.

    On a busy machine an answer now and then does not reach it. Asked again, it would be refused what the first
    attempt has made; so it gets the first answer. Other clients ask again as they would on AWS: how they bear lost
    answers is tested.
    """

    def __init__(self) -> None:
        self.messages: OrderedDict[bytes, list[Any]] = OrderedDict()

    async def call(self, app: Callable[..., Awaitable[None]], scope: dict, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers") or ())
        invocation = headers.get(b"amz-sdk-invocation-id")
        if not invocation or b"Terraform" not in headers.get(b"user-agent", b""):
            return await app(scope, receive, send)
        if invocation in self.messages:
            while (await receive()).get("more_body"):
                pass
            for message in self.messages[invocation]:
                await send(message)
            return None
        kept: list[Any] = []

        async def keep_and_send(message: Any) -> None:
            kept.append(message)
            await send(message)

        await app(scope, receive, keep_and_send)
        if kept and kept[0].get("status", 500) < 300:
            self.messages[invocation] = kept
            while len(self.messages) > REMEMBERED_ANSWERS:
                self.messages.popitem(last=False)
        return None


def _end_children() -> None:
    from ministack.core import lambda_runtime

    with contextlib.suppress(Exception):
        lambda_runtime.reset()


def _report(status: IO[str], message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError, ValueError):
        status.write(json.dumps(message) + "\n")
        status.flush()
        status.close()


if __name__ == "__main__":
    main(sys.argv[1:])
