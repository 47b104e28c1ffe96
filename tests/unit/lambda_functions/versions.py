"""The doors of another version: their modules imported a second time, with features that a folder declares."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

SCENE = "tests.unit.lambda_functions.scene"
ROOMS = ("features", "scoring", "decide", "stream", "merchants")


def with_features(folder: Path) -> ModuleType:
    """The module of the scene whose doors know our features and those that the folder declares."""
    package = importlib.import_module(SCENE.rpartition(".")[0])
    ours = {name: module for name, module in sys.modules.items() if name.split(".")[0] in ROOMS or name == SCENE}
    for name in ours:
        del sys.modules[name]
    try:
        with mock.patch.dict(os.environ, {"FEATURES": str(folder)}):
            return importlib.import_module(SCENE)
    finally:
        for name in [n for n in sys.modules if n.split(".")[0] in ROOMS or n == SCENE]:
            del sys.modules[name]
        sys.modules.update(ours)
        package.scene = ours[SCENE]  # type: ignore[attr-defined]
