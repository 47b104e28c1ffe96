"""The workflows as data: jobs, steps and their commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"


@dataclass(frozen=True)
class Job:
    """One job of one workflow."""

    workflow: str
    name: str
    document: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.workflow}/{self.name}"

    @property
    def steps(self) -> list[dict[str, Any]]:
        return self.document.get("steps", [])

    @property
    def writes(self) -> set[str]:
        return {right for right, how in self.document["permissions"].items() if how == "write"}

    def commands(self) -> list[str]:
        return [step["run"] for step in self.steps if "run" in step]

    def uses(self, action: str) -> list[dict[str, Any]]:
        return [step for step in self.steps if step.get("uses", "").startswith(f"{action}@")]


def read() -> dict[str, dict[str, Any]]:
    """Every workflow by name. `on` stays a word, and versions stay texts."""
    return {path.stem: yaml.load(path.read_text(), yaml.BaseLoader) for path in sorted(FOLDER.glob("*.yml"))}


def jobs() -> Iterator[Job]:
    for workflow, document in read().items():
        for name, job in document["jobs"].items():
            yield Job(workflow, name, job)


def job(workflow: str, name: str) -> Job:
    return Job(workflow, name, read()[workflow]["jobs"][name])
