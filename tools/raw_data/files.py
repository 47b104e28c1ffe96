"""Which files of a folder are files of the RAW contract: one for each entity, by its name."""

from __future__ import annotations

from pathlib import Path

from features.contract import CONTRACTS

SUFFIXES = (".parquet", ".csv")


class Unusable(ValueError):
    """The folder holds no such files, or two for one entity; the text says which."""


def raw_files(folder: Path) -> dict[str, Path]:
    """Files by entity. Raises Unusable."""
    if not folder.is_dir():
        raise Unusable(f"{folder}: expected a folder with files of the RAW contract, found none")
    files = {}
    for entity in CONTRACTS:
        found = [folder / f"{entity}{suffix}" for suffix in SUFFIXES if (folder / f"{entity}{suffix}").is_file()]
        if len(found) > 1:
            raise Unusable(f"{folder}: expected one file for {entity}, found {' and '.join(p.name for p in found)}")
        if found:
            files[entity] = found[0]
    return files


def names(folder: Path) -> str:
    """What lies there, for a refusal."""
    return ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
