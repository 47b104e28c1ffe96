"""Which statements are needed: each is taken away, and the calls that were recorded are judged again."""

from __future__ import annotations

import json
import os

import pytest
from ministack.core.iam_evaluator import parse_policy_document

from local.permissions import __main__ as command
from local.permissions.calls import Call
from local.permissions.ledger import Ledger
from local.permissions.mutation import Example, Finding, findings
from local.permissions.proof import ARGUED, Argument, arguments, proven, text
from local.permissions.verdicts import Policies, Verdict, judged

REGION, ROLE = "eu-west-1", "arn:aws:iam::000000000000:role/risk-etl"
LAKE = "arn:aws:s3:::lake"


def allow(sid: str, actions: str | list[str], resources: str | list[str] = "*", effect: str = "Allow", **more) -> dict:
    return {"Sid": sid, "Effect": effect, "Action": actions, "Resource": resources, **more}


def found(calls: list[Call], *statements: dict, boundary: list[dict] | None = None) -> dict[str, Finding]:
    limits = None if boundary is None else parse_policy_document({"Statement": boundary})
    policies = Policies(parse_policy_document({"Statement": list(statements)}), limits)
    examples = [Example(call, "demo") for call in calls]
    return {finding.sid: finding for finding in findings(ROLE, policies, examples, REGION)}


GET, PUT = Call("s3:GetObject", f"{LAKE}/raw/a"), Call("s3:PutObject", f"{LAKE}/gold/b")


def test_a_statement_that_alone_allows_a_call_is_needed_by_it():
    made = found([GET, PUT], allow("Read", "s3:GetObject"), allow("Write", "s3:PutObject"))

    assert {sid: finding.needed_by.call for sid, finding in made.items()} == {"Read": GET, "Write": PUT}


def test_what_nobody_asked_for_survives():
    made = found([GET], allow("Read", "s3:GetObject"), allow("Delete", "s3:DeleteObject"))

    assert (made["Delete"].needed_by, made["Delete"].reason) == (None, "nobody asked for its actions")


def test_what_was_asked_elsewhere_only_survives_and_the_place_is_named():
    made = found([GET], allow("Read", "s3:GetObject", f"{LAKE}/raw/*"), allow("Gold", "s3:GetObject", f"{LAKE}/gold/*"))

    assert made["Gold"].reason == f"its actions were asked on other resources only, such as {LAKE}/raw/a"


def test_two_statements_that_allow_the_same_both_survive_and_name_each_other():
    made = found([GET], allow("Read", "s3:GetObject"), allow("Everything", "s3:*"))

    assert {sid: finding.reason for sid, finding in made.items()} == {
        "Read": "what it allows is allowed by Everything, too",
        "Everything": "what it allows is allowed by Read, too",
    }


def test_a_statement_of_one_namespace_is_not_needed_by_a_call_in_another():
    def of(sid: str, namespace: str) -> dict:
        return allow(sid, "cloudwatch:PutMetricData", Condition={"StringEquals": {"cloudwatch:namespace": namespace}})

    call = Call("cloudwatch:PutMetricData", "*", (("cloudwatch:namespace", "Risk"),))
    made = found([call], of("Ours", "Risk"), of("Theirs", "Glue"))

    assert (made["Ours"].needed_by is not None, made["Theirs"].needed_by) == (True, None)


def test_a_deny_is_needed_by_what_it_denies():
    deny = allow("NotRaw", "s3:*", f"{LAKE}/raw/*", effect="Deny")

    assert found([GET], allow("All", "s3:*"), deny)["NotRaw"].needed_by.call == GET
    assert found([PUT], allow("All", "s3:*"), deny)["NotRaw"].needed_by is None


def test_a_boundary_that_does_not_allow_it_makes_a_statement_survive():
    assert found([GET], allow("Read", "s3:GetObject"), boundary=[allow("No", "sqs:*")])["Read"].needed_by is None


def test_single_actions_that_calls_need_are_named():
    made = found([GET], allow("Read", ["s3:GetObject", "s3:GetObjectVersion"]))

    assert made["Read"].used == ("s3:GetObject",)
    assert found([GET], allow("Read", "s3:GetObject"))["Read"].used == ("s3:GetObject",)


def ledger_of(calls: list[Call], *statements: dict, role: str = ROLE) -> dict:
    """What a server leaves in its folder."""
    policies = Policies(parse_policy_document({"Statement": list(statements)}))
    ledger = Ledger(lambda who, call: judged(who, call, policies, REGION))
    ledger.note(role, calls)
    held = {"statements": [vars(s) for s in policies.statements], "boundary": None}
    written = {**ledger.dump(), "region": REGION, "policies": {role: held}, "guards": {}}
    return json.loads(json.dumps(written))


def test_every_run_brings_calls_and_the_first_says_what_there_is():
    read, write = allow("Read", "s3:GetObject"), allow("Write", "s3:PutObject")
    demo, tests = ledger_of([GET], read, write), ledger_of([PUT], read, write, allow("Old", "sqs:*"))

    alone = proven({"demo": demo}, [])
    both = proven({"demo": demo, "tests": tests}, [])

    assert (alone["statements"], alone["killed"]) == (2, 1)
    assert [s["sid"] for s in alone["survivors"]] == ["Write"]
    assert (both["statements"], both["killed"], both["survivors"]) == (2, 2, [])
    assert {n["sid"]: n["recorded_by"] for n in both["needed"]} == {"Read": "demo", "Write": "tests"}
    assert "2 statements of 1 roles: 2 needed, 0 argued for, 0 survive" in text(both)


