"""Stretches of a large file, copied side by side, are the file."""

from __future__ import annotations

import pyarrow.parquet as pq

from features.contract import TRANSACTIONS
from raw.understanding import form_of
from tools.raw_data.copying import copied, stretches

HEADER = "transaction_id,event_time,customer_id,merchant_id,amount,note"


def test_a_file_that_several_processes_copy_has_the_same_rows_and_faults_as_one_that_is_copied_whole(tmp_path):
    lines = [f"t{n},2018-04-01T09:30:00Z,c{n % 7},m1,{n}.50,{'x' * 300}" for n in range(40_000)]
    lines[2_500] = "t2500,2018-04-01T09:30:00Z,c1"
    path = tmp_path / "transactions.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    form = form_of(str(path), TRANSACTIONS)

    found = {}
    for name, size in (("whole", 1 << 30), ("parts", 1 << 20)):
        folder = tmp_path / name
        folder.mkdir()
        work = stretches([path], [form], form.names, folder, size)
        told = copied(work)
        rows = [row for stretch in work for row in pq.read_table(stretch.target).to_pylist()]
        faults = [(fault, row) for one in told for fault, row in one.first.items()]
        found[name] = (rows, faults, b"".join(stretch.lines.read_bytes() for stretch in work))
        assert (len(work) > 2) == (name == "parts")

    assert found["parts"] == found["whole"]
    assert len(found["parts"][0]) == 39_999
    assert found["parts"][1] == [("ragged_row", 2_501)]
