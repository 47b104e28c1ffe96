"""What a function reads from its environment, in one frozen place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TypeVar

from features.declaration import EntityName

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


def groups_of(entities: Iterable[EntityName], environment: Mapping[str, str]) -> dict[EntityName, str]:
    """Feature groups of entities that a user has declared: each has a variable, `CARD_GROUP` of a card."""
    variables = {entity: f"{entity.upper()}_GROUP" for entity in entities}
    missing = sorted(variable for variable in variables.values() if not environment.get(variable))
    if missing:
        raise MissingSettings(
            f"{', '.join(missing)} not set; Terraform sets them for each declared entity of the package that it deploys"
        )
    return {entity: environment[variable] for entity, variable in variables.items()}
