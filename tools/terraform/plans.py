"""Plans: made without a lock and without writing anything, kept, and applied as they were shown."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tools.terraform import stacks
from tools.terraform.environments import ROOT, Environment

DECLARED = "module.feature_store.module.declared"  # feature groups of entities that a user has declared
GROUPS_AT_A_TIME = 4  # of feature groups that an account makes
NOTHING, CHANGES = 0, 2  # Terraform's detailed exit codes


@dataclass(frozen=True)
class Plan:
    """A saved plan of one stack, and a note beside it that says of what it was made."""

    stack: str
    environment: Environment

    @property
    def file(self) -> Path:
        return stacks.STATE / self.environment.name / "plans" / f"{self.stack}.tfplan"

    @property
    def note(self) -> Path:
        return self.file.with_suffix(".json")

    def make(self) -> bool:
        """Plans, keeps the plan and tells whether anything would change."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        done = stacks.run(
            self.stack,
            self.environment.name,
            "plan",
            "-lock=false",  # reading needs no lock, and whoever may only read can take none
            "-detailed-exitcode",
            "-compact-warnings",
            f"-parallelism={stacks.SIDE_BY_SIDE}",
            f"-out={self.file}",
            *stacks.variables(self.stack, self.environment),
            fine=(NOTHING, CHANGES),
        )
        self.note.write_text(json.dumps({"inputs": self.inputs(), "changes": done.returncode == CHANGES}))
        for option, suffix in ((("-no-color",), ".txt"), (("-json",), ".plan.json")):
            shown = stacks.run(self.stack, self.environment.name, "show", *option, str(self.file), capture=True)
            self.file.with_suffix(suffix).write_text(shown.stdout)
        return done.returncode == CHANGES

    def inputs(self) -> str:
        """A hash of all that a plan is made of, beside the state: a plan of other inputs is not applied."""
        found = hashlib.sha256()
        sources = [p for p in (ROOT / "terraform").rglob("*") if p.is_file() and "tests" not in p.parts]
        told = stacks.variables(self.stack, self.environment)
        files = [argument.removeprefix("-var-file=") for argument in told if argument.startswith("-var-file=")]
        found.update("\0".join(argument for argument in told if argument.startswith("-var=")).encode())
        for path in (*sorted(sources), *map(Path, files)):
            name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name  # the same on another machine
            found.update(f"{name}\0".encode() + path.read_bytes())
        return found.hexdigest()

    @property
    def fits(self) -> bool:
        """Whether it is there and was made of what is there now."""
        try:
            return self.file.is_file() and json.loads(self.note.read_text())["inputs"] == self.inputs()
        except (OSError, ValueError, KeyError):
            return False

    @property
    def changes(self) -> bool:
        """Whether the kept plan would change anything."""
        return bool(json.loads(self.note.read_text())["changes"])

    @property
    def side_by_side(self) -> int:
        """How many resources are made at a time: fewer where Terraform would make more feature groups of declared
        entities than AWS does."""
        try:
            changes = json.loads(self.file.with_suffix(".plan.json").read_text()).get("resource_changes", ())
        except (OSError, ValueError):
            return stacks.SIDE_BY_SIDE
        made = [c for c in changes if DECLARED in c.get("address", "") and "create" in c["change"]["actions"]]
        return GROUPS_AT_A_TIME if len(made) > GROUPS_AT_A_TIME else stacks.SIDE_BY_SIDE

    def apply(self) -> None:
        """Applies the plan and forgets it: Terraform refuses one that another change has overtaken."""
        try:
            stacks.run(
                self.stack,
                self.environment.name,
                "apply",
                "-input=false",
                "-compact-warnings",
                f"-parallelism={self.side_by_side}",
                str(self.file),
            )
        finally:
            self.forget()

    def forget(self) -> None:
        for suffix in (".tfplan", ".json", ".txt", ".plan.json"):
            self.file.with_suffix(suffix).unlink(missing_ok=True)
