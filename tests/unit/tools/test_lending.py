"""A credit policy decides from a kept run, says why, writes the notice, and is tried on loans that have ended."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from botocore.exceptions import NoRegionError

from features.encoding import Column, Encoding
from glue.transforms.forgetting import WITHOUT_HEADER, Person, scrubbed
from inference.additive import Term
from inference.additive import Terms as Sum
from inference.model import Model
from lending import deciding
from lending.deciding import Decided, Loan, WrongRun, loans_of
from lending.opened import Opened
from lending.policy import InvalidPolicy, Policy, Scale, Terms
from tests.unit.inference.archives import trained, written
from tools.lending import __main__ as command
from tools.lending.kept import Kept
from tools.lending.letter import NoLetter, letter
from tools.lending.whatif import outcomes_of, what_if, wilson
from training import decide_loans
from training.archive import commonest
from training.drift import baseline

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "policies" / "credit-example.json"
NAMES = ("income", "amount", "pay_0", "pay_2", "tier", "purpose")
ENCODING = Encoding((*(Column(name) for name in NAMES[:-1]), Column("purpose", ("car", "house", "war"))))
DOCUMENT = {
    "version": "test-1",
    "refer_from": 0.2,
    "decline_from": 0.5,
    "points": {"base_score": 600, "base_odds": 30, "pdo": 20},
    "bands": [{"name": "A", "below": 0.2}, {"name": "B", "below": 0.5}, {"name": "C", "below": 1}],
    "lgd": 0.5,
    "ead": "amount",
    "rules": [
        {"name": "war", "column": "purpose", "equals": "war", "action": "DECLINE", "sentence": "We finance no war"},
        {"name": "no_income", "column": "income", "missing": True, "action": "REFER", "sentence": "Income is unknown"},
    ],
    "reasons": [
        {"code": "income", "columns": ["income"], "sentence": "Income insufficient"},
        {"code": "amount", "columns": ["amount"], "sentence": "Amount too high"},
        {"code": "delay", "columns": ["pay_*"], "sentence": "Delinquent obligations"},
        {"code": "tier", "columns": ["tier"], "sentence": "Other: what nobody may be told"},
        {"code": "purpose", "columns": ["purpose"], "sentence": "Other: purpose"},
    ],
}
GOOD = Loan("c1", "l1", ("100", "10", "0", "0", "1", "car"))
BAD = Loan("c2", "l2", ("10", "50", "3", "2", "9", "house"))


def decide(model: Model, policy: Policy, loans: list[Loan]) -> list[Decided]:
    return deciding.decide(Opened(model), policy, loans)


def policy(**changes) -> Policy:
    return Policy.parse({**DOCUMENT, **changes})


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """A sum of lines, each around what it adds on average; the tier adds most of all."""
    rng = np.random.default_rng(0)
    seen = np.column_stack([rng.uniform(50, 150, 500), rng.uniform(1, 20, 500), *rng.integers(0, 2, (2, 500))])
    seen = np.column_stack([seen, rng.integers(0, 3, 500), rng.integers(0, 2, 500)]).astype(np.float32)
    lines = (
        Term("line", (0.0, 200.0), (2.0, -2.0), mean=0.0),
        Term("line", (0.0, 100.0), (0.0, 2.0), mean=0.2),
        Term("line", (0.0, 10.0), (0.0, 3.0), mean=0.1),
        Term("line", (0.0, 10.0), (0.0, 4.0), mean=0.1),
        Term("line", (0.0, 10.0), (0.0, 5.0), mean=0.3),
        Term("steps", (1.0, 2.0), (0.0, 0.4, 0.4), mean=0.2),
    )
    folder = written(
        tmp_path_factory.mktemp("loans") / "archive",
        name="model-9",
        learner="logistic",
        file="terms.json",
        columns=ENCODING.document(),
        protected_columns={"kept_out": [], "trained_on": {"tier": "asked for by the test"}},
    )
    (folder / "terms.json").write_text(json.dumps(Sum(-3.0, lines).document()))
    (folder / "baseline.json").write_text(json.dumps(baseline(ENCODING.names, seen, np.zeros(500), ())))
    return folder


@pytest.fixture(scope="module")
def model(archive) -> Model:
    return Model(archive)


@pytest.fixture
def kept(archive, tmp_path) -> Path:
    """A run's folder, as it was fetched: rows, what the model said, the model."""
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "rows.csv").write_text("".join(f"{x.customer_id},{x.loan_id},{','.join(x.cells)}\n" for x in (GOOD, BAD)))
    said = Model(archive).score([GOOD.cells, BAD.cells])
    lines = [f"{x.customer_id},{x.loan_id},{p!r}\n" for x, p in zip((GOOD, BAD), said, strict=True)]
    (folder / "predictions.csv").write_text("".join(lines))
    with tarfile.open(folder / "model.tar.gz", "w:gz") as packed:
        for path in archive.iterdir():
            packed.add(path, path.name)
    return folder


