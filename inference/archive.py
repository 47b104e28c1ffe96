"""Unpacks a model archive: only files, only below the folder, and no more bytes than a model can have."""

from __future__ import annotations

import tarfile
from pathlib import Path

LARGEST = 1024 * 1024 * 1024  # bytes, unpacked
MOST_FILES = 10_000


class UnsafeArchive(ValueError):
    """An archive would write elsewhere, or more than a model can have; the text says what came."""


def unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Raises UnsafeArchive, before anything is written."""
    size = count = 0
    for member in archive:
        size, count = size + member.size, count + 1
        if size > LARGEST or count > MOST_FILES:
            raise UnsafeArchive(
                f"expected at most {MOST_FILES} files of {LARGEST} bytes together, the archive has more"
            )
        if not (member.isfile() or member.isdir()):
            raise UnsafeArchive(f"expected files and folders only, {member.name!r} is neither")
        if not (folder / member.name).resolve().is_relative_to(folder.resolve()):
            raise UnsafeArchive(f"expected names below the archive's own folder, got {member.name!r}")
    archive.extractall(folder, filter="data")
