"""The seal of the decision log, and what is found when somebody changes the log or a seal afterwards."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seal import merkle
from seal.sealing import Sealing
from seal.seals import BrokenSeal, Seal

from tests.unit.lambda_functions.aws import Bucket
from tools.verify.__main__ import verified
from tools.verify.log import Verdict, told

# The trees of one to eight leaves that Certificate Transparency's reference implementation tests with.
LEAVES = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")] + [
    bytes.fromhex("606162636465666768696a6b6c6d6e6f")
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize("size", ROOTS)
def test_the_root_is_that_of_rfc_6962(size):
    assert merkle.root(LEAVES[:size]) == ROOTS[size]


def test_a_node_cannot_be_passed_off_as_a_leaf():
    halves = [hashlib.sha256(b"\0" + leaf).digest() for leaf in (b"a", b"b")]

    assert merkle.root([b"".join(halves)]) != merkle.root([b"a", b"b"])


class Refused(Exception):
    def __init__(self, code: str) -> None:
        self.response = {"Error": {"Code": code}}


class Lake(Bucket):
    """S3 that lists, and keeps what is there when asked to."""

    def put_object(self, **request: Any) -> None:
        if request.get("IfNoneMatch") == "*" and request["Key"] in self.objects:
            raise Refused("PreconditionFailed")
        super().put_object(**request)

    def get_paginator(self, operation: str) -> Lake:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict]:
        found = [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)]
        return [{"Contents": found[n : n + 2]} for n in range(0, len(found), 2)] or [{}]

    def log(self, day: int, name: str, text: str = "{}\n") -> str:
        key = f"decisions/decision_date=2026-03-{day:02}/{name}.json"
        self.objects[key] = text.encode()
        return key

    def seal(self, day: int, at: int | None = None) -> list[dict]:
        return Sealing(self, "lake", lambda: f"2026-03-{at or day + 1:02}T02:30:00.000+00:00").run(f"2026-03-{day:02}")

    def faults(self) -> list[tuple[str, str]]:
        return [(fault.kind, fault.key) for fault in self.verdict().faults]

    def verdict(self) -> Verdict:
        return verified(self, "lake")


SECOND = "seals/decision_date=2026-03-02.json"


@pytest.fixture
def lake():
    """Three days of three objects, each sealed by its night."""
    found = Lake()
    for day in (1, 2, 3):
        for name in "abc":
            found.log(day, name, f'{{"decision": "{day}{name}"}}\n')
        found.seal(day)
    return found


def test_a_log_that_nobody_touched_is_what_was_sealed(lake):
    verdict = lake.verdict()

    assert (verdict.seals, verdict.objects, verdict.faults) == (3, 9, [])
    assert told(verdict)[-1] == "the log is what was sealed"
    head = "seals/decision_date=2026-03-03.json"
    assert verdict.heads == {head: hashlib.sha256(lake.objects[head]).hexdigest()}


@pytest.mark.parametrize("place", [0, 5, -1])
def test_one_flipped_bit_is_found(lake, place):
    key = "decisions/decision_date=2026-03-02/b.json"
    body = bytearray(lake.objects[key])
    body[place] ^= 1
    lake.objects[key] = bytes(body)

    assert lake.faults() == [("changed", key)]


def test_a_removed_object_is_found(lake):
    key = "decisions/decision_date=2026-03-01/c.json"
    del lake.objects[key]

    assert lake.faults() == [("removed", key)]


def test_an_object_that_was_added_after_the_seal_is_found(lake):
    assert lake.faults() == []
    key = lake.log(2, "d")

    assert lake.faults() == [("added", key)]


def test_a_rewritten_seal_breaks_the_link_of_the_next_one(lake):
    changed = lake.log(2, "b", "another decision\n")
    old = Seal.read(SECOND, lake.objects[SECOND])
    objects = {**old.objects, changed: hashlib.sha256(lake.objects[changed]).hexdigest()}
    lake.objects[SECOND] = Seal(old.day, 0, objects, old.previous, old.sealed_at).body()

    assert lake.faults() == [("link", "seals/decision_date=2026-03-03.json")]


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["objects"].popitem(),
        lambda told: told.update(root="0" * 64),
        lambda told: told.update(note="it was always so"),
        lambda told: told.update(number="0"),
        lambda told: told.pop("previous"),
    ],
)
def test_a_seal_that_does_not_fit_itself_is_found(lake, change):
    document = json.loads(lake.objects[SECOND])
    change(document)
    lake.objects[SECOND] = (json.dumps(document, indent=1) + "\n").encode()

    assert ("seal", SECOND) in lake.faults()
    with pytest.raises(BrokenSeal):
        lake.seal(2)


def test_a_removed_seal_is_missed_by_the_next_one_and_its_day_is_unsealed(lake):
    del lake.objects[SECOND]

    assert ("link", "seals/decision_date=2026-03-03.json") in lake.faults()
    assert ("unsealed", "decisions/decision_date=2026-03-02/a.json") in lake.faults()


def test_a_seal_under_another_days_name_is_found(lake):
    lake.objects["seals/decision_date=2026-02-27.json"] = lake.objects[SECOND]

    assert ("seal", "seals/decision_date=2026-02-27.json") in lake.faults()


def test_a_chain_that_is_cut_from_its_past_is_found(lake):
    old = Seal.read(SECOND, lake.objects[SECOND])
    lake.objects[SECOND] = Seal(old.day, 0, old.objects, None, old.sealed_at).body()

    assert ("link", SECOND) in lake.faults()


def test_what_comes_late_is_added_by_the_next_night_and_the_seal_stays_as_it_was(lake):
    before = lake.objects[SECOND]
    late = lake.log(2, "late")
    (told_,) = [s for s in lake.seal(4) if "03-02" in s["key"]]

    assert told_["key"] == "seals/decision_date=2026-03-02.1.json"
    assert lake.objects[SECOND] == before
    addition = Seal.read(told_["key"], lake.objects[told_["key"]])
    assert set(addition.objects) == {late}
    assert addition.previous == (SECOND, hashlib.sha256(before).hexdigest())
    assert lake.faults() == []
    lake.objects[late] = b"changed"
    assert lake.faults() == [("changed", late)]


def test_a_removed_addition_leaves_its_objects_added(lake):
    late = lake.log(2, "late")
    lake.seal(4)
    del lake.objects["seals/decision_date=2026-03-02.1.json"]

    assert lake.faults() == [("added", late)]


def test_sealing_again_writes_nothing(lake):
    before = dict(lake.objects)

    assert lake.seal(3) == []
    assert lake.objects == before


def test_a_day_without_decisions_is_sealed_as_empty_and_one_put_there_later_is_found(lake):
    (told_,) = lake.seal(4)
    assert told_["objects"] == 0

    assert lake.faults() == []
    assert [("added", lake.log(4, "x"))] == lake.faults()


def test_a_night_that_did_not_run_is_made_up_for_by_the_next(lake):
    lake.log(4, "a")
    lake.log(5, "a")

    assert [s["key"][-15:-5] for s in lake.seal(5)] == ["2026-03-04", "2026-03-05"]
    assert lake.faults() == []


def test_days_after_the_newest_seal_wait_and_are_no_fault(lake):
    lake.log(4, "a")
    verdict = lake.verdict()

    assert (verdict.faults, verdict.waiting) == ([], ["2026-03-04"])


def test_a_log_that_was_never_sealed_waits_whole():
    lake = Lake()
    lake.log(1, "a")

    assert lake.verdict().waiting == ["2026-03-01"]


def test_an_object_that_was_rewritten_for_a_forgotten_customer_is_explained_by_exactly_that_content(lake):
    key, gone = "decisions/decision_date=2026-03-02/b.json", "decisions/decision_date=2026-03-02/c.json"
    lake.objects[key] = b"without the customer\n"
    del lake.objects[gone]
    left = {key: hashlib.sha256(b"without the customer\n").hexdigest(), gone: None}
    lake.objects["quality/forgotten/0.json"] = json.dumps({"runs": [{"decisions": left}, {}]}).encode()

    verdict = lake.verdict()
    assert (verdict.faults, verdict.explained) == ([], [key, gone])

    lake.objects[key] = b"without the customer, and with a lie\n"
    lake.objects[gone] = b"back again\n"
    assert lake.faults() == [("changed", key), ("changed", gone)]


@given(st.dictionaries(st.text(min_size=1), st.text("0123456789abcdef", min_size=64, max_size=64), max_size=9))
def test_a_seal_reads_back_as_it_was_and_its_root_does_not_depend_on_the_order(objects):
    seal = Seal("2026-03-01", 3, objects, ("seals/x", "0"), "2026-03-02T00:00:00Z")

    assert Seal.read(seal.key, seal.body()) == seal
    assert Seal("2026-03-01", 3, dict(reversed(objects.items())), None, "").root == seal.root
