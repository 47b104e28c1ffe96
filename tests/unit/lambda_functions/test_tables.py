"""Many items of a table in one reading."""

from __future__ import annotations

import pytest
from scoring import tables

from tests.unit.lambda_functions.scene import Scene, fields


def test_keys_that_a_table_leaves_undone_are_asked_for_again(monkeypatch):
    monkeypatch.setattr("scoring.tables.time.sleep", lambda seconds: None)
    scene = Scene()
    for number in range(3):
        scene.ask(fields(number))
    scene.table.spared = 2

    assert scene.answers.kept(f"t{n}" for n in range(4)).keys() == {"t0", "t1", "t2"}


def test_a_table_that_leaves_keys_undone_for_good_fails(monkeypatch):
    monkeypatch.setattr("scoring.tables.time.sleep", lambda seconds: None)
    undone = {"t": {"Keys": [{"id": {"S": "a"}}]}}

    with pytest.raises(RuntimeError, match="keys of t were left unread"):
        list(tables.items(lambda **_: {"Responses": {}, "UnprocessedKeys": undone}, "t", undone["t"]["Keys"]))
