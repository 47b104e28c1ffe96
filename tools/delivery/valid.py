"""Every stack is valid in a given Terraform or OpenTofu: on a copy, with that program's own registry and no lock."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "terraform"


def stacks(source: Path) -> list[Path]:
    """Folders that are planned by themselves: they, and only they, say who provides."""
    return sorted({path.parent for path in source.rglob("*.tf") if "\nprovider " in f"\n{path.read_text()}"})


def invalid(program: str, source: Path = SOURCE) -> list[str]:
    """The stacks that are not valid; the program says why. `TF_PLUGIN_DIR` names a mirror instead of a registry."""
    plugins = [f"-plugin-dir={os.environ['TF_PLUGIN_DIR']}"] if os.environ.get("TF_PLUGIN_DIR") else []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "terraform"
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns(".terraform*"))
        wrong = []
        for stack in stacks(copy):
            name = str(stack.relative_to(copy))
            for command in (["init", "-backend=false", "-input=false", *plugins], ["validate"]):
                done = subprocess.run([program, f"-chdir={stack}", *command, "-no-color"], check=False)
                if done.returncode:
                    wrong.append(name)
                    break
        return wrong
