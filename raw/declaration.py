"""`columns.yaml` as it is read: YAML whose scalars all stay the texts that they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent

from features.declared import FILE, UNDECLARED, Declared, WrongDeclaration, declared_of, entities

LARGEST = 1 << 20  # bytes: a declaration is written by people


class Declaration:
    """A file's content, read entity by entity: what is wrong about loans stops no payments."""

    def __init__(self, content: bytes | None) -> None:
        """None where there is no file."""
        self._content = content

    @classmethod
    def beside(cls, folder: Path) -> Declaration:
        """Of a folder with data."""
        file = folder / FILE
        return cls(file.read_bytes() if file.is_file() else None)

    def of(self, entity: str) -> Declared:
        """Raises WrongDeclaration."""
        told = self._told()
        return declared_of(entity, told[entity]) if entity in told else UNDECLARED

    def all(self) -> dict[str, Declared]:
        """By entity, of all that are named. Raises WrongDeclaration."""
        return {entity: self.of(entity) for entity in self._told()}

    def document(self) -> dict:
        """What is declared, of JSON's types only. What is wrong stays as it came: whoever reads it refuses it, too, and
        takes nothing for undeclared. Raises WrongDeclaration where no entity can be told."""
        found: dict = {}
        for entity, told in self._told().items():
            try:
                found[entity] = self.of(entity).document()
            except WrongDeclaration:
                found[entity] = told
        return {entity: told for entity, told in found.items() if told}

    def _told(self) -> Mapping[str, object]:
        return {} if self._content is None else entities(parsed(self._content))


def parsed(content: bytes) -> object:
    """The document. Raises WrongDeclaration."""
    if len(content) > LARGEST:
        raise WrongDeclaration(f"{FILE}: expected at most {LARGEST} bytes, got {len(content)}")
    try:
        text = content.decode("utf-8-sig")
        if any(isinstance(event, AliasEvent) for event in YAML(typ="base", pure=True).parse(text)):
            raise WrongDeclaration(f"{FILE}: expected no aliases (*name): write it out")
        found = YAML(typ="base", pure=True).load(text)
    except WrongDeclaration:
        raise
    except UnicodeDecodeError:
        raise WrongDeclaration(f"{FILE}: expected UTF-8") from None
    except (YAMLError, ValueError, RecursionError) as broken:
        raise WrongDeclaration(f"{FILE}: expected YAML; {where(broken)}") from None
    return {} if found in (None, "") else found


def where(broken: Exception) -> str:
    """What is wrong with the YAML, and in which line."""
    problem = getattr(broken, "problem", None) or type(broken).__name__
    mark = getattr(broken, "problem_mark", None)
    return f"{problem}, in line {mark.line + 1}" if mark else str(problem)
