"""``python -m local.describe``: what the local AWS does and what it refuses, from the code that does and refuses it.

``--write`` puts it into README.md beside this file, ``--check`` says whether it is there as it should be.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

PAGE = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- python -m local.describe --write -->", "<!-- end -->"
BY_PATH = ("apigatewayv2", "lambda", "s3", "scheduler")  # REST: operations have no names on the wire


def described() -> str:
    return "\n".join(
        [
            *("### What we supply", "", *_plug_ins(), ""),
            *("### Operations", "", *_operations(), ""),
            *("### Step Functions", "", *_integrations(), ""),
            *("### Targets of rules and schedules", "", *_targets(), ""),
            *("### Glue job arguments that are refused", "", *_arguments(), ""),
            *("### Limits that are kept", "", *_limits(), ""),
        ]
    )


def _plug_ins() -> Iterator[str]:
    from local import plugins

    yield "| plug-in | what it is for |"
    yield "|---|---|"
    for name in plugins.NAMES:
        said = inspect.getdoc(importlib.import_module(f"local.plugins.{name}")) or ""
        yield f"| `{name}` | {' '.join(said.split(chr(10) * 2)[0].split()).rstrip('.')} |"


def _operations() -> Iterator[str]:
    from local.plugins import refusals

    yield "By MiniStack, corrected by the plug-ins: the operations that its source names. A request to a service"
    yield "that is not in this list, and any other operation, is answered with an error."
    yield ""
    for service, known in sorted(refusals.SERVICES.items()):
        answered, every = _answered(service, known.module)
        answered = [name for name in answered if name not in refusals.NEVER_STARTED]
        yield f"- **{service}** ({len(answered)} of {every}): {', '.join(answered)}"
    yield f"- **sagemaker**, our own ([sagemaker](sagemaker/)): {', '.join(_of_sagemaker())}"


def _of_sagemaker() -> list[str]:
    from local.sagemaker import SageMaker, Settings, Surroundings

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings("http://127.0.0.1:1", "eu-west-1", "000000000000", Path(folder))
        with contextlib.closing(SageMaker(settings, Surroundings())) as server:
            return server.operations


def _answered(service: str, module: str) -> tuple[list[str], int]:
    """The operations whose names, or whose functions, are in the source of the module that answers for the service."""
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    source = inspect.getsource(importlib.import_module(f"ministack.services.{module}"))
    functions = set(re.findall(r"def _?(\w+)\(", source))

    def is_answered(name: str) -> bool:
        return f'"{name}"' in source or (service in BY_PATH and xform_name(name) in functions)

    names = list(model.operation_names)
    return [name for name in names if is_answered(name)], len(names)


def _integrations() -> Iterator[str]:
    from local.plugins.state_definitions import ELSEWHERE, OPTIMISED, SYNC

    for service, actions in OPTIMISED.items():
        shown = [f"{action} (.sync)" if action in SYNC.get(service, ()) else action for action in sorted(actions)]
        yield f"- `{service}`: {', '.join(shown)}"
    yield "- `aws-sdk`: every operation of a service that is here"
    yield f"- AWS's, but refused here: {', '.join(ELSEWHERE)}"


def _targets() -> Iterator[str]:
    from local.plugins.refusals import STARTED

    yield f"Started: {', '.join(sorted(STARTED))}. Every other target is refused."
    yield "So are Glue's triggers and workflows when they are to start, and schedules of crawlers."


def _arguments() -> Iterator[str]:
    from local.plugins.glue_arguments import OFF, REFUSED

    for name, reason in REFUSED.items():
        off = f" (unless {' or '.join(OFF[name])})" if name in OFF else ""
        yield f"- `{name}`{off}: {reason}"


def _limits() -> Iterator[str]:
    from local import limits

    yield "| limit | value |"
    yield "|---|---|"
    for name, value in vars(limits).items():
        if name.isupper() and name not in ("KB", "MB"):
            shown = f"{value[0]:,} to {value[1]:,}" if isinstance(value, tuple) else f"{value:,}"
            yield f"| {name.lower().replace('_', ' ')} | {shown} |"


def main(arguments: list[str]) -> int:
    if not arguments:
        print(described())
        return 0
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    wanted = f"{before}{BEGIN}\n\n{described()}\n{END}{rest.split(END)[1]}"
    if arguments == ["--write"]:
        PAGE.write_text(wanted)
        return 0
    if text != wanted:
        print(f"{PAGE.name} is not what the code says: run 'python -m local.describe --write'.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
