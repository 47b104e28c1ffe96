"""Other Pythons of this machine: a function is declared for one version and should run under it.

Only a real interpreter counts. A name on the path may be a shim that finds nothing, so each candidate is started once
and asked what it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

# ssl and zlib: boto3 needs them, and an interpreter built in haste may lack them.
_WHO = "import ssl, sys, zlib; print(sys.executable); print('%d.%d' % sys.version_info[:2])"
_PATIENCE_SECONDS = 10


@cache
def interpreter(version: str) -> str | None:
    """The path of a working Python of this version, such as "3.13"; None where there is none."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    return next((found for path in _candidates(version) if (found := _real(path, version))), None)


def _candidates(version: str) -> list[str]:
    name, home = f"python{version}", Path(os.environ.get("HOME", "/nonexistent"))
    found = [shutil.which(name), f"/usr/bin/{name}", f"/usr/local/bin/{name}", f"/opt/homebrew/bin/{name}"]
    for folder, pattern in (
        (home / ".pyenv" / "versions", f"{version}*/bin/{name}"),
        (home / ".local" / "share" / "uv" / "python", f"cpython-{version}*/bin/{name}"),
    ):
        found += [str(path) for path in sorted(folder.glob(pattern), reverse=True)]
    return list(dict.fromkeys(path for path in found if path and os.access(path, os.X_OK)))


def _real(path: str, version: str) -> str | None:
    try:
        # stdin and stderr: a shim explains itself at length.
        said = subprocess.run(
            [path, "-I", "-S", "-c", _WHO],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_SECONDS,
            check=False,
            text=True,
        ).stdout.split("\n")
    except (OSError, subprocess.SubprocessError):
        return None
    return said[0] if len(said) > 1 and said[1] == version else None
