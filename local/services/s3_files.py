"""S3 from inside the server: objects as files, without a round trip over HTTP.

Every function works in the account of the calling context, as the request or the job that it serves, and in the name
of the role that acts there, if one does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ministack.services import s3

from local.permissions import recorder

HOOKS = {
    "ministack.services.s3._buckets": None,
    "ministack.services.s3._get_object_data": (
        "(bucket_name: str, key: str, version_id: str | None = None) -> bytes | None"
    ),
    "ministack.services.s3._object_disk_path": "(bucket: str, key: str, account_id: str = None) -> str | None",
    "ministack.services.s3._put_object": "(bucket_name: str, key: str, body: bytes, headers: dict)",
    "ministack.services.s3._delete_object": (
        "(bucket_name: str, key: str, headers: dict | None = None, query_params: dict | None = None)"
    ),
}


class NoSuchObject(FileNotFoundError):
    """No object, or no bucket, at this address."""


@dataclass(frozen=True)
class Object:
    """One object, and the plain file that holds it. Read it, never write it."""

    bucket: str
    key: str
    path: Path
    size: int

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def split(uri: str) -> tuple[str, str]:
    """``s3://bucket/some/key`` -> ``("bucket", "some/key")``; s3a and s3n are the same thing."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "s3a", "s3n") or not bucket:
        raise ValueError(f"expected s3://bucket/key, got {uri!r}")
    return bucket, key


def file_name(uri: str, otherwise: str) -> str:
    """The last part of an address as the name of a file; an address that names none, or a folder, gets another."""
    name = uri.rsplit("/", 1)[-1]
    return otherwise if name in ("", ".", "..") or "\0" in name else name


def read(uri: str) -> bytes:
    bucket, key = split(uri)
    _asks("s3:GetObject", bucket, key)
    body = s3._get_object_data(bucket, key) if bucket in s3._buckets else None
    if body is None:
        raise NoSuchObject(f"there is no object {uri}")
    return bytes(body)


def held(uri: str) -> Object | None:
    """One object as the file that holds it. Whoever uses it asks for it with ``taken``."""
    bucket, key = split(uri)
    path = s3._object_disk_path(bucket, key) if key in s3._buckets.get(bucket, {}).get("objects", {}) else None
    return Object(bucket, key, Path(path), Path(path).stat().st_size) if path else None


def write(uri: str, body: bytes) -> None:
    bucket, key = split(uri)
    _asks("s3:PutObject", bucket, key)
    if bucket not in s3._buckets:
        raise NoSuchObject(f"there is no bucket {bucket}")
    status, _, answer = s3._put_object(bucket, key, body, {})
    if status >= 300:
        raise OSError(f"{uri} was refused: {answer!r}")


def bucket_exists(uri: str) -> bool:
    return split(uri)[0] in s3._buckets


def below(uri: str) -> list[Object]:
    """The objects whose key starts with the address, in key order; folder markers and hidden files are left out.

    Spark and Athena treat names that start with ``_`` or ``.`` as hidden: ``_SUCCESS``, ``_temporary``.
    """
    bucket, prefix = split(uri)
    recorder.asks("s3:ListBucket", f"arn:aws:s3:::{bucket}", ("s3:prefix", prefix))
    if bucket not in s3._buckets:
        return []
    found = []
    for key, record in sorted(list(s3._buckets[bucket]["objects"].items())):
        if not key.startswith(prefix) or key.endswith("/") or _hidden(key[len(prefix) :]):
            continue
        path = s3._object_disk_path(bucket, key)
        if path is not None:
            found.append(Object(bucket, key, Path(path), int(record.get("size", 0))))
    return found


def taken(objects: Iterable[Object]) -> None:
    """Their files are read as they lie: IAM is asked as for any object."""
    for item in objects:
        _asks("s3:GetObject", item.bucket, item.key)


def delete(uri: str) -> None:
    bucket, key = split(uri)
    _asks("s3:DeleteObject", bucket, key)
    s3._delete_object(bucket, key)


def _asks(action: str, bucket: str, key: str) -> None:
    recorder.asks(action, f"arn:aws:s3:::{bucket}/{key}")


def _hidden(rest: str) -> bool:
    return any(part.startswith(("_", ".")) for part in rest.split("/"))
