"""Input channels: S3 data as files below a folder."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

from .. import objects


def fetch(s3: Any, uri: str, data_type: str, folder: Path) -> None:
    """Copy what an S3 data source names into `folder`.

    `data_type` is `S3Prefix` or `ManifestFile`: `[{"prefix": "s3://..."}, "relative/key", ...]`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if data_type == "ManifestFile":
        bucket, key = objects.split_uri(uri)
        first, *rest = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        prefix_bucket, prefix = objects.split_uri(first["prefix"])
        for name in rest:
            objects.download_file(s3, prefix_bucket, f"{prefix}{name}", objects.below(folder, name))
        return
    objects.download(s3, uri, folder)


def decompress(folder: Path) -> None:
    """Replace every `x.gz` by `x`, as a channel with CompressionType Gzip does."""
    for path in folder.rglob("*.gz"):
        with gzip.open(path) as source, path.with_suffix("").open("wb") as target:
            shutil.copyfileobj(source, target)
        path.unlink()
