"""Publishers' files are read as they are: packed, with notes before and below the rows, in their own separators."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from datasets.source import Source, find
from datasets.unusable import Unusable

KNOWN = frozenset({"id", "amount"})


def read(source: Source) -> list[dict]:
    return [row for batch in source.batches(source.columns()) for row in batch.to_pylist()]


def source(tmp_path, content: bytes, name: str = "set.csv") -> Source:
    (tmp_path / name).write_bytes(content)
    (found,) = find(str(tmp_path / name), "", ("", "NA"), {}, KNOWN)
    return found


ROWS = [{"id": "1", "amount": "5.5", "term": "36 months"}, {"id": "2", "amount": None, "term": None}]
TEXT = b"id,amount,term\n1,5.5, 36 months\n2,NA,\n"


def zipped(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("set.csv", content)
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (TEXT, "set.csv"),
        (gzip.compress(TEXT), "set.csv.gz"),
        (zipped(TEXT), "set.csv.zip"),
        (TEXT.replace(b",", b";"), "set.csv"),
        (TEXT.decode().encode("utf-16"), "set.csv"),
        (b"Notes offered by Prospectus (https://x/y)\n" + TEXT, "set.csv"),
        (TEXT + b"\n\nTotal amount funded in policy code 1: 471701350\n", "set.csv"),
    ],
    ids=["plain", "gzip", "zip", "semicolons", "utf-16", "note before", "note below"],
)
def test_a_publishers_file_is_read_as_it_is(tmp_path, content, name):
    assert read(source(tmp_path, content, name)) == ROWS


def test_a_column_without_a_name_keeps_none(tmp_path):
    assert source(tmp_path, b",id,amount\n0,1,2\n").columns() == ["", "id", "amount"]


def test_a_row_with_other_cells_is_refused_with_its_place(tmp_path):
    with pytest.raises(
        Unusable, match=r"set\.csv: expected 3 cells in every row, but row 3 has another number of cells"
    ):
        read(source(tmp_path, TEXT + b"3,4\n"))
