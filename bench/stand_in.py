"""A function that stands beside a door while it is measured: as the door in all but its code."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

AS_THE_DOOR = ("Role", "Runtime", "MemorySize", "Timeout")


def function(lambda_: Any, door: str, name: str, code: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """Makes it and returns its configuration. `code` defines `handler(event, context)`."""
    like = lambda_.get_function_configuration(FunctionName=door)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("stand_in.py", code)
    return lambda_.create_function(
        FunctionName=name,
        Handler="stand_in.handler",
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": dict(variables)},
        **{setting: like[setting] for setting in AS_THE_DOOR},
    )
