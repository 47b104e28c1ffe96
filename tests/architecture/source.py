"""The repository as text and as syntax trees."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FUNCTIONS = (
    "cases",
    "decide",
    "document",
    "intake",
    "labels",
    "lists",
    "loans",
    "merchants",
    "release",
    "seal",
    "stream",
)
SHIPPED = ("features", "raw", "glue", "training", "inference", "lending", "lambda", "datasets", "demo", "tools")


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository that exist, as git knows them."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, check=True)
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def modules(*rooms: str) -> list[Path]:
    return [path for room in rooms for path in tracked(f"{room}/*.py")]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path) -> set[str]:
    """Top-level names that a module imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def run_on_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that importing the module evaluates: bodies of functions and of the main guard do not count."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            continue
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield from run_on_import(node)


def block(text: str, opening: str) -> str:
    """What stands between the braces or brackets that open at the end of `opening`."""
    start = text.index(opening) + len(opening)
    depth, at = 1, start
    while depth:
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(text[at], 0)
        at += 1
    return text[start : at - 1]


def terraform(name: str) -> str:
    return (ROOT / "terraform" / "modules" / name).read_text()


def keys(text: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, text, flags=re.MULTILINE))
