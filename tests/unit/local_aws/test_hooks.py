"""The pinned MiniStack still has every function that a plug-in hooks, with the arguments that it expects."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from importlib.metadata import version

import pytest

from local import permissions, plugins, services

PINNED = "1.5.33"
MODULES = sorted(
    f"{package.__name__}.{module.name}"
    for package in (permissions, plugins, services)
    for module in pkgutil.iter_modules(package.__path__)
)


def hooks() -> list[tuple[str, str | None]]:
    """Every (dotted name, signature) of every plug-in; the signature of what is not a function is None."""
    found = []
    for name in [*MODULES, "local.sagemaker"]:
        found += list(getattr(importlib.import_module(name), "HOOKS", {}).items())
    return sorted(set(found), key=str)


def resolve(dotted: str) -> object:
    parts = dotted.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(dotted)


def test_the_installed_ministack_is_the_one_that_the_hooks_were_written_for():
    assert version("ministack") == PINNED


def test_every_plug_in_that_installs_something_names_its_hooks():
    for name in MODULES:
        module = importlib.import_module(name)
        assert not hasattr(module, "install") or hasattr(module, "HOOKS"), name


@pytest.mark.parametrize(("name", "signature"), hooks())
def test_a_hook_is_where_and_as_the_plug_in_expects_it(name: str, signature: str | None):
    found = resolve(name)
    if signature is not None:
        assert str(inspect.signature(found)) == signature  # type: ignore[arg-type]
