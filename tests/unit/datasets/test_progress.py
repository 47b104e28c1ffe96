"""Who waits for a set is told how many rows are done of how many."""

from __future__ import annotations

import io
from itertools import count

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets import generated, source
from datasets.catalog import SETS
from datasets.population import Settings
from datasets.progress import Progress
from datasets.source import Source


class Said(list):
    def __call__(self, done: int, total: int) -> None:
        self.append((done, total))


def test_a_generated_set_tells_its_payments_slice_by_slice(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.population.SLICE", 4_000)
    said = Said()
    generated.write(Settings(payments=10_000, loans=10, days=20), tmp_path, said)

    assert said == [(4_000, 10_000), (8_000, 10_000), (10_000, 10_000)]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_has_about_as_many_rows_as_a_glance_at_it_tells(tmp_path, kind):
    path = tmp_path / f"rows.{kind}"
    if kind == "csv":
        path.write_text("name\n" + "a\n" * 10)
    else:
        pq.write_table(pa.table({"name": ["a"] * 11}), path)

    assert Source(path).about() == 11


def test_a_converted_set_tells_the_rows_of_all_its_files(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "ROWS", 2)
    folder = tmp_path / "published"
    folder.mkdir()
    for day in ("2018-04-01", "2018-04-02"):
        pq.write_table(
            pa.table(
                {
                    "TRANSACTION_ID": [f"{day}{n}" for n in range(3)],
                    "TX_DATETIME": [f"{day} 0{n}:00:00" for n in range(3)],
                    "CUSTOMER_ID": ["1"] * 3,
                    "TERMINAL_ID": ["2"] * 3,
                    "TX_AMOUNT": [1.5] * 3,
                    "TX_FRAUD": [0] * 3,
                }
            ),
            folder / f"{day}.parquet",
        )
    said = Said()
    SETS["handbook"]({"SOURCE": str(folder)}, tmp_path / "out", said)

    assert said == [(2, 6), (3, 6), (5, 6), (6, 6)]


def test_a_line_comes_now_and_then_with_what_is_left():
    seconds, told = count(0), io.StringIO()
    progress = Progress(told, lambda: float(next(seconds)))
    for done in range(1, 13):
        progress(done * 1_000, 12_000)

    assert told.getvalue().splitlines() == [
        "5,000 of 12,000 rows, some 7 s left",
        "10,000 of 12,000 rows, some 2 s left",
    ]
