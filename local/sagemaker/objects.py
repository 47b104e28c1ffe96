"""S3 objects and folders of files: what jobs read and write."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError


class MissingObjects(Exception):
    """Nothing to read at an S3 address; the text is SageMaker's own."""


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def keys_below(s3: Any, uri: str) -> Iterator[tuple[str, str]]:
    """Yield (key, path relative to the prefix) of every object whose key starts with the prefix.

    A prefix may end in a folder (`a/b/`), name a folder (`a/b`), one object (`a/b.csv`) or begin several (`a/b-`).
    """
    bucket, prefix = split_uri(uri)
    for part in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in part.get("Contents", []):
            key = entry["Key"]
            if key.endswith("/"):
                continue
            rest = key[len(prefix) :]
            if prefix.endswith("/") or not prefix:
                yield key, rest
            elif rest.startswith("/"):
                yield key, rest[1:]
            else:
                yield key, key[prefix.rfind("/") + 1 :]


def download(s3: Any, uri: str, folder: Path) -> int:
    """Copy every object below a prefix into a folder and return their number.

    Raises `MissingObjects` when there is none or the bucket cannot be listed.
    """
    bucket, _ = split_uri(uri)
    try:
        found = list(keys_below(s3, uri))
    except ClientError as error:
        raise MissingObjects(f"ClientError: Failed to list S3 objects under {uri}: {error}") from error
    if not found:
        raise MissingObjects(
            f'ClientError: No S3 objects found under S3 URL "{uri}" given in input data source. '
            "Please ensure that the bucket exists in the selected region and that objects exist under that S3 prefix."
        )
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda pair: download_file(s3, bucket, pair[0], below(folder, pair[1])), found))
    return len(found)


def below(folder: Path, relative: str) -> Path:
    """Where an object goes. Raises `MissingObjects` for a key that would be written elsewhere."""
    if ".." in relative.split("/"):
        raise MissingObjects(
            f"ClientError: The object {relative!r} would be written outside of the job's folder: "
            "expected a key without '..'"
        )
    return folder / relative.lstrip("/")


def download_file(s3: Any, bucket: str, key: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(s3.get_object(Bucket=bucket, Key=key)["Body"], file, 1 << 20)


def upload(s3: Any, folder: Path, uri: str, already: dict[Path, tuple[float, int]] | None = None) -> None:
    """Copy a folder's files below a prefix; `already` remembers what earlier calls have sent and is updated."""
    bucket, prefix = split_uri(uri)
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        try:
            state = (path.stat().st_mtime, path.stat().st_size)
        except FileNotFoundError:
            continue  # the job has just removed or renamed it
        if already is not None:
            if already.get(path) == state:
                continue
            already[path] = state
        s3.upload_file(str(path), bucket, f"{prefix.rstrip('/')}/{path.relative_to(folder)}".lstrip("/"))


def pack(folder: Path, archive: Path) -> None:
    """Write a folder's content as `archive` (tar.gz). Level 1: these archives are read once, on the same machine."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, arcname=path.name)


def unpack(archive: Path, folder: Path) -> None:
    """Extract a tar archive; members that would leave the folder are refused by the `data` filter."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
