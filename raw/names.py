"""What files are called that hold RAW rows. Needs the standard library only: `make ingest` runs where little is."""

from __future__ import annotations

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".csv.zip", ".jsonl", ".jsonl.gz")
ENDINGS = " or ".join(SUFFIXES)
HIDDEN = ("_", ".")  # what names begin with that are no data: marks such as `_SUCCESS`, checksums, unfinished parts
