"""What an environment is: `terraform/environments/<name>/`, read by Terraform and by every command."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "terraform" / "environments"


class UnknownEnvironment(RuntimeError):
    """There is no such environment, or its files do not say what they must; the text names file and remedy."""


@dataclass(frozen=True)
class Environment:
    """One environment. `folder` holds a file of Terraform variables for all stacks, one for each, and commands.json."""

    name: str
    folder: Path

    @classmethod
    def read(cls, name: str) -> Environment:
        """Raises UnknownEnvironment."""
        folder = FOLDER / name
        if not name or not (folder / "environment.tfvars.json").is_file():
            known = ", ".join(sorted(path.name for path in FOLDER.iterdir() if path.is_dir()))
            raise UnknownEnvironment(
                f"no environment {name!r}: expected one of {known} (ENV=...); another one is a folder beside them in "
                f"{FOLDER.relative_to(ROOT)}"
            )
        return cls(name, folder)

    def file(self, name: str) -> dict:
        path = self.folder / name
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError) as broken:
            raise UnknownEnvironment(f"{path.relative_to(ROOT)} cannot be read as JSON: {broken}") from None

    @cached_property
    def settings(self) -> dict:
        """What all three stacks are told."""
        return self.file("environment.tfvars.json")

    @property
    def prefix(self) -> str:
        """Beginning of every resource's name, as `risk-dev`."""
        return f"{self.settings['prefix']}-{self.name}"

    @property
    def tags(self) -> dict[str, str]:
        """What Terraform tags every resource with, beside its stack."""
        return {"project": self.settings["prefix"], "environment": self.name}

    @property
    def account(self) -> str | None:
        """The account that the environment lives in; none when nobody has said which one."""
        return next(iter(self.settings["account_ids"]), None)

    @property
    def keeps_data(self) -> bool:
        return bool(self.file("data.tfvars.json")["keep_data"])

    def asks_before(self, command: str) -> bool:
        """Whether the environment's name must be typed before `deploy` or `destroy`."""
        return command in self.file("commands.json")["ask_before"]

    def bucket(self, purpose: str) -> str:
        """The state bucket or the artifacts bucket, in the account of the credentials at hand."""
        return f"{self.prefix}-{purpose}-{caller()['Account']}"


def asked_for(command: str, name: str) -> Environment:
    """The environment that a command was given. Ends the program when there is none of that name."""
    try:
        return Environment.read(name)
    except UnknownEnvironment as unknown:
        raise SystemExit(f"{command}: {unknown}") from None


def caller() -> dict:
    return boto3.client("sts").get_caller_identity()