def policy_file(folder: Path, **changes) -> str:
    path = folder / "asked.json"
    path.write_text(json.dumps({**DOCUMENT, **changes}))
    return str(path)


def test_the_example_is_a_policy_and_bears_the_hash_of_its_content():
    document = json.loads(EXAMPLE.read_text())
    found, turned = Policy.parse(document), Policy.parse(dict(reversed(document.items())))

    assert found.version == f"2026-11-example@{found.sha256[:12]}" == turned.version
    assert Policy.parse({**document, "lgd": 0.46}).sha256 != found.sha256


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lgd": 1.5}, "lgd: expected a number from 0 to 1"),
        ({"lgd": math.nan}, "lgd: expected a number"),
        ({"refer_from": 0.6}, "refer_from at most decline_from"),
        ({"bands": [{"name": "A", "below": 0.5}]}, "1 as the last"),
        ({"bands": []}, "1 as the last"),
        ({"points": {"base_score": 600, "base_odds": 30, "pdo": 0}}, "points, pdo: expected a number above 0"),
        ({"points": {"base_score": 600, "base_odds": 30, "pdo": 1e308}}, "points without an end"),
        ({"lgd": 10**400}, "lgd: expected a number, got one that is not finite or too large"),
        ({"ead": 10**5000}, "ead: expected a number, got one that is not finite or too large"),
        ({"version": "\ud800"}, "version: expected a text, got half of a character"),
        ({"cutoff": 0.3}, "unknown: cutoff"),
        ({"ead": "protected_amount"}, "is protected"),
        ({"rules": [{**DOCUMENT["rules"][0], "column": "sex"}]}, "sex is protected"),
        ({"rules": [{**DOCUMENT["rules"][0], "action": "APPROVE"}]}, "expected action REFER or DECLINE"),
        ({"rules": [{**DOCUMENT["rules"][0], "above": 3}]}, "one of above, below, equals, missing"),
        ({"reasons": [{"code": "a", "columns": ["race"], "sentence": "s"}]}, "race is protected"),
        ({"reasons": [DOCUMENT["reasons"][0]] * 2}, "different codes"),
        ({"reasons": "none"}, "expected a list of objects"),
        ({"creditor": {"phone": "1"}}, "creditor: expected some of"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_by_what_is_wrong(changes, said):
    with pytest.raises(InvalidPolicy, match=said):
        policy(**changes)


def test_points_stand_for_odds_and_the_declared_number_of_points_doubles_them():
    scale = Scale(600, 30, 20)

    assert (scale.points(1 / 31), scale.points(1 / 61), scale.points(1 / 16)) == (600, 620, 580)
    assert scale.points(0.0) > scale.points(0.001)
    assert (policy().band(0.2), policy().band(1.0)) == ("B", "C")
    assert scale.points(1.0) < scale.points(0.999)


def test_a_loan_is_decided_by_cut_offs_with_band_points_and_the_loss_that_is_expected(model):
    good, bad = decide(model, policy(), [GOOD, BAD])

    assert (good.decision, good.band, good.reasons) == ("APPROVE", "A", ())
    assert (bad.decision, bad.band) == ("DECLINE", "C")
    assert bad.expected_loss == bad.default_prob * 0.5 * 50
    assert bad.points < good.points
    assert (bad.model, bad.feature_version, bad.policy_version) == ("model-9", "abc", policy().version)
    assert decide(model, policy(refer_from=0.0), [GOOD])[0].decision == "REFER"
    assert decide(model, policy(decline_from=bad.default_prob), [BAD])[0].decision == "DECLINE"


def test_a_rule_speaks_whatever_the_score_and_a_declining_one_is_told_alone_where_the_score_would_approve(model):
    war = Loan("c3", "l3", (*GOOD.cells[:-1], "war"))
    unknown = Loan("c4", "l4", ("", *GOOD.cells[1:]))
    declined, referred = decide(model, policy(), [war, unknown])

    assert (declined.decision, declined.reasons, declined.sentences) == ("DECLINE", ("war",), ("We finance no war",))
    assert (referred.decision, referred.reasons) == ("REFER", ("no_income",))
    (between,) = decide(model, policy(refer_from=0.0), [war])
    assert (between.decision, between.reasons) == ("DECLINE", ("war",)), "the score alone would have referred it"


def test_columns_of_one_concept_are_one_reason_the_strongest_first_and_protected_ones_never_are(model):
    (found,) = decide(model, policy(), [BAD])

    # Contributions: income 1.8, the delays .8 + .7 = 1.5, amount .8, purpose .2; the tier, declared protected, 4.2.
    assert found.reasons == ("income", "delay", "amount", "purpose")


def test_there_are_at_most_four_reasons_and_a_rule_comes_first(model):
    (found,) = decide(model, policy(), [Loan("c", "l", (*BAD.cells[:-1], "war"))])

    assert found.reasons == ("war", "income", "delay", "amount")


def test_what_would_not_improve_the_score_at_its_usual_value_is_no_reason(archive, tmp_path):
    folder = tmp_path / "turned"
    shutil.copytree(archive, folder)
    document = json.loads((folder / "baseline.json").read_text())
    document["columns"]["income"]["edges"] = [5.0 - n / 10 for n in range(9)][::-1]  # usual incomes below the loan's
    (folder / "baseline.json").write_text(json.dumps(document))
    (found,) = decide(Model(folder), policy(), [BAD])

    assert found.reasons == ("delay", "amount", "purpose")


def test_trees_give_reasons_too_and_a_loan_alone_the_same_as_among_others(tmp_path):
    folder = trained(tmp_path / "trees")
    rng = np.random.default_rng(1)
    seen = np.column_stack([rng.uniform(60, 90, 100), rng.integers(0, 2, 100)]).astype(np.float32)
    (folder / "baseline.json").write_text(json.dumps(baseline(("income", "purpose"), seen, np.zeros(100), ())))
    asked = policy(ead=100, rules=[])
    loans = [Loan("c", f"l{n}", (str(n), "house")) for n in range(1, 100, 7)]
    together = decide(Model(folder), asked, loans)

    assert together == [decide(Model(folder), asked, [loan])[0] for loan in loans]
    assert together[0].decision == "DECLINE"
    assert together[0].reasons[0] in ("income", "purpose")
    assert together[-1].decision == "APPROVE"


def test_a_column_of_the_model_without_a_sentence_and_one_that_no_run_keeps_are_refused_by_name(model):
    with pytest.raises(InvalidPolicy, match="no sentence for purpose"):
        decide(model, policy(reasons=DOCUMENT["reasons"][:-1]), [GOOD])
    with pytest.raises(InvalidPolicy, match="granted: expected columns of the run"):
        decide(model, policy(ead="granted"), [GOOD])
    rule = {"name": "old", "column": "tier", "above": 5, "action": "DECLINE", "sentence": "s"}
    with pytest.raises(InvalidPolicy, match="tier is declared protected"):
        decide(model, policy(rules=[rule]), [GOOD])


def test_without_a_usable_probability_a_person_looks_at_the_loan(model, monkeypatch):
    monkeypatch.setattr(model, "probabilities", lambda matrix: np.full(len(matrix), np.nan))
    (found,) = decide(model, policy(), [GOOD])

    assert (found.decision, found.default_prob, found.band, found.reasons) == ("REFER", None, None, ("no_score",))
    assert json.loads(found.line())["expected_loss"] is None


def test_a_cell_that_could_not_be_read_sends_that_loan_to_a_person_by_the_columns_name_and_no_other(model):
    unread = replace(BAD, cells=("", *BAD.cells[1:]), unread=("income",))
    found, bad = decide(model, policy(rules=[]), [unread, replace(BAD, loan_id="l3")])
    war = decide(model, policy(), [replace(unread, cells=(*unread.cells[:-1], "war"))])[0]

    assert (found.decision, found.reasons) == ("REFER", ("unread",))
    assert found.sentences == ("could not be read: column income",)
    assert bad.decision == "DECLINE"
    assert (war.decision, war.reasons) == ("DECLINE", ("war",)), "a rule speaks of what could be read"


def test_a_cell_that_could_not_be_read_meets_no_rule_not_even_one_about_a_missing_cell(model):
    gone = {"name": "gone", "column": "income", "missing": True, "action": "DECLINE", "sentence": "Income is unknown"}
    lost = replace(GOOD, cells=("", *GOOD.cells[1:]), unread=("income",))
    (found,) = decide(model, policy(rules=[gone]), [lost])
    (empty,) = decide(model, policy(rules=[gone]), [replace(lost, unread=())])

    assert (found.decision, found.reasons, found.rules) == ("REFER", ("unread",), ())
    assert (empty.decision, empty.reasons) == ("DECLINE", ("gone",))


@pytest.mark.parametrize("said", [1.5, -0.1, math.inf, math.nan])
def test_a_number_that_is_no_probability_decides_nothing(model, monkeypatch, said):
    monkeypatch.setattr(Opened, "said", lambda self, rows: [said] * len(rows))
    (found,) = decide(model, policy(), [GOOD])

    assert (found.decision, found.default_prob, found.points, found.reasons) == ("REFER", None, None, ("no_score",))


def test_a_loan_that_lacks_what_the_policy_requires_goes_to_a_person(model):
    lacks = Loan("c", "l", ("100", "", *GOOD.cells[2:]))
    (found,) = decide(model, policy(required=["amount", "income"]), [lacks])

    assert (found.decision, found.sentences) == ("REFER", ("is missing: column amount",))
    assert decide(model, policy(), [lacks])[0].decision == "APPROVE"
    with pytest.raises(InvalidPolicy, match="granted: expected columns of the run"):
        decide(model, policy(required=["granted"]), [GOOD])
    with pytest.raises(InvalidPolicy, match="sex is protected"):
        policy(required=["sex"])


TERMS = {"cost": 0.01, "margin": 0.02, "limits": {"A": 5000, "B": 1000, "C": 0}}


def test_a_price_makes_lending_worth_the_margin_and_a_declined_loan_has_none(model):
    good, bad = decide(model, policy(terms=TERMS), [GOOD, BAD])
    p = good.default_prob

    assert (1 - p) * good.price - p * 0.5 - 0.01 == pytest.approx(0.02)
    assert good.credit_limit == 5000
    assert (bad.decision, bad.price, bad.credit_limit) == ("DECLINE", None, None)
    assert (decide(model, policy(), [GOOD])[0].price, Terms(0, 0, {}).price(1.0, 0.5)) == (None, None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"margin": 2}, "terms, margin: expected a number from 0 to 1"),
        ({"limits": {"A": 1}}, "an amount for each band, which are A, B, C"),
        ({"limits": {"A": 1, "B": 1, "C": -1}}, "terms, limits, C: expected a number of no less than 0"),
        ({"rate": 1}, "terms: expected cost, margin and limits"),
    ],
)
def test_terms_that_cannot_be_used_are_refused(changes, said):
    with pytest.raises(InvalidPolicy, match=said):
        policy(terms={**TERMS, **changes})


