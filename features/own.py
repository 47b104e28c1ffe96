"""Features that users declare in files of their own: below `FEATURES=dir` where commands run, and beside ours in what
was packaged with them. Every `.py` file there declares `FEATURES`, a tuple of what `features.declaration` knows; it may
import that, and names that `features.fraud` declares.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import ModuleType
from typing import get_args

from features.contract import TRANSACTIONS
from features.declaration import BESIDE, Distinct, Entity, EntityName, Feature, FeatureSet, Prefix
from features.size import LARGEST, ROOM, fullest

FOLDER = "FEATURES"  # in the environment
PACKAGED = "own"  # the folder in archives
NAME = re.compile("[a-z][a-z0-9_]{0,62}")  # what Feature Store, Athena and files all take for a name
# Columns that stand beside features in tables, training sets and groups, and what Feature Store keeps for itself.
TAKEN = frozenset(column.name for column in TRANSACTIONS.columns) | BESIDE
USAGE = "expected a tuple FEATURES of declarations (features.declaration)"


class WrongFeatures(ValueError):
    """A file of a user declares no features, or such as do not fit. The text names the file and what was expected."""


def with_own(ours: FeatureSet) -> FeatureSet:
    """Our set and, behind it, what the user's files declare, in the order of their names. Raises WrongFeatures."""
    found = ours
    for place, text in own_files():
        added = declared_in(place, text)
        try:
            found = FeatureSet(
                found.name,
                (*found.features, *added),
                (*found.columns, *(feature.name for feature in added if not isinstance(feature, Prefix | Entity))),
                found.label_patience,
                found.declines,
                found.blocks,
            )
            require_known(found)
            _ = found.fingerprints  # what is computed from itself has none
        except ValueError as wrong:
            raise WrongFeatures(f"{place}: {wrong}") from None
        except RecursionError:
            raise WrongFeatures(
                f"{place}: expected features that are computed from others, got one from itself"
            ) from None
    return found


def own_files() -> Iterator[tuple[str, str]]:
    """Where a file lies and what it says, by name. Raises WrongFeatures where a folder was named and is none."""
    named = os.environ.get(FOLDER)
    folder: Traversable = Path(named) if named else files("features") / PACKAGED
    if not folder.is_dir():
        if named:
            raise WrongFeatures(f"FEATURES={named}: expected a folder with files that declare features, found none")
        return
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name == "__init__.py":
            raise WrongFeatures(
                f"{named or PACKAGED}/__init__.py: expected another name for a file that declares features"
            )
        if file.name.endswith(".py"):
            try:
                yield f"{named or PACKAGED}/{file.name}", file.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                raise WrongFeatures(f"{named or PACKAGED}/{file.name}: expected text in UTF-8") from None


def packaged() -> dict[str, bytes]:
    """The user's files by their path in an archive that holds `features`."""
    return {f"features/{PACKAGED}/{place.rpartition('/')[2]}": text.encode() for place, text in own_files()}


def declared_in(place: str, text: str) -> tuple[Feature, ...]:
    """What one file declares. Raises WrongFeatures."""
    module = ModuleType(place)
    try:
        exec(compile(text, place, "exec"), module.__dict__)
    except (Exception, SystemExit) as failed:
        raise WrongFeatures(f"{place}{line_of(failed, place)}: {USAGE}, got {said(failed)}") from None
    found = getattr(module, "FEATURES", None)
    if not isinstance(found, (tuple, list)) or not found:
        raise WrongFeatures(f"{place}: {USAGE}, got {'nothing' if not found else type(found).__name__}")
    for feature in found:
        if not isinstance(feature, get_args(Feature)):
            raise WrongFeatures(f"{place}: {USAGE}, got among them {type(feature).__name__}")
        if not NAME.fullmatch(feature.name):
            raise WrongFeatures(f"{place}: expected names as {NAME.pattern}, got {feature.name!r}")
        if feature.name in TAKEN:
            raise WrongFeatures(
                f"{place}: expected a name that no column of the tables or groups has, got {feature.name!r}"
            )
    return tuple(found)


def require_known(features: FeatureSet) -> None:
    """Raises ValueError for features of entities that nobody has declared, or that tell nobody apart."""
    for feature in features.features:
        entity = getattr(feature, "entity", "customer")
        features.happens(entity)
        if isinstance(feature, Distinct) and feature.of == features.identifiers.get(entity):
            raise ValueError(f"{feature.name}: a record of one {entity} has one {feature.of}")


def said(failed: BaseException) -> str:
    return f"{type(failed).__name__}: {failed.msg if isinstance(failed, SyntaxError) else failed}"


def line_of(failed: BaseException, place: str) -> str:
    """The last line of the file itself that had to do with the failure."""
    if isinstance(failed, SyntaxError):
        return f", line {failed.lineno}"
    lines, trace = [], failed.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == place:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f", line {lines[-1]}" if lines else ""


def main() -> int:
    """Says what the user's files declare, or what is wrong with them."""
    try:
        from features.fraud import FRAUD, OURS
    except WrongFeatures as wrong:
        print(wrong, file=sys.stderr)
        return 1
    from features.vector import LAYOUTS

    own = FRAUD.features[len(OURS.features) :]
    for feature in own:
        print(f"{feature.name}: {feature.description}")
    print(f"{len(own)} features of your own, version {FRAUD.version}")
    refused, warned = judged({entity: fullest(layout) for entity, layout in LAYOUTS.items()})
    for said in (*refused, *warned):
        print(said, file=sys.stderr)
    return 1 if refused else 0


def judged(bytes_of: Mapping[EntityName, int]) -> tuple[list[str], list[str]]:
    """What is refused and what is warned of, by the bytes of each entity's largest record."""
    refused, warned = [], []
    less = "remember fewer values a tile (`kept`), or fewer tiles: a shorter window, or coarser tiles"
    for entity, found in bytes_of.items():
        has = f"a record of {entity} may have {found:,} bytes"
        if found > LARGEST:
            refused.append(f"{has}; expected at most {LARGEST:,}, the online store takes no larger one: {less}")
        elif found > ROOM:
            warned.append(f"{has}, above the {ROOM:,} for which the doors' times are measured: {less}, or measure them")
    return refused, warned


if __name__ == "__main__":
    # The module that `features.fraud` imports is another one than the one that runs: it has the error's class.
    from features import own

    sys.exit(own.main())
