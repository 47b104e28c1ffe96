"""What a training was made from and what it made, as digests: two runs of the same have the same.

A run gives its models names of its own. They stand for the learner's in what is compared.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path


def of(parts: Mapping[str, Path], archive: Path, names: Mapping[str, str]) -> dict:
    """`parts` are folders of rows, `names` the learner by the name that the run has given its model."""
    return {
        "rows": {name: digest(file.read_bytes() for file in files(folder)) for name, folder in parts.items()},
        "archive": members(archive, names),
    }


def files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.parquet") if file.is_file())


def members(archive: Path, names: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of each file of an archive; the code that serves counts as one."""
    code: dict[str, str] = {}
    found: dict[str, str] = {}
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            file = tar.extractfile(member)
            if file is None:
                continue
            content = digest([unnamed(file.read(), names)])
            (code if member.name.startswith("code/") else found)[member.name] = content
    return {**dict(sorted(found.items())), "code": digest([json.dumps(code, sort_keys=True).encode()])}


def unnamed(content: bytes, names: Mapping[str, str]) -> bytes:
    for name, learner in names.items():
        content = content.replace(name.encode(), learner.encode())
    return content


def digest(contents: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for content in contents:
        found.update(content)
    return found.hexdigest()
