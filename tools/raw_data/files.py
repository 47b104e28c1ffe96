"""Which files of a folder are files of the RAW contract: for each entity one, by its name, or a folder of its parts."""

from __future__ import annotations

from pathlib import Path

from features.contract import CONTRACTS
from raw.names import ENDINGS, HIDDEN, SUFFIXES


class Unusable(ValueError):
    """The folder holds no such files, or two for one entity, or one that cannot be read; the text says which."""


def raw_files(folder: Path) -> dict[str, list[Path]]:
    """Files by entity, several where a tool has written parts. Raises Unusable."""
    if not folder.is_dir():
        raise Unusable(f"{folder}: expected a folder with files of the RAW contract, found none")
    files = {}
    for entity in CONTRACTS:
        found = [path for end in ("", *SUFFIXES) if (path := folder / f"{entity}{end}").exists() and usable(path, end)]
        if len(found) > 1:
            raise Unusable(f"{folder}: expected one file for {entity}, found {' and '.join(p.name for p in found)}")
        if found:
            files[entity] = parts(found[0])
    return files


def usable(path: Path, end: str) -> bool:
    return path.is_dir() or (bool(end) and path.is_file())


def parts(path: Path) -> list[Path]:
    """The file itself, or the data files of a folder, as Spark writes them, in order of their names."""
    if path.is_file():
        return [path]
    folders = {part for p in path.rglob("*") if p.is_file() for part in p.relative_to(path).parts[:-1]}
    if divided := sorted(name for name in folders if "=" in name):
        raise Unusable(
            f"{path}: expected parts that hold all their columns, found folders named {', '.join(divided[:3])}; write "
            "that column into the files"
        )
    inside = [p for p in sorted(path.rglob("*")) if p.is_file() and not hidden(p.relative_to(path))]
    found = [p for p in inside if p.name.endswith(SUFFIXES)]
    if not found or len(found) < len(inside):
        others = ", ".join(p.name for p in inside if p not in found) or "nothing"
        raise Unusable(f"{path}: expected parts ending in {ENDINGS}, found {others}")
    return found


def hidden(path: Path) -> bool:
    return any(part.startswith(HIDDEN) for part in path.parts)


def names(folder: Path) -> str:
    """What lies there, for a refusal."""
    return ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