def test_whoever_is_forgotten_leaves_the_decisions_on_others_as_they_are(model):
    good, bad = (one.line().encode() for one in decide(model, policy(), [GOOD, BAD]))

    assert scrubbed(good + bad, Person("c1", loans=frozenset({"l1"})), WITHOUT_HEADER, True).content == bad
    answer = json.dumps({**json.loads(good), "cells": ["1"]}).encode() + b"\n"
    assert scrubbed(answer, Person("c1"), WITHOUT_HEADER, True).content is None


def placed(kept: Path, folder: Path, document: dict = DOCUMENT) -> str:
    """A run's objects as a job finds them; returns the SHA-256 of the policy."""
    (folder / "policy").mkdir(parents=True)
    body = Policy.parse(document).canonical
    (folder / "policy" / "it.json").write_bytes(body)
    for name, file in (("rows", "rows.csv"), ("predictions", "predictions.csv"), ("model", "model.tar.gz")):
        (folder / name).mkdir()
        shutil.copy(kept / file, folder / name / file)
    (folder / "unread").mkdir()
    (folder / "unread" / "cells.csv").write_text("c1,l1,tier\n")
    return hashlib.sha256(body).hexdigest()


def test_the_platforms_job_decides_as_the_command_does_and_says_from_which_rows(kept, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(decide_loans, "INPUT", tmp_path / "input")
    monkeypatch.setattr(decide_loans, "OUTPUT", tmp_path / "output")
    sha = placed(kept, tmp_path / "input")
    decide_loans.main(["--policy", sha])
    (kept / "unread.csv").write_text("c1,l1,tier\n")
    command.main("decide", "", str(kept), policy_file(tmp_path), "")
    written = (tmp_path / "output" / "decisions" / "decisions.jsonl").read_bytes()
    first = json.loads(written.splitlines()[0])

    assert written == (kept / "decisions.jsonl").read_bytes()
    assert "1 DECLINE, 1 REFER" in capsys.readouterr().out
    assert list(first)[:3] == ["customer_id", "loan_id", "default_prob"]
    assert first["policy_sha256"] == sha
    assert first["snapshot"] == hashlib.sha256((kept / "rows.csv").read_bytes()).hexdigest()
    with pytest.raises(SystemExit, match="nothing is decided: expected the policy 0000"):
        decide_loans.main(["--policy", "0" * 64])
    (tmp_path / "input" / "predictions" / "predictions.csv").write_text("c1,l1,0.5\nc2,l2,0.5\n")
    with pytest.raises(SystemExit, match="2 of 2 loans another probability"):
        decide_loans.main(["--policy", sha])


def test_a_run_whose_parts_do_not_fit_is_refused(model):
    with pytest.raises(WrongRun, match="1 of 1 loans another probability"):
        decide(model, policy(), [Loan(*("c", "l"), GOOD.cells, 0.5)])
    with pytest.raises(WrongRun, match="line 2 of the rows: expected 4 cells, got 3"):
        loans_of(["c,l,1,2\n", "c,l,1\n"], 2)
    with pytest.raises(WrongRun, match="not those of the 1 rows"):
        loans_of(["c,l,1\n"], 1, ["c,other,0.5\n"])
    with pytest.raises(WrongRun, match="expected customer_id,loan_id,default_prob"):
        loans_of(["c,l,1\n"], 1, ["c,l\n"])


def test_the_notice_names_the_reasons_and_leaves_places_for_what_the_creditor_has_not_said(model):
    good, bad = decide(model, policy(), [GOOD, BAD])
    found = letter(bad, {"name": "The Bank"})

    assert "The Bank" in found
    assert "[address of the creditor]" in found
    assert "Application: l2" in found
    assert "  1. Income insufficient\n  2. Delinquent obligations\n" in found
    with pytest.raises(NoLetter, match="l1 is APPROVE"):
        letter(good, {})
    with pytest.raises(NoLetter, match="a place that is none"):
        letter(bad, {}, "$salary")


def test_a_kept_run_gives_the_same_bits_again_and_one_that_was_changed_no_letter(kept, tmp_path, capsys):
    command.main("decide", "", str(kept), policy_file(tmp_path), "")
    first = (kept / "decisions.jsonl").read_bytes()
    command.main("decide", "", str(kept), policy_file(tmp_path), "")
    command.main("letter", "", str(kept), "", "l2", "")

    assert (kept / "decisions.jsonl").read_bytes() == first
    assert "1 APPROVE, 1 DECLINE" in capsys.readouterr().out
    (kept / "decisions.jsonl").write_bytes(first.replace(b"DECLINE", b"APPROVE"))
    with pytest.raises(SystemExit, match="is not what this run decides"):
        command.main("letter", "", str(kept), "", "l2", "")
    with pytest.raises(SystemExit, match="is another policy's"):
        command.main("decide", "", str(kept), policy_file(tmp_path, lgd=0.1), "")


def test_a_back_test_counts_rates_and_losses_of_loans_with_an_outcome(kept, tmp_path, capsys):
    command.main("decide", "", str(kept), policy_file(tmp_path), "")
    (tmp_path / "outcomes.csv").write_text("loan_id,defaulted\nl2,1\n")
    command.main("backtest", "", str(kept), "", str(tmp_path / "outcomes.csv"))
    (written_to,) = kept.glob("backtest-*.json")
    found = json.loads(written_to.read_text())

    assert (found["loans"], found["with_outcome"]) == (2, 1)
    assert found["decisions"]["DECLINE"]["bad_rate"] == 1.0
    assert found["decisions"]["DECLINE"]["realised_loss"] == 25.0
    assert found["decisions"]["APPROVE"]["bad_rate"] is None
    assert found["decisions"]["APPROVE"]["share"] == 0.5
    assert "DECLINE" in capsys.readouterr().out


def test_a_stricter_cut_off_never_approves_more_and_all_are_approved_by_the_last(model):
    loans = [Loan("c", f"l{n}", (str(10 * n), "10", "1", "1", "1", "car")) for n in range(20)]
    decided = decide(model, policy(), loans)
    found = what_if(policy(), decided, {loan.loan_id: n % 2 for n, loan in enumerate(loans)})
    counts = [cutoff["loans"] for cutoff in found["cutoffs"]]

    assert counts == sorted(counts)
    assert counts[-1] == 20 == sum(of["loans"] for of in found["bands"].values())
    # Wilson's interval of 1 of 10, by the formula's published value.
    assert wilson(1, 10) == pytest.approx((0.0179, 0.4042), abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("decide", "", "", "", ""), "expected POLICY="),
        (("decide", "local", "", str(EXAMPLE), "June"), "MONTH=<YYYY-MM>"),
        (("decide", "", "nowhere", str(EXAMPLE), ""), "model.tar.gz is missing"),
        (("decide", "", "nowhere", "no-file.json", ""), "no-file.json: No such file or directory"),
        (("letter", "", "", "", "l1", ""), "expected KEPT="),
        (("backtest", "", "nowhere", "", "o.csv"), "policy.json is missing"),
    ],
)
def test_a_command_that_cannot_be_done_says_what_it_expected(arguments, said):
    with pytest.raises(SystemExit, match=said):
        command.main(*arguments)


