"""The seal of the decision log, and what is found when somebody changes the log or a seal afterwards."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from seal import merkle
from seal.sealing import SealedMeanwhile, Sealing, Witness
from seal.seals import BrokenSeal, Seal

from tests.unit.lambda_functions.aws import Bucket
from tools.verify.__main__ import verified, witnessed
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


def instant(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


class Refused(Exception):
    def __init__(self, code: str) -> None:
        self.response = {"Error": {"Code": code}}


class Lake(Bucket):
    """S3 that lists, knows when it took what, keeps what is there when asked to, and counts what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.taken, self.reads = instant(1), {}, []

    def put_object(self, **request: Any) -> None:
        if request.get("IfNoneMatch") == "*" and request["Key"] in self.objects:
            raise Refused("PreconditionFailed")
        super().put_object(**request)
        self.taken[request["Key"]] = self.clock

    def get_object(self, **request: Any) -> dict:
        self.reads.append(request["Key"])
        return super().get_object(**request)

    def get_paginator(self, operation: str) -> Lake:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str, Delimiter: str = "") -> list[dict]:
        keys = [key for key in sorted(self.objects) if key.startswith(Prefix)]
        if Delimiter:
            folders = sorted({Prefix + key.removeprefix(Prefix).partition("/")[0] + "/" for key in keys})
            return [{"CommonPrefixes": [{"Prefix": folder} for folder in folders]}, {}]
        found = [{"Key": key, "LastModified": self.taken.get(key, self.clock)} for key in keys]
        return [{"Contents": found[n : n + 2]} for n in range(0, len(found), 2)] or [{}]

    def log(self, day: int, name: str, text: str = "{}\n", at: datetime | None = None) -> str:
        key = f"decisions/decision_date=2026-03-{day:02}/{name}.json"
        self.clock = at or instant(day, 12)
        self.put_object(Bucket="lake", Key=key, Body=text.encode())
        return key

    def seal(self, day: int, at: datetime | None = None) -> list[dict]:
        self.clock = at or instant(day + 1, 2)
        self.reads = []
        return Sealing(self, "lake", lambda: self.clock.isoformat(timespec="milliseconds")).run(f"2026-03-{day:02}")

    def faults(self) -> list[tuple[str, str]]:
        return [(fault.kind, fault.key) for fault in self.verdict().faults]

    def verdict(self) -> Verdict:
        return verified(self, "lake")


FIRST, SECOND, THIRD = (f"seals/decision_date=2026-03-0{day}.json" for day in (1, 2, 3))
ADDITION = "seals/decision_date=2026-03-02.1.json"


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


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
    lake.log(2, "late", at=instant(4, 12))
    with pytest.raises(BrokenSeal):
        lake.seal(4)


def test_a_removed_seal_is_missed_by_the_next_one_and_its_day_is_unsealed(lake):
    del lake.objects[SECOND]

    assert ("link", "seals/decision_date=2026-03-03.json") in lake.faults()
    assert ("unsealed", "decisions/decision_date=2026-03-02/a.json") in lake.faults()


def test_a_seal_under_another_days_name_is_found(lake):
    lake.objects["seals/decision_date=2026-02-27.json"] = lake.objects[SECOND]

    assert ("seal", "seals/decision_date=2026-02-27.json") in lake.faults()


def test_a_chain_that_is_cut_from_its_past_is_found(lake):
    old = Seal.read(SECOND, lake.objects[SECOND])
    lake.objects[SECOND] = Seal(old.day, 0, old.objects, {}, old.sealed_at).body()

    assert ("link", SECOND) in lake.faults()


def test_what_comes_late_is_added_by_the_next_night_and_the_seal_stays_as_it_was(lake):
    before, newest = lake.objects[SECOND], lake.objects[THIRD]
    late = lake.log(2, "late", at=instant(4, 12))
    (told_,) = [s for s in lake.seal(4) if "03-02" in s["key"]]

    assert told_["key"] == ADDITION
    assert lake.objects[SECOND] == before
    addition = Seal.read(told_["key"], lake.objects[told_["key"]])
    assert set(addition.objects) == {late}
    assert addition.previous == {THIRD: sha(newest)}
    assert lake.faults() == []
    assert f"came late: 1 objects of {ADDITION}, sealed 2026-03-05T02:00:00.000+00:00" in told(lake.verdict())
    lake.objects[late] = b"changed"
    assert lake.faults() == [("changed", late)]


