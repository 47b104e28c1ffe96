"""One model server: the process behind an endpoint instance or a transform job."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from .. import images, objects
from ..containers import SERVING_PORT, Container
from ..context import Context
from ..objects import MissingObjects
from .models import model_data_url

_PING_INTERVAL = 0.05
STARTUP_TIMEOUT = 240  # seconds, AWS's own default


class ServerFailed(Exception):
    """A model server did not come up; the text is fit for FailureReason."""


class ModelServer:
    """A healthy server; ends with `stop`."""

    def __init__(self, context: Context, container: Container) -> None:
        self._context, self._container = context, container

    @property
    def running(self) -> bool:
        return self._container.running

    @property
    def container(self) -> Container:
        return self._container

    def stop(self) -> None:
        self._container.stop()
        self._context.containers.discard(self._container.folder)


def start(
    context: Context,
    label: str,
    container: dict[str, Any],
    *,
    log_group: str,
    log_stream: str,
    timeout: float = STARTUP_TIMEOUT,
    cancelled: Callable[[], bool] = lambda: False,
) -> ModelServer:
    """Run a model's `serve` with its archive in /opt/ml/model and return once /ping answers 200.

    Raises `ServerFailed` with what the server printed when it ends early, is `cancelled` or is not healthy in time.
    """
    folder = context.containers.prepare(label)
    role = container.get("ExecutionRoleArn", "")
    try:
        argv = images.command(container["Image"], None, None, "serve", context.surroundings, role)
        _fetch_model(context, container, folder)
    except (images.ImageUnavailable, MissingObjects) as error:
        context.containers.discard(folder)
        raise ServerFailed(str(error)) from error
    environment = {
        **container.get("Environment", {}),
        "SAGEMAKER_BIND_TO_PORT": str(SERVING_PORT),
        "SAGEMAKER_REGION": context.settings.region,
        "SAGEMAKER_MODEL_DIR": "/opt/ml/model",
    }
    running = context.containers.start(
        folder,
        argv,
        environment,
        log_group=log_group,
        log_stream=log_stream,
        role=role or None,
        host="model.aws.local",
        isolated=container.get("EnableNetworkIsolation", False),
    )
    deadline = time.monotonic() + timeout
    while not _healthy(running):
        if not running.running:
            code = running.wait()
            reason = f"The container ended with exit code {code} before it was healthy: {running.failure(code)}"
        elif cancelled():
            reason = "The start was cancelled."
        elif time.monotonic() > deadline:
            reason = f"The container did not pass the ping health check within {timeout:.0f} s: {running.failure(0)}"
        else:
            time.sleep(_PING_INTERVAL)
            continue
        running.stop()
        context.containers.discard(folder)
        raise ServerFailed(reason)
    return ModelServer(context, running)


def _fetch_model(context: Context, container: dict[str, Any], folder: Path) -> None:
    model = folder / "ml" / "model"
    model.mkdir()
    if url := model_data_url(container):
        bucket, key = objects.split_uri(url)
        archive = folder / "model.tar.gz"
        try:
            objects.download_file(context.aws.client("s3", container.get("ExecutionRoleArn")), bucket, key, archive)
            objects.unpack(archive, model)
        except Exception as error:
            raise MissingObjects(f"Failed to download model data from {url}: {error}") from error
        archive.unlink()


def _healthy(container: Container) -> bool:
    try:
        with closing(connection_to(container, timeout=2)) as connection:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def connection_to(container: Container, timeout: float) -> http.client.HTTPConnection:
    """Return an HTTP connection to a container's server; raises OSError while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", SERVING_PORT, timeout=timeout)
    connection.sock = container.connect()
    connection.sock.settimeout(timeout)
    return connection
