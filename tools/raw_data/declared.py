"""What `columns.yaml` beside the data says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from features.declared import UNDECLARED, Declared, WrongDeclaration
from raw.declaration import Declaration
from tools.raw_data.files import Unusable


def declared_beside(folder: Path, entities: Iterable[str]) -> dict[str, Declared]:
    """What `columns.yaml` in the folder says of each entity. Raises Unusable for whatever in it cannot be used."""
    declaration = Declaration.beside(folder)
    try:
        found = declaration.all()
    except WrongDeclaration as wrong:
        raise Unusable(f"{folder}: {wrong}") from None
    return {entity: found.get(entity, UNDECLARED) for entity in entities}
