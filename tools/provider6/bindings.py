"""What the provider knows, read from the bindings in a wheel without running them."""

from __future__ import annotations

import ast
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

WORDS = re.compile(r"\w+")
RENAMED = {"equals": "equal_to"}  # what every object of the bindings' own language has already


@dataclass(frozen=True)
class Known:
    """One resource or data source: the arguments of each class of its module, and the attributes of the first."""

    arguments: dict[str, dict[str, str]]
    attributes: frozenset[str]

    def real(self, path: str) -> str | None:
        """The argument that a dotted path means, None when there is none. Keys of a map are its writer's own."""
        holder, passed = self._configuration(), []
        for step in path.split("."):
            if not holder:
                break
            known = self.arguments[holder]
            annotation = known.get(step, known.get(f"{step}_", known.get(RENAMED.get(step, ""))))
            if annotation is None:
                return None
            passed.append(step)
            holder = next((word for word in WORDS.findall(annotation) if word in self.arguments), "")
        return ".".join(passed)

    def _configuration(self) -> str:
        return next(name for name in self.arguments if name.endswith("Config"))


def version(wheel: zipfile.ZipFile) -> str:
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    found = re.search(r"provider version (6\.\d+\.\d+)", wheel.read(metadata).decode())
    if not found:
        raise ValueError("the wheel does not say that it was made from a provider of version 6")
    return found[1]


def known(wheel: zipfile.ZipFile, kind: str) -> Known | None:
    """What the provider knows of a type; None when it knows no such type."""
    data, name = kind.startswith("data."), kind.removeprefix("data.")
    module = f"data_{name}" if data else name.removeprefix("aws_")
    try:
        tree = ast.parse(wheel.read(f"cdktn_provider_aws/{module}/__init__.py"))
    except KeyError:
        return None
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    arguments = {node.name: _arguments(node) for node in classes}
    own = next(node for node in classes if f"{node.name}Config" in arguments)
    ordered = {f"{own.name}Config": arguments.pop(f"{own.name}Config"), **arguments}
    return Known(ordered, frozenset(_attributes(own)))


def opened(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _arguments(node: ast.ClassDef) -> dict[str, str]:
    for function in node.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            return {
                argument.arg: ast.unparse(argument.annotation) if argument.annotation else ""
                for argument in function.args.kwonlyargs
            }
    return {}


def _attributes(node: ast.ClassDef) -> list[str]:
    return [
        function.name for function in node.body if isinstance(function, ast.FunctionDef) and function.decorator_list
    ]
