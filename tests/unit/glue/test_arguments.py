"""Arguments of a Glue job: complete and sensible before anything is read."""

from __future__ import annotations

import pytest

from glue import arguments

COMMON = ["script.py", "--lake", "s3://risk-lake", "--database_prefix", "risk_local"]


@pytest.fixture(autouse=True)
def _some_region(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


def test_a_job_gets_its_lake_and_its_own_arguments():
    found = arguments.parse([*COMMON, "--from", "2018-04-01", "--to", "2018-04-02"], "from", "to")

    assert (found.lake.uri, found.lake.bucket, found.lake.database_prefix) == (
        "s3://risk-lake",
        "risk-lake",
        "risk_local",
    )
    assert (found.from_, found.to) == ("2018-04-01", "2018-04-02")


def test_arguments_that_glue_adds_are_ignored():
    added = ["--JOB_NAME", "x", "--enable-metrics", "true", "--TempDir", "s3://x/tmp/"]

    assert arguments.parse([*COMMON, *added, "--batch", "b1"], "batch").batch == "b1"


@pytest.mark.parametrize("given", [[], ["--batc", "b1"], ["--batch"]], ids=["absent", "shortened", "empty"])
def test_a_missing_argument_ends_the_job_by_name(given, capsys):
    with pytest.raises(SystemExit):
        arguments.parse([*COMMON, *given], "batch")
    assert "--batch" in capsys.readouterr().err


@pytest.mark.parametrize("batch", ["2026-03-01T02:00", "a/b", "a b", "a%3Ab", "", "\u00fc", "b1\n"])
def test_a_batch_whose_name_a_folder_would_bear_otherwise_is_refused(batch, capsys):
    with pytest.raises(SystemExit):
        arguments.parse([*COMMON, "--batch", batch], "batch")
    assert "--batch: expected letters, digits, `.`, `_` and `-`" in capsys.readouterr().err


def test_a_batch_may_be_a_day_or_a_word():
    for batch in ("2026-03-01", "history", "2026-03-01.2_again"):
        assert arguments.parse([*COMMON, "--batch", batch], "batch").batch == batch


def test_days_are_both_ends_and_everything_between():
    assert arguments.days("2020-02-28", "2020-03-01") == ["2020-02-28", "2020-02-29", "2020-03-01"]
    assert arguments.days("2020-02-28", "2020-02-28") == ["2020-02-28"]
    assert arguments.days_before("2020-03-01", 31) == "2020-01-30"


@pytest.mark.parametrize("text", ["2018-4-1", "20180401", "2018-04-01T00:00", "yesterday", "2018-02-30"])
def test_what_is_no_day_is_refused(text):
    with pytest.raises(ValueError, match=r"YYYY-MM-DD|out of range"):
        arguments.days(text, "2018-05-01")


def test_a_range_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="--from 2018-04-02 is after --to 2018-04-01"):
        arguments.days("2018-04-02", "2018-04-01")
