"""The resources that a plan ends with, those that it begins with, and those that a state holds: attributes by type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

Resources = dict[str, list[dict]]


def resources(plans: Iterable[dict]) -> Resources:
    """What there will be, as `terraform show -json` gives it in `planned_values`."""
    return _by_type(plan["planned_values"] for plan in plans)


def there(plans: Iterable[dict]) -> Resources:
    """What there was before, as it gives that in `prior_state`; nothing of a stack that was never applied."""
    return _by_type(plan.get("prior_state", {}).get("values", {}) for plan in plans)


def held(states: Iterable[dict]) -> Resources:
    """What states hold, as Terraform keeps them."""
    found: Resources = defaultdict(list)
    for state in states:
        for resource in state["resources"]:
            if resource["mode"] == "managed":
                found[resource["type"]] += [instance["attributes"] for instance in resource["instances"]]
    return found


def _by_type(values: Iterable[dict]) -> Resources:
    found: Resources = defaultdict(list)
    for value in values:
        for resource in _below(value.get("root_module", {})):
            if resource["mode"] == "managed":
                found[resource["type"]].append(resource["values"])
    return found


def _below(module: dict) -> Iterator[dict]:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from _below(child)
