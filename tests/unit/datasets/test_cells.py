"""What a cell of a public file means, whatever type a tool stored it in."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from datasets.cells import Unexpected, clock, count, elapsed, flag, iso, money, text


def test_identifiers_read_the_same_from_numbers_floats_and_text():
    assert text(pa.array([596, None])).to_pylist() == ["596", None]
    assert text(pa.array([596.0, None, float("nan"), 0.5])).to_pylist() == ["596", None, None, "0.5"]
    assert text(pa.array(["596"]).dictionary_encode()).to_pylist() == ["596"]


def test_amounts_are_exact_to_the_cent():
    assert [str(a) for a in money(pa.array(["57.16", "0.1", "12345678.9", ""])).to_pylist()[:3]] == [
        "57.16",
        "0.10",
        "12345678.90",
    ]
    assert str(money(pa.array([10_000_000.0]))[0]) == "10000000.00"


@pytest.mark.parametrize(
    "cells",
    [
        pa.array(["2018-04-01 00:00:31"]),
        pa.array(["2018-04-01T02:00:31+02:00"]),
        pa.array(["2018-04-01T00:00:31Z"]),
        pa.array([1_522_540_831_000_000_000], pa.timestamp("ns")),
        pa.array([1_522_540_831], pa.timestamp("s", "UTC")),
    ],
)
def test_instants_are_read_from_text_and_timestamps(cells):
    assert iso(clock(cells)).to_pylist() == ["2018-04-01T00:00:31.000Z"]


def test_time_gone_by_is_counted_from_its_day():
    assert iso(elapsed(1000, date(2017, 12, 1))(pa.array(["86400"])))[0].as_py() == "2017-12-02T00:00:00.000Z"
    assert (
        iso(elapsed(3_600_000, date(2017, 1, 1), first=1)(pa.array([1, 25])))[1].as_py() == "2017-01-02T00:00:00.000Z"
    )


def test_flags_are_read_from_words_and_numbers():
    assert flag(good="good", bad="bad")(pa.array(["bad", " good"])).to_pylist() == [1, 0]
    assert flag()(pa.array([1.0, 0.0])).to_pylist() == [1, 0]
    assert flag()(pa.array(["1.0", "0"])).to_pylist() == [1, 0]
    with pytest.raises(Unexpected, match="expected 0 or 1, found None"):
        flag()(pa.array(["1", None]))


def test_a_term_is_read_from_words_and_numbers():
    assert count(pa.array(["term_36", " 60 months"])).to_pylist() == [36, 60]
    assert count(pa.array([36.0, None])).to_pylist() == [36, None]
    with pytest.raises(Unexpected, match="found 'long'"):
        count(pa.array(["long"]))
