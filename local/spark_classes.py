"""The Java classes that a Spark job loads, archived by the first one: later jobs start faster.

This is the Java machine's class data sharing. The archive is good for one class path and one Java: a machine that finds
it made for another leaves it alone.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

ARCHIVE = Path(sys.prefix) / "share" / "spark-classes.jsa"
QUIET = "-Xlog:disable"  # else warnings about single classes come between the job's lines


def options(run: Path, archive: Path = ARCHIVE) -> str:
    """For the Java machine: use the archive or, where there is none yet, leave one in the folder of the run."""
    if archive.is_file():
        return f"-XX:SharedArchiveFile={archive} {QUIET}"
    return f"-XX:ArchiveClassesAtExit={run / archive.name} {QUIET}"


def keep(run: Path, archive: Path = ARCHIVE) -> None:
    """The archive of a job that has ended well becomes that of all later ones."""
    made = run / archive.name
    if made.is_file() and not archive.is_file():
        archive.parent.mkdir(parents=True, exist_ok=True)
        whole = archive.with_name(f".{archive.name}.{os.getpid()}")
        shutil.copyfile(made, whole)
        whole.replace(archive)
