"""What a walk through the console is judged by."""

from __future__ import annotations

from bench.console import misses, report

PAGE = {
    "ms": [100.0] * 20,
    "load_ms": [700.0] * 20,
    "first_ms": 900.0,
    "failed": 0,
    "narrow_overflows": False,
    "narrow_faint": [],
    "dark_faint": [],
}
WALK = {"first_page_ms": 1500.0, "pages": {"decision": PAGE}}
LABELLED = {"walk": {"review_to_label": True, "label_in_training_set": True}}


def found(page: dict | None = None, rss: float = 100, **more) -> dict:
    return report({**WALK, "pages": {"decision": PAGE | (page or {})}, **more}, rss) | LABELLED


def test_a_walk_within_its_targets_misses_none():
    assert misses(found()) == []


def test_each_target_is_missed_in_words():
    slow = {"ms": [100.0] * 18 + [5000.0] * 2}
    assert "p95 5000 ms" in misses(found(slow))[0]
    assert "shows an exception" in misses(found({"failed": 1}))[0]
    assert "wider than a telephone" in misses(found({"narrow_overflows": True}))[0]
    faint = {"dark_faint": [{"text": "Next case", "ratio": 2.0, "asked": 4.5}]}
    assert "1 texts have less contrast" in misses(found(faint))[0]
    assert "600 MB" in misses(found(rss=600))[0]
    assert "first page takes 4000 ms" in misses(found(first_page_ms=4000.0))[0]


def test_a_label_that_did_not_arrive_is_a_miss():
    lost = found() | {"walk": {"review_to_label": True, "label_in_training_set": False}}

    assert misses(lost) == ["missed: label_in_training_set is not so"]
