"""Two runs of a training are compared bit for bit, without the names that each gives its models."""

from __future__ import annotations

import pytest

from tools.operate.experiments import Run, comparable, differences, why


def evaluation(name: str, **test: float) -> dict:
    return {
        "learner": "xgboost",
        "feature_version": "abc",
        "test": {"auc": 0.75, "ap": 0.5, **test},
        "policy": {"model": f"pipelines-{name}-Train-xgboost-934ace82f2"},
        "dossier": {"verdict": "warn", "sha256": name, "failed": []},
        "record": {"rows": {"test": "1"}, "archive": {"code": "2", "model.json": "3"}},
    }


def test_names_that_a_run_gives_are_no_difference():
    a, b = comparable(evaluation("one"), "one"), comparable(evaluation("two"), "two")
    assert differences(a, b) == []
    assert a["policy"] == {"model": "Train-xgboost"}
    assert differences(a, comparable(evaluation("two"), "one")) == ["policy.model"]


@pytest.mark.parametrize(
    ("change", "place", "reason"),
    [
        ({"test": {"auc": 0.75}}, "test.ap", "libraries or another machine"),
        ({"test": {"auc": 0.75, "ap": 0.5 + 2**-53}}, "test.ap", "libraries or another machine"),
        ({"record": {"rows": {"test": "9"}, "archive": {"code": "2", "model.json": "3"}}}, "record.rows.test", "lake"),
        (
            {"record": {"rows": {"test": "1"}, "archive": {"code": "9", "model.json": "3"}}},
            "record.archive.code",
            "code",
        ),
    ],
)
def test_what_differs_is_named_with_its_likely_cause(change, place, reason):
    before = comparable(evaluation("one"), "one")
    found = differences(before, comparable({**evaluation("one"), **change}, "one"))
    assert found == [place]
    assert reason in why(found)


def test_a_line_of_the_table_tells_what_was_trained_from_what_and_how_good_it_is():
    run = Run("fraud", "abc", "Succeeded", "2026-01-01T00:00:00Z", {"AsOf": "2026-01-01"}, evaluation("abc"))
    assert run.line() == (
        "abc  2026-01-01T00:00:00Z  Succeeded  xgboost of features abc  auc 0.7500  ap 0.5000  dossier warn  "
        '{"AsOf": "2026-01-01"}'
    )
    without = Run("fraud", "abc", "Failed", "2026-01-01T00:00:00Z", {}, None)
    assert without.line() == "abc  2026-01-01T00:00:00Z  Failed: no evaluation  {}"
