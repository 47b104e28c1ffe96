"""What a function reads from its environment, in one frozen place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TypeVar

T = TypeVar("T")


class MissingSettings(ValueError):
    """Required environment variables are absent; the text names all of them."""


def from_environment(kind: type[T], environment: Mapping[str, str]) -> T:
    """Builds a dataclass of text fields from variables of the same names in capitals."""
    wanted = {f.name: f.name.upper() for f in fields(kind)}  # type: ignore[arg-type]
    missing = sorted(variable for variable in wanted.values() if not environment.get(variable))
    if missing:
        raise MissingSettings(f"{', '.join(missing)} not set; Terraform sets them in the function's environment")
    return kind(**{name: environment[variable] for name, variable in wanted.items()})