def rule(column: str, **test) -> dict:
    return {"name": "asked", "column": column, "action": "DECLINE", "sentence": "s", **test}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rules": [rule("purpose", above=1)]}, "purpose is a category of the model, and above asks for a number"),
        ({"rules": [rule("purpose", below=1)]}, "purpose is a category of the model, and below asks for a number"),
        ({"rules": [rule("purpose", equals=2)]}, "expected equals to be one of its categories"),
        ({"rules": [rule("purpose", equals="boat")]}, "a category that the model knows, which are car, house, war"),
        ({"rules": [rule("income", equals="low")]}, "expected equals to be a number"),
        ({"ead": "purpose"}, "ead: expected a column of numbers, and purpose is a category"),
    ],
)
def test_a_rule_or_an_exposure_that_no_cell_of_its_column_could_meet_is_refused(model, changes, said):
    with pytest.raises(InvalidPolicy, match=said):
        decide(model, policy(**changes), [GOOD])


def test_a_negative_exposure_is_none(model):
    (found,) = decide(model, policy(), [Loan("c", "l", (GOOD.cells[0], "-5", *GOOD.cells[2:]))])

    assert (found.exposure, found.expected_loss) == (None, None)


def known_by(folder: Path, categories: int, counts: np.ndarray) -> Model:
    """A model of one category, and the baseline of rows that have each code so often."""
    column = Column("purpose", tuple(f"p{n:02}" for n in range(categories)))
    written(folder, columns=Encoding((column,)).document())
    seen = np.repeat(np.arange(categories), counts).astype(np.float32)[:, None]
    (folder / "baseline.json").write_text(json.dumps(baseline(("purpose",), seen, np.zeros(len(seen)), ())))
    return Model(folder)