def test_what_comes_weeks_late_is_sealed_as_well(lake):
    late, lost = lake.log(1, "late", at=instant(20, 12)), lake.log(4, "of a day that no night has sealed")
    assert {s["key"] for s in lake.seal(20)} >= {
        "seals/decision_date=2026-03-01.1.json",
        "seals/decision_date=2026-03-04.json",
    }

    assert lake.faults() == []
    assert lake.verdict().objects == 9 + 2
    del lake.objects[late], lake.objects[lost]
    assert lake.faults() == [("removed", late), ("removed", lost)]


def test_what_comes_while_the_night_seals_is_sealed_by_the_next(lake):
    """S3 tells seconds, and a run takes minutes: what came before the seal was written may not be in it."""
    late = lake.log(3, "late", at=instant(4, 1, 50))

    assert [s["key"] for s in lake.seal(4)] == [
        "seals/decision_date=2026-03-03.1.json",
        "seals/decision_date=2026-03-04.json",
    ]
    assert (
        late
        in Seal.read(
            "seals/decision_date=2026-03-03.1.json", lake.objects["seals/decision_date=2026-03-03.1.json"]
        ).objects
    )


def test_the_days_that_are_settled_are_listed_and_not_read(lake):
    lake.log(4, "a")
    lake.seal(4)

    assert set(lake.reads) == {THIRD, "decisions/decision_date=2026-03-04/a.json"}


def test_days_after_the_one_that_is_asked_for_are_left_to_their_nights(lake):
    lake.log(5, "a")

    assert [s["key"][-15:-5] for s in lake.seal(4)] == ["2026-03-04"]


def test_a_folder_that_is_no_day_stops_nothing(lake):
    lake.put_object(Bucket="lake", Key="decisions/decision_date=2026-02-xx/x.json", Body=b"{}")
    lake.put_object(Bucket="lake", Key="decisions/other/x.json", Body=b"{}")

    assert [s["key"][-15:-5] for s in lake.seal(4)] == ["2026-03-04"]
    assert lake.seal(4) == []


@pytest.mark.parametrize("nights", [4, 6])
def test_a_late_decision_that_is_removed_with_its_seal_is_missed_by_the_seal_after_it(lake, nights):
    late = lake.log(2, "late", at=instant(4, 12))
    for day in range(4, nights + 1):
        lake.seal(day)
    del lake.objects[late], lake.objects[ADDITION]

    assert lake.faults() == [("link", "seals/decision_date=2026-03-04.json")]


def test_every_seal_but_the_newest_is_missed_when_it_is_removed(lake):
    lake.log(1, "late", at=instant(4, 12))
    lake.log(2, "late", at=instant(4, 12))
    lake.seal(4)
    lake.log(1, "later", at=instant(5, 12))
    lake.seal(5)
    seals = {key: body for key, body in lake.objects.items() if key.startswith("seals/")}
    (newest,) = lake.verdict().heads
    assert len(seals) == 8
    for key in seals:
        del lake.objects[key]
        assert ("link" in [kind for kind, _ in lake.faults()]) == (key != newest), key
        lake.objects[key] = seals[key]


def test_two_runs_at_once_leave_two_newest_seals_and_the_next_names_both(lake):
    other = Lake()
    other.objects, other.taken = dict(lake.objects), dict(lake.taken)
    lake.seal(4)
    other.log(2, "late", at=instant(4, 23))
    other.seal(3, at=instant(5, 2, 1))
    for key in set(other.objects) - set(lake.objects):
        lake.objects[key], lake.taken[key] = other.objects[key], other.taken[key]
    both = {"seals/decision_date=2026-03-04.json", ADDITION}
    assert set(lake.verdict().heads) == both
    lake.seal(5)

    assert set(lake.verdict().heads) == {"seals/decision_date=2026-03-05.json"}
    assert lake.faults() == []


def test_a_seal_that_another_run_has_written_stays(lake):
    def overtaken() -> str:
        lake.objects["seals/decision_date=2026-03-04.json"] = b"of another run"
        return "2026-03-05T02:00:00.000+00:00"

    with pytest.raises(SealedMeanwhile, match="run again"):
        Sealing(lake, "lake", overtaken).run("2026-03-04")
    assert lake.objects["seals/decision_date=2026-03-04.json"] == b"of another run"


