"""What a machine must bring is named, with how to get it, before anything is set up."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "prerequisites.sh"
PLAIN = ("sed", "head", "cat")


def run(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(SCRIPT)], env={"PATH": str(path)}, capture_output=True, text=True, check=False
    )


def tool(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def bare(folder: Path) -> Path:
    for name in PLAIN:
        (folder / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    return folder


def test_every_missing_tool_is_named_at_once_with_how_to_get_it(tmp_path):
    done = run(bare(tmp_path))
    assert done.returncode == 1
    for name in ("Python 3.11", "Java 17", "Terraform >= 1.9"):
        assert f"missing: {name}" in done.stderr
    assert done.stderr.count("install") >= 3


def test_a_tool_of_another_version_is_missing_too(tmp_path):
    folder = bare(tmp_path)
    tool(folder, "python3.11", "exit 0")
    tool(folder, "java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2")
    tool(folder, "terraform", "echo 'Terraform v1.8.5'")
    done = run(folder)
    assert done.returncode == 1
    assert "Java 17 (found 11)" in done.stderr
    assert "Terraform >= 1.9 (found 1.8)" in done.stderr
    assert "missing: Python" not in done.stderr


def test_the_python_to_use_is_printed_when_nothing_is_missing(tmp_path):
    folder = bare(tmp_path)
    tool(folder, "python3.11", "exit 0")
    tool(folder, "java", "echo 'openjdk version \"17.0.15\" 2025-04-15' >&2")
    tool(folder, "terraform", "echo 'Terraform v1.11.4'")
    done = run(folder)
    assert (done.returncode, done.stdout.strip()) == (0, str(folder / "python3.11"))
