"""What a Glue job may import: the modules of Glue 5.1, those that the job asks for, and what these need.

Jobs run in this machine's environment, which has many more: a script that forgets to ask for one would pass here and
fail on AWS. So each Python of a job starts with a gate before all other finders.
"""

from __future__ import annotations

import importlib.metadata
import site
from collections.abc import Iterable
from functools import cache
from pathlib import Path

# "Python modules already provided in AWS Glue", for 5.0 and later. awsglue and pip are not installed here.
_GLUE_5_1 = """
    aiobotocore aiohappyeyeballs aiohttp aioitertools aiosignal appdirs attrs boto3 botocore certifi
    charset-normalizer contourpy cycler fonttools frozenlist fsspec idna jmespath kaleido kiwisolver matplotlib
    multidict numpy packaging pandas pillow pip plotly py4j pyarrow pyparsing pyspark python-dateutil pytz requests s3fs
    s3transfer seaborn setuptools six tenacity tzdata urllib3 virtualenv wrapt yarl
"""
GLUE_5_1 = _GLUE_5_1.split()
GATE = '''"""Refuses modules that this machine has and Glue would not have."""

import sys
from importlib.machinery import PathFinder

ALLOWED = frozenset({allowed!r}) | sys.stdlib_module_names
INSTALLED = {installed!r}


class Gate:
    def find_spec(self, name, path=None, target=None):
        if path is not None or name in ALLOWED:
            return None
        spec = PathFinder.find_spec(name)
        if spec is None:
            return None
        places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
        if places and all(place.startswith(INSTALLED) for place in places):
            raise ModuleNotFoundError(
                f"No module named {{name!r}}: this machine has it, but Glue 5.1 does not; "
                "ask for it with --additional-python-modules",
                name=name,
            )
        return None


sys.meta_path.insert(0, Gate())
'''


def write_gate(folder: Path, asked: Iterable[str], own: Path) -> Path:
    """A folder for the front of PYTHONPATH. ``own`` holds the job's wheels: what they need, the job may import."""
    needed = [need for found in importlib.metadata.distributions(path=[str(own)]) for need in found.requires or ()]
    allowed = sorted(allowed_modules((*asked, *needed)))
    folder.mkdir(parents=True, exist_ok=True)
    # Python imports a module of this name when it starts.
    installed = tuple(site.getsitepackages())
    (folder / "sitecustomize.py").write_text(GATE.format(allowed=allowed, installed=installed))
    return folder


@cache
def allowed_modules(asked: tuple[str, ...]) -> frozenset[str]:
    """The importable names of Glue's packages, of those that were asked for, and of all that they require."""
    return frozenset(name for package in closure([*GLUE_5_1, *asked]) for name in _names(package))


def closure(asked: Iterable[str]) -> set[str]:
    """The installed packages that come with these requirements, themselves included."""
    from packaging.requirements import InvalidRequirement, Requirement

    found: dict[str, set[str]] = {}
    waiting = [(text, "") for text in asked]
    while waiting:
        text, extra = waiting.pop()
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        name = wanted.name.lower().replace("_", "-")
        for more in {"", *wanted.extras} - found.setdefault(name, set()):
            found[name].add(more)
            waiting += [(need, more) for need in _requires(name)]
    return set(found)


def _requires(package: str) -> list[str]:
    try:
        return importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _names(package: str) -> set[str]:
    try:
        found = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return set()
    if listed := found.read_text("top_level.txt"):
        return set(listed.split())
    first = {line.partition(",")[0].partition("/")[0] for line in (found.read_text("RECORD") or "").splitlines()}
    return {name.split(".")[0] for name in first if not name.endswith((".dist-info", ".."))}
