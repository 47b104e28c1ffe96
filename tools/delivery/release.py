"""A release's files in one folder: every zip and the wheel under their own names, the bills of materials, the sums."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

SHIPPED = (".zip", ".whl", ".tar.gz")
SUMS = "SHA256SUMS"


class TwoOfOneName(ValueError):
    """Two artifacts would have one name in the release."""


def collect(package: Path, listing: Path, folder: Path) -> list[Path]:
    """Copies what `make package` listed, then writes the sums of all that the folder holds. Raises TwoOfOneName."""
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    for name, artifact in sorted(json.loads(listing.read_text())["artifacts"].items()):
        source = package / artifact["key"]
        if not source.name.endswith(SHIPPED):
            continue
        target = source.name if source.suffix == ".whl" else f"{name.replace('/', '-')}{''.join(source.suffixes)}"
        if target in taken:
            raise TwoOfOneName(f"{name} and another artifact are both {target}")
        taken.add(target)
        shutil.copyfile(source, folder / target)
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in files]
    (folder / SUMS).write_text("\n".join(sums) + "\n")
    return files
