"""The platform deployed to a local AWS of its own, for measurements and for tests of the whole."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import local
from tools import package
from tools.operate.platform import Platform
from tools.terraform import stacks

ENVIRONMENT = "local"


@contextmanager
def deployed(folder: Path) -> Iterator[Platform]:
    """While it lasts, the process's environment points to that AWS. Afterwards everything is gone with it."""
    before, state = dict(os.environ), stacks.STATE
    with local.running(folder / "aws", port=0) as aws:
        ours = aws.environment()
        os.environ.clear()
        os.environ.update(ours)
        stacks.STATE = folder / "terraform"
        try:
            package.main()
            deploy(folder)
            yield Platform(stacks.outputs(ENVIRONMENT))
        finally:
            stacks.STATE = state
            os.environ.clear()
            os.environ.update(before)


def deploy(folder: Path) -> None:
    """Terraform's own lines go to a log, of which the end is shown when it fails."""
    log = folder / "terraform.log"
    command = [sys.executable, "-m", "tools.terraform", "deploy", ENVIRONMENT]
    with log.open("w") as file:
        done = subprocess.run(
            command,
            cwd=stacks.ROOT,
            env={**os.environ, "BUILD_DIR": str(folder), "PYTHONPATH": ".:lambda"},  # as make has it
            stdout=file,
            stderr=file,
            check=False,
        )
    if done.returncode:
        raise stacks.TerraformFailed("\n".join(log.read_text().splitlines()[-25:]))
