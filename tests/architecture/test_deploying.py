"""Who deploys needs three packages, and nothing of what runs here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from tests.architecture.source import ROOT

COMMANDS = (
    "tools.package",
    "tools.terraform.__main__",
    "tools.operate.__main__",
    "tools.guard.__main__",
    "tools.cost.__main__",
    "tools.sign_on",
)
LOCKED = {
    name.replace("-", "_")
    for name in re.findall(r"^([a-z][\w-]*)==", (ROOT / "requirements" / "deploy.txt").read_text(), re.MULTILINE)
}
OWN_NAMES = {"python_dateutil": "dateutil", "ruamel_yaml": "ruamel"}  # packages whose module is called otherwise


def test_the_commands_of_a_deployment_import_what_the_small_environment_has():
    code = f"import json, sys\nfor name in {COMMANDS!r}: __import__(name)\nprint(json.dumps(sorted(sys.modules)))"
    paths = {**os.environ, "PYTHONPATH": ".:lambda"}  # as make has it
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=paths, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)} - sys.stdlib_module_names

    known = {OWN_NAMES.get(name, name) for name in LOCKED} | {
        "features",
        "raw",
        "glue",
        "release",
        "scoring",
        "tools",
        "training",  # the words of a training, no libraries
        "_distutils_hack",
    }
    optional = {"click", "pygments", "rich", "zstandard", "brotli", "h2", "socksio"}  # httpx takes them where they are
    assert {name for name in loaded if not name.startswith("__")} - known - optional == set()
