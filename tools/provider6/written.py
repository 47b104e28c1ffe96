"""What terraform/ writes: the arguments of every resource and data source, and the attributes that it reads of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

META = {"count", "for_each", "depends_on", "lifecycle", "provider", "provisioner", "connection"}
READ = re.compile(r"(?<![\w.])(data\.)?(aws_\w+)\.\w+(?:\[[^\]]*\])?\.([a-z]\w*)")

Names = dict[str, set[str]]


def arguments(folder: Path) -> Names:
    """Dotted paths of arguments by type; a data source's type begins with `data.`."""
    import hcl2

    found: Names = defaultdict(set)
    for path in sorted(folder.rglob("*.tf")):
        with path.open() as file:
            document = hcl2.load(file)
        for kind, prefix in (("resource", ""), ("data", "data.")):
            for block in document.get(kind, []):
                for quoted, named in block.items():
                    name = quoted.strip('"')
                    if name.startswith("aws_"):
                        for body in named.values():
                            found[prefix + name] |= set(paths(body))
    return dict(found)


def paths(body: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Every argument and block of a body, nested ones behind a dot; a dynamic block counts as the block it makes."""
    for name, value in body.items():
        name = name.strip('"')
        if name.startswith("__") or (not before and name in META):
            continue
        if name == "dynamic":
            for dynamic in value:
                for made, how in dynamic.items():
                    yield from paths({made: how.get("content", [])}, before)
            continue
        yield f"{before}{name}"
        for nested in _bodies(value):
            yield from paths(nested, f"{before}{name}.")


def attributes(folder: Path) -> Names:
    """First attributes that expressions read of resources and data sources."""
    found: Names = defaultdict(set)
    for path in sorted(folder.rglob("*.tf")):
        for data, name, attribute in READ.findall(path.read_text()):
            found[data + name].add(attribute)
    return dict(found)


def _bodies(value: Any) -> list[Mapping[str, Any]]:
    """Blocks are lists of mappings; a mapping by itself is a value, whose keys are the writer's own."""
    if isinstance(value, list) and all(isinstance(element, Mapping) for element in value):
        return value
    return []
