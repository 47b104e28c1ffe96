"""The platform deployed to a local AWS of its own, for measurements and for tests of the whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import local
from demo.platform import Platform
from tools import package, terraform, upload

ENVIRONMENT = "local"


@contextmanager
def deployed(folder: Path) -> Iterator[Platform]:
    """While it lasts, the process's environment points to that AWS. Afterwards everything is gone with it."""
    before, state = dict(os.environ), terraform.STATE
    with local.running(folder / "aws", port=0) as aws:
        ours = aws.environment()
        os.environ.clear()
        os.environ.update(ours)
        terraform.STATE = folder / "terraform"
        try:
            package.main()
            made = terraform.bootstrap(ENVIRONMENT)
            terraform.init_root(ENVIRONMENT, made["state_bucket"])
            upload.main(made["artifacts_bucket"])
            terraform.main("apply", ENVIRONMENT)
            yield Platform(terraform.outputs(ENVIRONMENT))
        finally:
            terraform.STATE = state
            os.environ.clear()
            os.environ.update(before)
