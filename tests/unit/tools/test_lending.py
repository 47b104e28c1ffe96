"""A credit policy decides from a kept run, says why, writes the notice, and is tried on loans that have ended."""

from __future__ import annotations

import json
import math
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from features.encoding import Column, Encoding
from inference.additive import Term, Terms
from inference.model import Model
from tests.unit.inference.archives import trained, written
from tools.lending import __main__ as command
from tools.lending.deciding import Loan, WrongRun, decide, loans_of
from tools.lending.letter import NoLetter, letter
from tools.lending.policy import InvalidPolicy, Policy, Scale
from tools.lending.whatif import what_if, wilson
from training.drift import baseline

EXAMPLE = Path(__file__).parents[3] / "policies" / "credit-example.json"
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
    (folder / "terms.json").write_text(json.dumps(Terms(-3.0, lines).document()))
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
    assert found["policy"]["share"] == 0.5
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
        (("decide", "", "nowhere", "no-file.json", ""), "cannot read no-file.json"),
        (("letter", "", "", "", "l1", ""), "expected KEPT="),
        (("backtest", "", "nowhere", "", "o.csv"), "policy.json is missing"),
    ],
)
def test_a_command_that_cannot_be_done_says_what_it_expected(arguments, said):
    with pytest.raises(SystemExit, match=said):
        command.main(*arguments)