def test_the_usual_category_is_the_commonest_of_the_run_where_deciles_of_fifty_codes_cannot_tell_it(tmp_path):
    many = known_by(tmp_path / "many", 50, np.where(np.arange(50) == 33, 40, 10))
    rows = [("p04",), ("p33",), ("p33",), ("p04",), ("p33",), ("",)]

    assert deciding.references(Opened(many), rows, ["purpose"]) == {"purpose": 33.0}
    assert deciding.references(Opened(many), rows[-1:], ["purpose"]) == {}, "nothing is known of it"
    few = known_by(tmp_path / "few", 3, np.array([30, 20, 50]))
    assert deciding.references(Opened(few), rows[:1], ["purpose"]) == {"purpose": 2.0}, (
        "each bin is one category: the baseline knows"
    )


def test_a_loan_is_told_the_same_category_alone_and_in_a_run_of_many_others(tmp_path):
    many = known_by(tmp_path / "many", 50, np.where(np.arange(50) == 33, 40, 10))
    rows = [("p04",)] * 9
    with pytest.raises(WrongRun, match="does not say which category of purpose is the commonest"):
        deciding.references(Opened(many), None, ["purpose"])

    path = many.folder / "baseline.json"
    known, codes = json.loads(path.read_text()), np.repeat(np.arange(50.0), np.where(np.arange(50) == 33, 40, 10))
    known["columns"]["purpose"] |= {"commonest": commonest(many.encoding, codes[:, None])["purpose"]}
    path.write_text(json.dumps(known))
    told = [deciding.references(Opened(many), asked, ["purpose"]) for asked in (None, rows[:1], rows)]
    assert told == [{"purpose": 33.0}] * 3
    known["columns"]["purpose"] |= {"commonest": 50}
    path.write_text(json.dumps(known))
    with pytest.raises(WrongRun, match="is not what training writes"):
        deciding.references(Opened(many), None, ["purpose"])


