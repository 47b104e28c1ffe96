"""Which of this machine's packages the image has, from the lock file that the image installs."""

from __future__ import annotations

import re
import shutil
import sysconfig
from pathlib import Path

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
_OF_THE_BASE_IMAGE = {"pip", "setuptools", "wheel"}  # python:3.11-slim brings them


def write(folder: Path, lock: Path) -> None:
    """Make the folder that a container has on its PYTHONPATH."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("gate_inside.py"), folder / "sitecustomize.py")
    why = f"it is installed on this machine and not in the image, whose packages {lock.name} lists"
    absent = absent_modules(lock.read_text(), Path(sysconfig.get_path("purelib")))
    (folder / "absent.txt").write_text("\n".join([why, *sorted(absent)]))


def absent_modules(lock: str, site_packages: Path) -> set[str]:
    """Return the top-level modules of installed packages that a lock file does not pin.

    Namespaces (folders without `__init__.py`) are left out: packages of the image may have a part in them.
    """
    image = {_normal(name) for name in _PINNED.findall(lock)} | _OF_THE_BASE_IMAGE
    absent: set[str] = set()
    for information in site_packages.glob("*.dist-info"):
        record = information / "RECORD"
        if _normal(information.name.partition("-")[0]) in image or not record.exists():
            continue
        files = {line.partition(",")[0] for line in record.read_text().splitlines()}
        absent |= {path.partition("/")[0] for path in files if path.count("/") == 1 and path.endswith("/__init__.py")}
        absent |= {path.partition(".")[0] for path in files if "/" not in path and path.endswith((".py", ".so"))}
    return absent


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
