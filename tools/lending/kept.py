"""A run of the loans' scoring as a folder: rows, predictions, archive and policy, from which all is made again."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from features.canonical import digest
from inference.model import Model
from lending.deciding import Loan, WrongRun, loans_of
from lending.opened import opened

ROWS, PREDICTIONS, MODEL = "rows.csv", "predictions.csv", "model.tar.gz"
UNREAD = "unread.csv"  # cells that could not be read, where there were some
POLICY, DECISIONS = "policy.json", "decisions.jsonl"


@dataclass(frozen=True)
class Kept:
    folder: Path

    def loans(self, columns: int) -> list[Loan]:
        """Raises WrongRun."""
        predictions, unread = (
            lines_in(self.folder / name) if (self.folder / name).is_file() else None for name in (PREDICTIONS, UNREAD)
        )
        return loans_of(lines_in(self.file(ROWS)), columns, predictions, unread)

    @property
    def snapshot(self) -> str:
        """SHA-256 of the rows. Raises WrongRun."""
        return digest(self.file(ROWS).read_bytes())

    def file(self, name: str) -> Path:
        """Raises WrongRun where it is missing."""
        if not (self.folder / name).is_file():
            raise WrongRun(f"{self.folder / name} is missing: make decide-loans keeps a run there")
        return self.folder / name

    @contextmanager
    def model(self) -> Iterator[Model]:
        """Raises WrongRun."""
        with opened(self.file(MODEL)) as model:
            yield model

    def differs_from(self, other: Kept) -> str | None:
        """The first file of the run that the other folder lacks or has otherwise."""
        for name in (ROWS, PREDICTIONS, MODEL, UNREAD):
            if there(self.folder / name) != there(other.folder / name):
                return name
        return None


def there(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def text_of(path: Path, encoding: str = "utf-8") -> str:
    """Raises WrongRun where it is no UTF-8."""
    try:
        return path.read_bytes().decode(encoding)
    except UnicodeDecodeError as wrong:
        raise WrongRun(f"{path}: expected UTF-8, byte {wrong.start + 1} is none") from None


def lines_in(path: Path, encoding: str = "utf-8") -> io.StringIO:
    """Raises WrongRun where it is no UTF-8."""
    return io.StringIO(text_of(path, encoding), newline="")


def put(path: Path, content: bytes) -> None:
    """Whole or not at all: a file beside it takes its name."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def fetch(clients: dict[str, Any], prefix: str, lake: str, month: str, folder: Path) -> str:
    """Writes what the last run of a month kept into a folder; returns the run. Raises WrongRun when there is none."""
    glue, sagemaker, s3 = clients["glue"], clients["sagemaker"], clients["s3"]
    try:
        partition = glue.get_partition(
            DatabaseName=f"{prefix.replace('-', '_')}_predictions", TableName="predictions", PartitionValues=[month]
        )
    except glue.exceptions.EntityNotFoundException:
        raise WrongRun(f"no loans of {month} were scored yet: expected a month that score-loans has run for") from None
    location = urlparse(partition["Partition"]["StorageDescriptor"]["Location"])
    place = location.path.strip("/")
    run = place.rpartition("run=")[2]
    job = sagemaker.describe_transform_job(TransformJobName=f"{prefix}-score-loans-{run}")
    model = sagemaker.describe_model(ModelName=job["ModelName"])["PrimaryContainer"]["ModelDataUrl"]
    archive = urlparse(model)
    folder.mkdir(parents=True, exist_ok=True)
    s3.download_file(archive.netloc, archive.path.lstrip("/"), str(folder / MODEL))
    name = f"applications-{month}.csv"
    s3.download_file(lake, f"training/scoring/{month}/{run}/{name}", str(folder / ROWS))
    s3.download_file(location.netloc, f"{place}/{name}.out", str(folder / PREDICTIONS))
    unread = f"training/scoring/unread/{month}/{run}/{name}"
    if s3.list_objects_v2(Bucket=lake, Prefix=unread).get("KeyCount"):  # runs of before did not say
        s3.download_file(lake, unread, str(folder / UNREAD))
    return run