def test_who_would_be_declined_without_a_reason_that_may_be_told_is_referred(tmp_path):
    constant = Model(written(tmp_path / "constant", columns=ENCODING.document(), base_rate=0.6))
    (found,) = decide(constant, policy(), [GOOD])
    (told,) = decide(constant, policy(), [Loan("c", "l", (*GOOD.cells[:-1], "war"))])

    assert (found.decision, found.reasons) == ("REFER", ("no_reason",))
    assert (told.decision, told.reasons) == ("DECLINE", ("war",))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("[]", "not what training writes"),
        ('{"columns": {"income": {"edges": [1], "shares": []}}}', "not what training writes"),
        ('{"columns": {}}', "lacks income, amount, pay_0, pay_2, purpose, which the model uses"),
    ],
)
def test_a_baseline_that_is_none_or_lacks_a_column_of_the_model_is_refused(archive, tmp_path, told, said):
    folder = tmp_path / "other"
    shutil.copytree(archive, folder)
    (folder / "baseline.json").write_text(told)

    with pytest.raises(WrongRun, match=said):
        decide(Model(folder), policy(), [BAD])


@pytest.mark.parametrize("told", [[], {"trained_on": "tier"}, {"trained_on": [3]}, {"trained_on": None}])
def test_protected_columns_that_are_no_names_are_refused(model, monkeypatch, told):
    monkeypatch.setitem(model.manifest, "protected_columns", told)
    with pytest.raises(WrongRun, match="protected_columns: expected"):
        decide(model, policy(), [GOOD])


