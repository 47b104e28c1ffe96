"""`python -m tools.guard` says what is wrong and ends with 1, and with 0 when nothing is."""

from __future__ import annotations

import json

import pytest

from tests.unit.guard.pieces import KEY, change, plan
from tools.guard.__main__ import main


@pytest.fixture
def written(tmp_path):
    def write(*changes):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        path.write_text(json.dumps(plan(*changes).documents[0]))
        return str(path)

    return write


def test_a_good_plan_passes(written, capsys):
    assert main([written(change("aws_sns_topic.this", {"kms_master_key_id": KEY}))]) == 0
    assert capsys.readouterr().out == "1 resources, 0 may not pass\n"


def test_what_is_wrong_in_any_plan_is_said(written, capsys):
    plans = [written(change("aws_sns_topic.this", {})), written(change("aws_kms_key.this", None, "delete"))]

    assert main(plans) == 1
    count, refusal, key = capsys.readouterr().out.splitlines()
    assert refusal.startswith("refused: aws_kms_key.this: would be destroyed")
    assert key.startswith("the customer's key: aws_sns_topic.this")
    assert count == "1 resources, 2 may not pass"


def test_what_was_typed_is_allowed(written, monkeypatch):
    monkeypatch.setenv("ALLOW", "aws_kms_key.this")

    assert main([written(change("aws_kms_key.this", None, "delete"))]) == 0


def test_policies_that_could_not_be_judged_are_counted(written, capsys):
    assert main([written(change("aws_iam_role_policy.this", {}, unknown={"policy": True}))]) == 0
    assert "1 policies are not known before the apply" in capsys.readouterr().out


def test_what_is_said_can_be_kept_for_the_comment(written, tmp_path, capsys):
    note = tmp_path / "note"

    main(["--note", str(note), written(change("aws_sns_topic.this", {}))])

    assert note.read_text() == capsys.readouterr().out
    assert note.read_text().startswith("1 resources, 1 may not pass\nthe customer's key: aws_sns_topic.this")


def test_no_plan_is_no_pass():
    with pytest.raises(SystemExit):
        main([])
