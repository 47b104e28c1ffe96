"""One local AWS for all integration tests of a run, on a free port, in a folder that goes away."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

import local
from tests.waiting import PATIENCE_S, eventually

from .backends import LOCALSTACK, Backend, Unreachable, chosen, localstack_host

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {
                "Service": [
                    f"{name}.amazonaws.com" for name in ("lambda", "glue", "states", "events", "scheduler", "sagemaker")
                ]
            },
            "Action": "sts:AssumeRole",
        }
    ],
}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class LocalAws:
    """A running local AWS, and what a test usually needs of it."""

    def __init__(self, aws: local.Aws) -> None:
        self.aws = aws
        self.client = cache(self._client)

    @property
    def endpoint_url(self) -> str:
        return self.aws.endpoint_url

    def _client(self, service: str) -> Any:
        return boto3.session.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name=self.aws.region
        ).client(
            service,
            endpoint_url=self.endpoint_url,
            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=PATIENCE_S),
        )

    def name(self, stem: str) -> str:
        """A name that no other test has: tests share the server."""
        return f"{stem}-{uuid.uuid4().hex[:8]}"

    def bucket(self) -> str:
        name = self.name("lake")
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": self.aws.region})
        return name

    def role(self, *statements: dict[str, Any]) -> str:
        """A role that may do what is said, else everything."""
        name, iam = self.name("role"), self.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements) or [EVERYTHING]})
        iam.put_role_policy(RoleName=name, PolicyName="given", PolicyDocument=policy)
        return role["Role"]["Arn"]

    def function(self, source: str, **settings: Any) -> str:
        """A function whose handler is ``handler`` in the given source; its name."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("function.py", source)
        name = self.name("function")
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=settings.pop("Role", None) or self.role(),
            Handler="function.handler",
            Code={"ZipFile": archive.getvalue()},
            Timeout=settings.pop("Timeout", 10),
            **settings,
        )
        return name

    def invoke(self, name: str, event: Any = None) -> tuple[Any, str | None]:
        """(payload, error kind)."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    def log(self, group: str, **more: Any) -> list[str]:
        events = self.client("logs").filter_log_events(logGroupName=group, **more)["events"]
        return [event["message"] for event in events]

    def wait(self, found: Callable[[], Any]) -> Any:
        """What ``found`` gives once it is true."""
        return eventually(found)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local.running(tmp_path_factory.mktemp("local-aws")) as running:
        yield LocalAws(running)


@pytest.fixture(scope="module")
def host(request: pytest.FixtureRequest) -> str:
    """Where the chosen backend answers, as host:port."""
    reason = ""
    try:
        if chosen() == LOCALSTACK:
            return localstack_host()
    except Unreachable as unreachable:
        reason = str(unreachable)
    if reason:  # outside of the handler, so that the sentence stands alone
        pytest.fail(reason, pytrace=False)
    return urlsplit(request.getfixturevalue("aws").endpoint_url).netloc


@pytest.fixture(scope="module")
def backend(host: str) -> Iterator[Backend]:
    with pytest.MonkeyPatch.context() as environment:
        # localstack-client prefers AWS_ENDPOINT_URL, which the caller's shell may hold.
        environment.delenv("AWS_ENDPOINT_URL", raising=False)
        environment.setenv("LOCALSTACK_HOST", host)
        yield Backend()