@pytest.mark.parametrize("columns", [[{"categories": None}], [{"name": 3, "categories": None}], [3]])
def test_an_archive_with_a_column_without_a_name_is_refused(tmp_path, columns):
    written(tmp_path / "archive", columns=columns)
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "archive" / "manifest.json", "manifest.json")

    with pytest.raises(WrongRun, match=r"model\.tar\.gz: expected"), Kept(tmp_path).model():
        pass


def test_a_kept_probability_that_is_none_is_the_one_that_the_model_gives_when_it_gives_none(model, monkeypatch):
    monkeypatch.setattr(model, "probabilities", lambda matrix: np.full(len(matrix), np.nan))
    (found,) = decide(model, policy(), [Loan("c", "l", GOOD.cells, math.nan)])

    assert found.decision == "REFER"
    with pytest.raises(WrongRun, match="1 of 1 loans another probability"):
        decide(model, policy(), [Loan("c", "l", GOOD.cells, 0.5)])


@pytest.mark.parametrize(
    ("rows", "predictions", "said"),
    [
        (["c,l,1\n"], ["c\n"], "predictions, line 1: expected customer_id,loan_id,default_prob"),
        (["c,l,1\n", "d,l,2\n"], None, "expected each loan once, lines 1, 2 have loans"),
        (["c,l,1\rx\n"], None, "rows: expected lines of CSV"),
        (["c,l,1\n"], ["c,l\rx,1\n"], "predictions: expected lines of CSV"),
    ],
)
def test_lines_of_a_run_that_cannot_be_read_or_come_twice_are_refused(rows, predictions, said):
    with pytest.raises(WrongRun, match=said):
        loans_of(rows, 1, predictions)


@pytest.mark.parametrize("name", ["rows.csv", "predictions.csv"])
def test_a_run_that_is_no_utf_8_is_refused_by_its_file(kept, tmp_path, name):
    (kept / name).write_bytes(b"\xff" + (kept / name).read_bytes())
    with pytest.raises(SystemExit, match=f"{name}: expected UTF-8, byte 1 is none"):
        command.main("decide", "", str(kept), policy_file(tmp_path), "")


def test_a_template_decisions_outcomes_and_a_policy_that_are_no_utf_8_are_refused(kept, tmp_path):
    command.main("decide", "", str(kept), policy_file(tmp_path), "")
    latin = tmp_path / "latin"
    latin.write_bytes(b"loan_id,defaulted\nl\xe4,1\n")

    with pytest.raises(SystemExit, match="latin: expected UTF-8, byte 20 is none"):
        command.main("letter", "", str(kept), "", "l2", str(latin))
    with pytest.raises(SystemExit, match="latin: expected UTF-8, byte 20 is none"):
        command.main("backtest", "", str(kept), "", str(latin))
    with pytest.raises(SystemExit, match="latin is no JSON"):
        command.main("backtest", "", str(kept), str(latin), str(latin))
    (kept / "decisions.jsonl").write_bytes(b"\xff")
    with pytest.raises(SystemExit, match="is not what this run decides"):
        command.main("letter", "", str(kept), "", "l2", "")


def test_a_policy_with_a_number_of_thousands_of_digits_is_refused(tmp_path):
    (tmp_path / "asked.json").write_text('{"lgd": ' + "9" * 5000 + "}")
    with pytest.raises(SystemExit, match="is no JSON"):
        command.main("decide", "", "nowhere", str(tmp_path / "asked.json"), "")


def test_other_decisions_that_are_there_stay_and_the_first_loans_are_named(kept, tmp_path):
    command.main("decide", "", str(kept), policy_file(tmp_path), "")
    changed = (kept / "decisions.jsonl").read_bytes().replace(b"DECLINE", b"APPROVE")
    (kept / "decisions.jsonl").write_bytes(changed)

    with pytest.raises(SystemExit, match="1 of 2 loans differ: l2"):
        command.main("decide", "", str(kept), policy_file(tmp_path), "")
    assert (kept / "decisions.jsonl").read_bytes() == changed
    assert [path.name for path in kept.iterdir() if path.name.startswith(".")] == []


@pytest.fixture
def platform(kept, tmp_path, monkeypatch) -> list[bytes]:
    """A platform that has the kept run; the policies that the lake was given."""

    def fetch(clients, prefix, lake, month, folder) -> str:
        shutil.copytree(kept, folder)
        return "run-1"

    taken: list[bytes] = []
    monkeypatch.setattr(command, "BUILD", tmp_path / "build")
    monkeypatch.setattr(command, "deployed", lambda verb, environment: {"prefix": "p", "lake_bucket": "lake"})
    monkeypatch.setattr(command.boto3, "client", lambda name: None)
    monkeypatch.setattr(command, "fetch", fetch)
    monkeypatch.setattr(command.documents, "keep", lambda s3, bucket, problem, kind, body: taken.append(body))
    return taken


