"""A release is collected from what packaging has just written."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.delivery.workflows import ROOT


def test_what_is_packaged_can_be_released(tmp_path):
    for module, *words in (["tools.package"], ["tools.delivery", "release"]):
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            env=os.environ | {"BUILD_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    sums = (tmp_path / "release" / "SHA256SUMS").read_text()
    assert "lambda-decide.zip" in sums
    assert "layers-boto3.zip" in sums
