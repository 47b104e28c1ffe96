"""The packages of Glue jobs as one archive of wheels: what `requirements/glue.txt` locks, for the machines of Glue 5.1.

Fetched once for each lock, by pip with hashes and from whatever index it is set up with; kept below build/wheels. Glue
takes `wheels/` with a `requirements.txt` ("zip of wheels", its guide, appendix A) and installs it without an index.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tools.archives import zipped

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "glue.txt"
KEPT = ROOT / "build" / "wheels"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", re.MULTILINE)
PYTHON = "3.11"
GLIBC = 34  # the minor version of Glue 5.1's, Amazon Linux 2023
PLATFORMS = [*(f"manylinux_2_{minor}_x86_64" for minor in range(GLIBC, 4, -1)), "manylinux2014_x86_64"]


class CannotFetch(RuntimeError):
    """pip could not get the wheels; the text is what it said."""


def gluewheels(lock: Path = LOCK, kept: Path = KEPT) -> bytes:
    """The archive. Raises CannotFetch."""
    text = lock.read_bytes()
    archive = kept / f"{hashlib.sha256(text).hexdigest()[:16]}.zip"
    if not archive.is_file():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept) as folder:
            fetch(lock, Path(folder))
            wheels = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
        for old in kept.glob("*.zip"):
            old.unlink()
        whole = archive.with_name(f".{archive.name}.{os.getpid()}")
        whole.write_bytes(bundled(pins(text.decode()), wheels))
        whole.replace(archive)
    return archive.read_bytes()


def bundled(pinned: Mapping[str, str], wheels: Mapping[str, bytes]) -> bytes:
    """The wheels, and beside them which of them to install: all."""
    listed = "".join(f"{name}=={version}\n" for name, version in sorted(pinned.items()))
    files = {"requirements.txt": listed.encode(), **wheels}
    return zipped({f"wheels/{name}": content for name, content in files.items()}, zipfile.ZIP_STORED)


def pins(lock: str) -> dict[str, str]:
    """Versions by package of a lock."""
    return dict(PINNED.findall(lock))


def fetch(lock: Path, folder: Path) -> None:
    """Raises CannotFetch."""
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    asked = ["download", "-q", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--implementation", "cp"]
    asked += ["--python-version", PYTHON, *platforms, "-d", str(folder), "-r", str(lock)]
    done = subprocess.run([sys.executable, "-m", "pip", *asked], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotFetch(f"the wheels of {lock.name} could not be fetched:\n{done.stderr.strip()}")