def first_form(day: int, number: int, objects: dict[str, str], before: tuple[str, str] | None, at: int) -> bytes:
    """A seal as it was written when it named one other, whose bytes must be read for ever."""
    document = {
        "decision_date": f"2026-03-{day:02}",
        "number": number,
        "root": merkle.root([f"{key}\n{objects[key]}".encode() for key in sorted(objects)]),
        "objects": objects,
        "previous": {"key": before[0], "sha256": before[1]} if before else None,
        "sealed_at": instant(at, 2).isoformat(timespec="milliseconds"),
    }
    return (json.dumps(document, indent=1) + "\n").encode()


@pytest.fixture
def older():
    """Two days and an addition, sealed in the first form: nothing names the addition."""
    found = Lake()
    for key, day, number, name, before, at in (
        (FIRST, 1, 0, "a", None, 2),
        ("seals/decision_date=2026-03-01.1.json", 1, 1, "late", FIRST, 3),
        (SECOND, 2, 0, "a", FIRST, 4),
    ):
        logged = found.log(day, name)
        objects = {logged: sha(found.objects[logged])}
        named = (before, sha(found.objects[before])) if before else None
        found.clock = instant(at, 2)
        found.put_object(Bucket="lake", Key=key, Body=first_form(day, number, objects, named, at))
    return found


def test_seals_of_the_first_form_are_what_they_were(older):
    assert older.faults() == []
    assert set(older.verdict().heads) == {"seals/decision_date=2026-03-01.1.json", SECOND}
    older.objects[FIRST] = first_form(1, 0, {"decisions/decision_date=2026-03-01/a.json": "0" * 64}, None, 2)
    assert [kind for kind, _ in older.faults()] == ["link", "link", "changed"]


def test_in_the_first_form_a_seal_names_the_one_before_it_and_no_other(older):
    older.objects[SECOND] = first_form(2, 0, {}, (THIRD, "0"), 3)
    assert ("link", SECOND) in older.faults()
    addition = "seals/decision_date=2026-03-01.1.json"
    older.objects[SECOND] = first_form(2, 0, {}, (addition, sha(older.objects[addition])), 3)
    assert ("link", SECOND) in older.faults()
    older.objects[SECOND] = first_form(2, 0, {}, None, 3)
    assert ("link", SECOND) in older.faults()


@pytest.mark.parametrize("day", [3, 20])
def test_the_first_seal_of_todays_form_names_all_that_nothing_named(older, day):
    (told_,) = older.seal(day)

    seal = Seal.read(told_["key"], older.objects[told_["key"]])
    assert set(seal.previous) == {"seals/decision_date=2026-03-01.1.json", SECOND}
    assert older.faults() == []
    del older.objects["seals/decision_date=2026-03-01.1.json"]
    del older.objects["decisions/decision_date=2026-03-01/late.json"]
    assert older.faults() == [("link", told_["key"])]


@pytest.mark.parametrize("form", [0, 3, "2", None])
def test_a_seal_of_an_unknown_form_is_named(lake, form):
    document = {**json.loads(lake.objects[THIRD]), "form": form}
    lake.objects[THIRD] = (json.dumps(document, indent=1) + "\n").encode()

    assert ("seal", THIRD) in lake.faults()


def test_a_removed_addition_leaves_its_objects_added_and_is_missed(lake):
    late = lake.log(2, "late", at=instant(4, 12))
    lake.seal(4)
    del lake.objects[ADDITION]

    assert lake.faults() == [("link", "seals/decision_date=2026-03-04.json"), ("added", late)]


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
    for form in (1, 2):
        seal = Seal("2026-03-01", 3, objects, {"seals/x": "0"}, "2026-03-02T00:00:00Z", form)
        assert Seal.read(seal.key, seal.body()) == seal
    assert Seal("2026-03-01", 3, dict(reversed(objects.items())), {}, "").root == seal.root


