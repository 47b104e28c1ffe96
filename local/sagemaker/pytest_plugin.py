"""A pytest fixture: a SageMaker beside whatever S3 a test suite already has (moto's server, LocalStack, MinIO).

In a conftest.py:

    pytest_plugins = ["local.sagemaker.pytest_plugin"]

    @pytest.fixture(scope="session")
    def sagemaker_s3_url():
        return "http://127.0.0.1:9000"

A test that asks for `sagemaker_server` gets its `url` and `client(service)` for the four services of SageMaker.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import uvicorn

from .app import app
from .settings import Settings
from .surroundings import Surroundings

REGION, ACCOUNT = "us-east-1", "000000000000"


@dataclass(frozen=True)
class Server:
    """A SageMaker that answers at `url`."""

    url: str
    settings: Settings

    def client(self, service: str) -> Any:
        """Return a boto3 client of one of SageMaker's services."""
        session = boto3.session.Session("test", "test", region_name=self.settings.region)
        return session.client(service, endpoint_url=self.url)  # type: ignore[call-overload]


@contextmanager
def serving(
    folder: Path, s3_url: str, region: str = REGION, surroundings: Surroundings | None = None
) -> Iterator[Server]:
    """A server for the length of a block, in a thread of this process, on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = Settings(s3_url, region, ACCOUNT, folder, own_url=url)
        config = uvicorn.Config(app(settings, surroundings or Surroundings()), lifespan="on", log_level="warning")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sagemaker")
        thread.start()
        try:
            yield Server(url, settings)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def sagemaker_s3_url() -> str:
    """Where S3 is; a test suite says so itself."""
    pytest.fail("define a session fixture sagemaker_s3_url that returns the address of your S3", pytrace=False)


@pytest.fixture(scope="session")
def sagemaker_server(sagemaker_s3_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One SageMaker for the whole run."""
    with serving(tmp_path_factory.mktemp("sagemaker"), sagemaker_s3_url) as server:
        yield server
