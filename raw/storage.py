"""Where RAW files lie: on a disk, or in S3. Read from any place in them."""

from __future__ import annotations

import io
import os
import threading
from typing import Any, BinaryIO
from urllib.parse import urlparse

_LOCK = threading.Lock()  # boto3 makes clients safely in one thread only
_CLIENTS: list[Any] = []
_REGION: list[str] = []
READ_AHEAD = 4 << 20  # bytes asked of S3 at once where a reader jumps


def opened(uri: str, start: int = 0, end: int | None = None) -> BinaryIO:
    """The bytes from `start` up to `end`, to be closed; on a disk whoever reads has to stop at `end`."""
    if not uri.startswith("s3://"):
        file = io.FileIO(uri.removeprefix("file://"))
        file.seek(start)
        return file
    bucket, key = place(uri)
    if start == 0 and end is None:
        return s3().get_object(Bucket=bucket, Key=key)["Body"]
    last = "" if end is None else str(end - 1)
    return s3().get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{last}")["Body"]


def seekable(uri: str) -> BinaryIO:
    """The file for a reader that jumps within it, as that of Parquet does."""
    if not uri.startswith("s3://"):
        return opened(uri)
    return io.BufferedReader(_Object(uri), READ_AHEAD)


def size(uri: str) -> int:
    """Bytes."""
    if not uri.startswith("s3://"):
        return os.path.getsize(uri.removeprefix("file://"))
    bucket, key = place(uri)
    return s3().head_object(Bucket=bucket, Key=key)["ContentLength"]


def place(uri: str) -> tuple[str, str]:
    """Bucket and key. The key is taken as it stands: names may hold `?` and `#`."""
    bucket = urlparse(uri).netloc
    return bucket, uri.removeprefix(f"s3://{bucket}/")


def in_region(name: str | None) -> None:
    """Where the buckets lie, for a process whose environment does not say: Spark's workers on other machines."""
    _REGION[:] = [name] if name else []


def region() -> str | None:
    """Where this process looks for buckets."""
    import boto3  # files on a disk need no AWS

    return boto3.session.Session().region_name


def s3() -> Any:
    """One client per process: Spark's workers are processes of their own."""
    with _LOCK:
        if not _CLIENTS:
            import boto3  # files on a disk need no AWS

            _CLIENTS.append(boto3.client("s3", region_name=next(iter(_REGION), None)))
        return _CLIENTS[0]


class _Object(io.RawIOBase):
    """An object of S3 as a file, read by ranges."""

    def __init__(self, uri: str) -> None:
        self._uri, self._size, self._at = uri, size(uri), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        with opened(self._uri, self._at, end) as body:
            content = body.read()
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)
