"""An archive of wheels, as Glue 5.0 and later install it: ``--additional-python-modules s3://.../x.gluewheels.zip``.

Nothing is installed here: the packages of this machine stand for those of the archive. So an archive must hold just
their versions, wheels that Glue's machines can install, and, where ``--no-index`` forbids to fetch more, whatever they
need.
"""

from __future__ import annotations

import importlib.metadata
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_string
from functools import cache
from pathlib import Path

SUFFIX = ".gluewheels.zip"
LISTED = "wheels/requirements.txt"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)$")
PYTHON = (3, 11)
GLIBC = (2, 34)  # Amazon Linux 2023
# What the markers of requirements see there.
MACHINE = {
    "python_version": "3.11",
    "python_full_version": "3.11.14",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "os_name": "posix",
    "extra": "",
}


class Refused(ValueError):
    """pip on Glue's machines would not install the archive."""


@dataclass(frozen=True)
class Wheels:
    """What an archive installs: versions by package, and by package which others it needs."""

    versions: Mapping[str, str]
    needs: Mapping[str, frozenset[str]]

    @property
    def asked(self) -> list[str]:
        """Packages that no other of them brings."""
        brought = frozenset[str]().union(*self.needs.values())
        return sorted(name for name in self.versions if name not in brought)


def read(path: Path) -> Wheels:
    """Raises Refused."""
    return _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, written: int) -> Wheels:
    """An archive is large and many jobs bring the same: it is looked through once."""
    from packaging.utils import canonicalize_name, parse_wheel_filename

    try:
        with zipfile.ZipFile(path) as archive:
            if LISTED not in archive.namelist():
                raise Refused(f"the archive holds no {LISTED}")
            listed = archive.read(LISTED).decode().split("\n")
            held: dict[str, tuple[str, zipfile.ZipInfo]] = {}
            for entry in archive.infolist():
                if not entry.filename.endswith(".whl"):
                    continue
                package, version, _, tags = parse_wheel_filename(entry.filename.rpartition("/")[2])
                if not any(_fits(tag.interpreter, tag.abi, tag.platform) for tag in tags):
                    raise Refused(f"{entry.filename} is no wheel for Python 3.11 on x86_64 with glibc 2.34")
                held[str(package)] = (str(version), entry)
            versions: dict[str, str] = {}
            needs: dict[str, frozenset[str]] = {}
            for line in filter(None, listed):
                pinned = PINNED.match(line)
                if not pinned:
                    raise Refused(f"{LISTED} has {line!r}; expected name==version")
                name = str(canonicalize_name(pinned[1]))
                if held.get(name, ("",))[0] != pinned[2]:
                    raise Refused(f"{LISTED} wants {line}, of which there is no wheel")
                versions[name] = pinned[2]
                needs[name] = _needs(archive, held[name][1])
    except zipfile.BadZipFile as broken:
        raise Refused("it is no zip file") from broken
    return Wheels(versions, needs)


def require_whole(wheels: Wheels, provided: frozenset[str]) -> None:
    """Nothing is fetched, so all that the wheels need is among them or what Glue has. Raises Refused."""
    for name, needs in sorted(wheels.needs.items()):
        for need in sorted(needs - set(wheels.versions) - provided):
            raise Refused(f"{name} needs {need}, of which there is no wheel, and --no-index lets pip fetch none")


def require_installed(wheels: Wheels) -> None:
    """Raises Refused where this machine has another version than a job would have on AWS."""
    for name, version in sorted(wheels.versions.items()):
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise Refused(f"it brings {name}=={version}, which is not installed here") from None
        if installed != version:
            raise Refused(f"it brings {name}=={version}, but {name} {installed} is installed here")


def _needs(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> frozenset[str]:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    with archive.open(entry) as body, zipfile.ZipFile(body) as wheel:
        (metadata,) = (name for name in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        wanted = message_from_string(wheel.read(metadata).decode()).get_all("Requires-Dist") or []
    requirements = [Requirement(text) for text in wanted]
    return frozenset(
        str(canonicalize_name(each.name)) for each in requirements if not each.marker or each.marker.evaluate(MACHINE)
    )


def _fits(interpreter: str, abi: str, platform: str) -> bool:
    """Whether CPython 3.11 on x86_64 with glibc 2.34 takes a wheel of this tag."""
    glibc = re.fullmatch(r"manylinux_(\d+)_(\d+)_x86_64", platform)
    machine = platform in ("any", "linux_x86_64", "manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64")
    if not machine and not (glibc and (int(glibc[1]), int(glibc[2])) <= GLIBC):
        return False
    if interpreter == "py3" and abi == "none":
        return True
    python = re.fullmatch(r"cp3(\d+)", interpreter)
    if python is None:
        return False
    return (abi == "abi3" and int(python[1]) <= PYTHON[1]) or (int(python[1]) == PYTHON[1] and abi in ("cp311", "none"))
