"""The resources that a plan ends with, by type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator


def resources(plans: Iterable[dict]) -> dict[str, list[dict]]:
    """Attributes of every managed resource, as `terraform show -json` gives them in `planned_values`."""
    found: dict[str, list[dict]] = defaultdict(list)
    for plan in plans:
        for resource in _below(plan["planned_values"].get("root_module", {})):
            if resource["mode"] == "managed":
                found[resource["type"]].append(resource["values"])
    return found


def _below(module: dict) -> Iterator[dict]:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from _below(child)