class Locked(Lake):
    """S3 that keeps every version of an object and tells them; `failing` puts are refused first."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[str, list[bytes]] = {}
        self.failing = 0

    def put_object(self, **request: Any) -> None:
        if self.failing:
            self.failing -= 1
            raise Refused("SlowDown")
        super().put_object(**request)
        self.versions.setdefault(request["Key"], []).append(request["Body"])

    def get_paginator(self, operation: str) -> Any:
        if operation != "list_object_versions":
            return super().get_paginator(operation)
        return Versions(self.versions)

    def get_object(self, VersionId: str = "-1", **request: Any) -> dict:
        return {"Body": io.BytesIO(self.versions[request["Key"]][int(VersionId)])}


class Versions:
    def __init__(self, versions: dict[str, list[bytes]]) -> None:
        self.versions = versions

    def paginate(self, Bucket: str, Prefix: str) -> list[dict]:
        found = [(key, n) for key, bodies in sorted(self.versions.items()) for n in range(len(bodies))]
        return [{"Versions": [{"Key": key, "VersionId": str(n)} for key, n in found if key.startswith(Prefix)]}]


class Both:
    """A client of both buckets."""

    def __init__(self, lake: Lake, witness: Locked) -> None:
        self.buckets = {"lake": lake, "witness": witness}

    def __getattr__(self, operation: str) -> Any:
        return lambda **request: getattr(self.buckets[request["Bucket"]], operation)(**request)

    def get_paginator(self, operation: str) -> Any:
        return self.buckets["witness" if operation == "list_object_versions" else "lake"].get_paginator(operation)


def sealed_before(lake: Lake, witness: Locked, day: str = "2026-03-04") -> list[dict]:
    return Sealing(lake, "lake", lambda: lake.clock.isoformat(), Witness(witness, "witness")).run(day)


def witness_says(lake: Lake, witness: Locked) -> list[tuple[str, str]]:
    verdict = lake.verdict()
    witnessed(Both(lake, witness), "witness", "lake", verdict)
    assert verdict.witnessed == len(witness.versions)
    return [(fault.kind, fault.key) for fault in verdict.faults]


def test_a_witness_is_told_every_seal_once_whenever_it_was_written(lake):
    witness = Locked()
    lake.log(4, "a")
    sealed_before(lake, witness)
    sealed_before(lake, witness)

    assert {key: bodies for key, bodies in witness.versions.items()} == {
        key: [body] for key, body in lake.objects.items() if key.startswith("seals/")
    }
    assert witness_says(lake, witness) == []
    assert "4 seals have a locked copy" in told(verdict_with(lake, witness))


def verdict_with(lake: Lake, witness: Locked) -> Verdict:
    verdict = lake.verdict()
    witnessed(Both(lake, witness), "witness", "lake", verdict)
    return verdict


def test_a_copy_that_is_gone_from_the_witness_is_missed(lake):
    witness = Locked()
    lake.log(4, "a")
    sealed_before(lake, witness)
    gone = sorted(witness.versions)[2]
    del witness.versions[gone]

    assert witness_says(lake, witness) == [("witness", gone)]


def test_a_witness_that_is_gone_is_missed_where_the_environment_has_one(lake):
    class Gone:
        def get_paginator(self, operation: str) -> Any:
            raise ClientError({"Error": {"Code": "NoSuchBucket"}}, operation)

    for wanted, faults in ((True, [("witness", "witness")]), (False, [])):
        verdict = lake.verdict()
        witnessed(Gone(), "witness", "lake", verdict, wanted)
        assert [(fault.kind, fault.key) for fault in verdict.faults] == faults


def test_a_witness_that_was_away_is_told_by_the_next_night(lake):
    witness = Locked()
    witness.failing = 1
    lake.log(4, "a")
    with pytest.raises(Refused):
        sealed_before(lake, witness)
    sealed_before(lake, witness)

    assert len(witness.versions) == 4


def test_a_log_that_was_made_anew_with_all_its_seals_is_not_what_the_witness_was_told(lake):
    witness = Locked()
    lake.log(4, "a")
    sealed_before(lake, witness)
    other = Lake()
    for day in (1, 2, 3):
        other.log(day, "a", "another past")
        other.seal(day)
    assert other.faults() == []

    gone = [("witness", "seals/decision_date=2026-03-04.json")]
    assert witness_says(other, witness) == [("witness", key) for key in (FIRST, SECOND, THIRD)] + gone
