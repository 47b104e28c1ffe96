"""What the provider knows is read from its bindings, nested blocks and maps included."""

from __future__ import annotations

import zipfile

import pytest

from tools.provider6 import bindings

QUEUE = """
class SqsQueue(TerraformResource):
    def __init__(self, scope, id_, *, name: str = None, timeouts: "SqsQueueTimeouts" = None) -> None: ...

    @builtins.property
    def arn(self) -> str: ...

class SqsQueueConfig(TerraformMetaArguments):
    def __init__(
        self, *, name: typing.Optional[str] = None, tags: typing.Optional[typing.Mapping[str, str]] = None,
        timeouts: typing.Optional[typing.Union["SqsQueueTimeouts", typing.Dict[str, typing.Any]]] = None,
        lambda_: typing.Optional[str] = None,
    ) -> None: ...

class SqsQueueTimeouts:
    def __init__(self, *, create: typing.Optional[str] = None, equal_to: typing.Optional[str] = None) -> None: ...
"""


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "bindings.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("cdktn_provider_aws/sqs_queue/__init__.py", QUEUE)
        file.writestr("cdktn_provider_aws-1.dist-info/METADATA", "bindings for provider version 6.69.1 and so on")
    return bindings.opened(path)


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("name", "name"),
        ("timeouts", "timeouts"),
        ("timeouts.create", "timeouts.create"),
        ("tags.project", "tags"),
        ("lambda", "lambda"),
        ("timeouts.equals", "timeouts.equals"),
        ("equals", None),
        ("nmae", None),
        ("timeouts.craete", None),
    ],
)
def test_an_argument_is_known_as_deep_as_it_is_declared(wheel, path, real):
    assert bindings.known(wheel, "aws_sqs_queue").real(path) == real


def test_attributes_are_known(wheel):
    assert bindings.known(wheel, "aws_sqs_queue").attributes == {"arn"}


def test_a_type_that_does_not_exist_is_not_known(wheel):
    assert bindings.known(wheel, "aws_sqs_kew") is None
    assert bindings.known(wheel, "data.aws_sqs_queue") is None


def test_the_version_is_said(wheel):
    assert bindings.version(wheel) == "6.69.1"
