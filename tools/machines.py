"""State machines as statelint reads them: templates of terraform/, or what plans render of them.

`python -m tools.machines [PLAN.json ...]`, in the environment of requirements/check.txt; without a plan, the templates.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tools.guard.plan import Plan

TERRAFORM = Path(__file__).resolve().parent.parent / "terraform"
OPEN = re.compile(r'(:\s*|\[\s*|,\s*)\$\{[^{}"]*\}(?=\s*[,\]}])')  # a value that is no text: a number, a list


def templates(folder: Path = TERRAFORM) -> dict[str, str]:
    """Each template with a number for each value that its text does not quote."""
    return {str(path.relative_to(folder)): filled(path.read_text()) for path in sorted(folder.rglob("*.asl.json"))}


def filled(template: str) -> str:
    """A template that can be read as JSON. Raises json.JSONDecodeError when it cannot."""
    text = OPEN.sub(r"\g<1>1", template)
    json.loads(text)
    return text


def rendered(paths: list[str]) -> dict[str, str]:
    """The definitions that plans know."""
    plan = Plan(tuple(json.loads(Path(path).read_text()) for path in paths))
    machines = {machine.address: machine.one("definition") for machine in plan.resources("aws_sfn_state_machine")}
    return {address: definition for address, definition in machines.items() if isinstance(definition, str)}


def main(paths: list[str]) -> int:
    machines = rendered(paths) if paths else templates()
    wrong = 0
    for name, definition in machines.items():
        done = subprocess.run(
            [Path(sys.executable).with_name("statelint"), "--ignore=FLOAT", definition],
            check=False,
            text=True,
            stdout=subprocess.PIPE,
        )
        if done.returncode:
            wrong += 1
            print(f"{name}: {done.stdout.strip()}")
    print(f"{len(machines)} state machines, {wrong} with errors")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