def test_a_month_is_decided_again_in_the_folder_that_is_there_and_nothing_in_it_is_lost(platform, kept, tmp_path):
    asked = policy_file(tmp_path)
    command.main("decide", "dev", "", asked, "2025-06")
    (folder,) = (tmp_path / "build").iterdir()
    (folder / "backtest-mine.json").write_text("{}")
    command.main("decide", "dev", "", asked, "2025-06")

    assert (folder / "backtest-mine.json").is_file()
    assert list((tmp_path / "build").iterdir()) == [folder], "what was fetched again is gone"
    with (kept / "rows.csv").open("a") as rows:
        rows.write("\n")
    with pytest.raises(SystemExit, match=r"rows\.csv is not what the platform has of this run"):
        command.main("decide", "dev", "", asked, "2025-06")
    assert list((tmp_path / "build").iterdir()) == [folder]


def test_a_policy_is_kept_in_the_lake_only_when_it_fits_the_run(platform, tmp_path):
    with pytest.raises(SystemExit, match="granted: expected columns of the run"):
        command.main("decide", "dev", "", policy_file(tmp_path, ead="granted"), "2025-06")
    assert platform == []
    command.main("decide", "dev", "", policy_file(tmp_path), "2025-06")
    assert platform == [policy().canonical]


def test_an_aws_that_cannot_be_asked_is_told_in_one_line(platform, tmp_path, monkeypatch):
    def refuse(name: str) -> None:
        raise NoRegionError

    monkeypatch.setattr(command.boto3, "client", refuse)
    with pytest.raises(SystemExit, match="decide: AWS refused: You must specify a region"):
        command.main("decide", "dev", "", policy_file(tmp_path), "2025-06")


def test_no_cut_off_approves_a_loan_that_a_rule_stops(model):
    war = Loan("c3", "l3", (*GOOD.cells[:-1], "war"))
    found = what_if(policy(), decide(model, policy(), [GOOD, BAD, war]), {"l3": 1})

    assert found["cutoffs"][-1]["loans"] == 2
    assert [cutoff["with_outcome"] for cutoff in found["cutoffs"]] == [0] * 10
    assert "policy" not in found


def test_outcomes_of_none_of_the_run_and_exposures_beyond_a_number_are_refused(model):
    with pytest.raises(WrongRun, match="none of the run's 1 loans is among the 1 outcomes"):
        what_if(policy(), decide(model, policy(), [GOOD]), {"other": 1})
    rich = policy(ead=1.7e308, lgd=1)
    with pytest.raises(WrongRun, match="larger than a number can be"):
        what_if(rich, decide(model, rich, [BAD, Loan("c", "l9", BAD.cells)]), {"l2": 1, "l9": 1})


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["loan_id,defaulted\n", "l1,0\n", "l1,1\n"], "line 3: l1 comes again with another outcome"),
        (["defaulted,loan_id\n", "1\n"], "line 2: expected 2 cells"),
        (["loan_id,defaulted\n", "l1,1,x\n"], "line 2: expected 2 cells"),
        (["loan_id,defaulted\n", ",1\n"], "line 2: expected a loan_id"),
        (["loan_id,defaulted\n", "l\rx,1\n"], "expected lines of CSV"),
    ],
)
def test_outcomes_that_contradict_or_lack_cells_are_refused_by_line(lines, said):
    with pytest.raises(InvalidPolicy, match=said):
        outcomes_of(lines)
    assert outcomes_of(["loan_id,defaulted\n", "l1,1\n", "l1,1\n"]) == {"l1": 1}


def test_outcomes_as_a_spreadsheet_saves_them_are_read(kept, tmp_path, capsys):
    command.main("decide", "", str(kept), policy_file(tmp_path), "")
    (tmp_path / "outcomes.csv").write_bytes(b"\xef\xbb\xbfloan_id,defaulted\r\nl2,1\r\n")
    command.main("backtest", "", str(kept), "", str(tmp_path / "outcomes.csv"))

    assert "2 loans, 1 with an outcome" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "given"),
    [
        ("decide-loans", ("KEPT", "POLICY", "MONTH")),
        ("loan-letter", ("KEPT", "LOAN", "TEMPLATE")),
        ("backtest-loans", ("KEPT", "POLICY", "OUTCOMES")),
    ],
)
def test_make_hands_what_a_command_is_given_over_as_it_is_written(target, given):
    told = [f'a b"; echo {name} >&2; "' for name in given]
    arguments = [f"{name}={text}" for name, text in zip(given, told, strict=True)]
    ran = subprocess.run(
        ["make", "-s", target, "READY=", "PYTHON=printf '<%s>'", "ENV=dev", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stderr == ""
    assert [text for text in told if f"<{text}>" not in ran.stdout] == []
