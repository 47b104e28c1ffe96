"""A plan's JSON as the rules read it: resources with what they will be, and what is not known before they are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


class Unknown:
    """A value that only the apply will tell: it comes from another resource."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, and what to do about it."""

    address: str
    says: str

    def __str__(self) -> str:
        return f"{self.address}: {self.says}"


@dataclass(frozen=True)
class Resource:
    """A resource as it will be."""

    address: str
    kind: str
    module: str
    name: str
    index: str | int | None
    values: dict[str, Any]
    unknown: dict[str, Any] = field(default_factory=dict)

    def at(self, path: str) -> list[Any]:
        """The values at a path; `[]` stands for every element. A missing one is None, an unknown one UNKNOWN."""
        return list(_reach(self.values, self.unknown, path.split(".")))

    def one(self, path: str) -> Any:
        """The value at a path without lists."""
        (value,) = self.at(path)
        return value


@dataclass(frozen=True)
class Change:
    """What a plan does to one resource."""

    address: str
    kind: str
    actions: tuple[str, ...]
    forced_by: tuple[str, ...] = ()

    @property
    def loses(self) -> bool:
        return "delete" in self.actions

    @property
    def replaces(self) -> bool:
        return self.loses and "create" in self.actions


@dataclass(frozen=True)
class Plan:
    """Several stacks' plans as one: an alarm of one may watch a queue of another."""

    documents: tuple[dict[str, Any], ...]

    def changes(self) -> Iterator[Change]:
        for document in self.documents:
            for change in document.get("resource_changes", []):
                if change["mode"] == "managed":
                    paths = change["change"].get("replace_paths", [])
                    forced = tuple(sorted({str(path[0]) for path in paths if path}))
                    yield Change(change["address"], change["type"], tuple(change["change"]["actions"]), forced)

    def resources(self, *kinds: str) -> list[Resource]:
        """What there will be after the apply, of these kinds or of all."""
        return [
            Resource(
                address=change["address"],
                kind=change["type"],
                module=change.get("module_address", ""),
                name=change["name"],
                index=change.get("index"),
                values=change["change"]["after"] or {},
                unknown=_mapping(change["change"].get("after_unknown")),
            )
            for document in self.documents
            for change in document.get("resource_changes", [])
            if change["mode"] == "managed"
            and change["change"]["after"] is not None
            and (not kinds or change["type"] in kinds)
        ]

    def names(self) -> tuple[str, ...]:
        """What the platform's own names begin with, as the plans' variables say."""
        found = set()
        for document in self.documents:
            variables = document.get("variables", {})
            environment = variables.get("environment", {}).get("value")
            if environment:
                name = f"{variables.get('prefix', {}).get('value', 'risk')}-{environment}"
                found |= {name, name.replace("-", "_")}
        return tuple(sorted(found))

    def references(self, resource: Resource, argument: str) -> set[str]:
        """Addresses within its module that a resource's argument is written in terms of."""
        modules = [part.partition("[")[0] for part in resource.module.split(".") if part and part != "module"]
        found: set[str] = set()
        for document in self.documents:
            module = document.get("configuration", {}).get("root_module", {})
            for name in modules:
                module = module.get("module_calls", {}).get(name, {}).get("module", {})
            for written in module.get("resources", []):
                if (written["type"], written["name"]) == (resource.kind, resource.name):
                    found |= set(written.get("expressions", {}).get(argument, {}).get("references", []))
        return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _reach(value: Any, unknown: Any, path: list[str]) -> Iterator[Any]:
    if unknown is True:
        yield UNKNOWN
        return
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    name = step.removesuffix("[]")
    value = value.get(name) if isinstance(value, dict) else None
    unknown = unknown.get(name) if isinstance(unknown, dict) else None
    if not step.endswith("[]"):
        yield from _reach(value, unknown, rest)
        return
    if unknown is True:
        yield UNKNOWN
        return
    elements = value if isinstance(value, list) else []
    doubts = unknown if isinstance(unknown, list) else []
    if not elements and not doubts:
        yield from _reach(None, None, rest)
    for at in range(max(len(elements), len(doubts))):
        yield from _reach(elements[at] if at < len(elements) else None, doubts[at] if at < len(doubts) else None, rest)