def test_a_key_that_has_another_name_in_each_run_is_the_same_to_the_proof():
    def run(key: str, *actions: str) -> dict:
        resource = f"arn:aws:kms:eu-west-1:000000000000:key/{key}"
        calls = [Call(f"kms:{action}", resource) for action in actions]
        return ledger_of(calls, allow("Encrypt", ["kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt"], resource))

    made = proven({"demo": run("1"), "one": run("2", "Decrypt"), "two": run("3", "GenerateDataKey")}, [])

    assert (made["killed"], made["survivors"]) == (1, [])
    assert [unused["action"] for unused in made["actions_unused"]] == ["kms:Encrypt"]


def test_an_argument_is_counted_apart_and_one_that_is_for_nothing_is_told():
    ledger = ledger_of([GET], allow("Read", "s3:GetObject"), allow("Trace", ["xray:Put", "xray:Get"]))
    argued = [Argument(("xray:*",), "no traces here"), Argument(("ecr:*",), "no images here")]

    made = proven({"demo": ledger}, argued)

    assert [(a["sid"], a["reason"]) for a in made["argued"]] == [("Trace", "no traces here")]
    assert (made["survivors"], made["argued_for_nothing"]) == ([], ["no images here"])


def test_an_argument_for_some_actions_does_not_cover_a_statement_with_others():
    ledger = ledger_of([], allow("Mixed", ["xray:Put", "s3:GetObject"]))

    assert [s["sid"] for s in proven({"demo": ledger}, [Argument(("xray:*",), "")])["survivors"]] == ["Mixed"]


def test_the_arguments_that_there_are_have_reasons():
    assert ARGUED.exists()
    assert all(len(argument.reason) > 20 for argument in arguments())


def test_calls_that_different_statements_allow_are_all_kept_however_many_came_before():
    def judge(role: str, call: Call) -> Verdict:
        return Verdict("allowed", by=(0,) if "/raw/" in call.resource else (1,))

    ledger = Ledger(judge)
    ledger.note(ROLE, [Call("s3:GetObject", f"{LAKE}/raw/{number}") for number in range(100)])
    ledger.note(ROLE, [Call("s3:GetObject", f"{LAKE}/gold/last")])

    kept = ledger.examples()[ROLE]
    assert len(kept) < 10
    assert Call("s3:GetObject", f"{LAKE}/gold/last") in kept

    after = Ledger(judge)
    after.load(json.loads(json.dumps(ledger.dump())))
    assert set(after.examples()[ROLE]) == set(kept)


@pytest.mark.parametrize(
    ("statements", "code", "said"),
    [
        ([allow("Read", "s3:GetObject")], 0, "1 needed, 0 argued for, 0 survive"),
        ([allow("Read", "s3:GetObject"), allow("Delete", "s3:Delete*")], 1, "risk-etl, Delete: s3:Delete*: nobody"),
    ],
)
def test_the_command_writes_the_report_and_fails_for_survivors(tmp_path, monkeypatch, capsys, statements, code, said):
    ledger = tmp_path / "night.json"
    ledger.write_text(json.dumps(ledger_of([GET], *statements)))
    monkeypatch.setattr("sys.argv", ["permissions", str(ledger)])
    monkeypatch.setattr(command, "REPORT", tmp_path / "iam.json")
    monkeypatch.setattr(command.proof, "arguments", lambda: [])

    assert command.main() == code
    assert said in capsys.readouterr().out
    report = json.loads((tmp_path / "iam.json").read_text())
    assert (report["statements"], report["killed"]) == (len(statements), 1)
    assert report["needed"][0]["recorded_by"] == "night"


def test_the_command_says_what_to_run_where_nothing_was_recorded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["permissions"])
    monkeypatch.setattr(command, "DEMO", tmp_path / "none.json")
    monkeypatch.setattr(command, "TESTS", tmp_path)

    assert command.main() == 2
    assert "make demo or make test" in capsys.readouterr().err


def test_the_newest_recording_says_what_roles_hold(tmp_path, monkeypatch, capsys):
    """A recording of an older deployment proves what is still the same, and no statement that is gone."""
    older, newer = tmp_path / "a.json", tmp_path / "b.json"
    older.write_text(json.dumps(ledger_of([GET], allow("Read", "s3:GetObject"), allow("Gone", "s3:Delete*"))))
    newer.write_text(json.dumps(ledger_of([], allow("Read", "s3:GetObject"))))
    os.utime(older, (1, 1))
    monkeypatch.setattr("sys.argv", ["permissions"])
    monkeypatch.setattr(command, "DEMO", tmp_path / "none.json")
    monkeypatch.setattr(command, "TESTS", tmp_path)
    monkeypatch.setattr(command, "REPORT", tmp_path / "iam" / "iam.json")
    monkeypatch.setattr(command.proof, "arguments", lambda: [])

    assert command.main() == 0
    assert "1 statements of 1 roles: 1 needed" in capsys.readouterr().out
