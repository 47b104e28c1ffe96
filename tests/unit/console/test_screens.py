"""Each page shows what is there, and where nothing is, what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from botocore.exceptions import ClientError
from streamlit.testing.v1 import AppTest

from console import source
from console.screens import standing
from features.fraud import FRAUD
from lending.deciding import WrongRun
from lending.opened import Opened as OpenedLoans
from tests.architecture.source import ROOT
from tests.unit.tools.test_lending import BAD, archive, model
from tests.unit.tools.test_lending import policy as credit_policy
from tools.athena import QueryFailed

__all__ = ["archive", "model"]  # fixtures

SCREENS = ("cases", "credit", "customer", "decision", "lists", "models", "network", "policy", "standing")
DECISION = {
    "transaction_id": "T1",
    "customer_id": "C1",
    "merchant_id": "M1",
    "event_time": "2026-01-02T10:00:00Z",
    "amount_cents": "12345",
    "action": "BLOCK",
    "fraud_score": "0.91",
    "reasons": "[score_at_or_above_block_threshold, ![x](http://elsewhere.example/p)]",
    "reasons_lines": "score_at_or_above_block_threshold\n![x](http://elsewhere.example/p)",
    "explanation": "[amount, Time since the last payment, unknown beyond 30d]",
    "explanation_lines": "amount\nTime since the last payment, unknown beyond 30d",
    "vector": "[" + ", ".join(["12345.0", *["null"] * (len(FRAUD.columns) - 1)]) + "]",
    "feature_version": FRAUD.version,
    "model": "m-1",
    "policy_version": "1@abc",
    "degrade_step": "none",
    "door": "api",
    "counted_at": "1767348000000",
    "overtaken": "false",
    "velocity_exact": "true",
    "judged_again": "",
    "arrived_at": "1767348000000",
    "decided_at": "1767348000012",
    "traffic": "[3, 0, 0, 0, 0, 0]",
    "attributes": '{"device_id": "D1", "note": "![x](http://elsewhere.example/p)"}',
    "listed": "",
    "without_effect": "",
    "decision_date": "2026-01-02",
}


def screen(name: str, **asked: str) -> AppTest:
    page = AppTest.from_string(f"from console.screens import {name}\n{name}.show()", default_timeout=60)
    for key, value in asked.items():
        page.query_params[key] = value
    return page


@pytest.fixture
def answers(monkeypatch):
    """What Athena answers, by a part of the question; nothing else is asked of AWS."""
    given: dict[str, list[dict[str, str]]] = {}

    def ask(zone: str, sql: str) -> list[dict[str, str]]:
        return next((rows for part, rows in given.items() if part in sql), [])

    monkeypatch.setattr(source, "ask", ask)
    monkeypatch.setattr(source, "ask_together", lambda asked: [ask(*one) for one in asked])
    monkeypatch.setattr(source, "zone", lambda name: f"risk_{name}")
    monkeypatch.setattr(source, "days", lambda: ["2026-01-02"])
    return given


def words(page: AppTest) -> str:
    parts = (page.markdown, page.info, page.warning, page.error, page.success, page.caption, page.title, page.subheader)
    return "\n".join(element.value for part in parts for element in part)


@pytest.mark.parametrize("name", SCREENS)
@pytest.mark.parametrize("failure", ["refused", "query", "unreachable"])
def test_a_page_says_in_words_what_the_platform_refused(name, failure, monkeypatch):
    def refuse(*_, **__):
        if failure == "query":
            raise QueryFailed("Athena: TABLE_NOT_FOUND")
        if failure == "unreachable":
            raise httpx.ConnectError("connection refused")
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not allowed"}}, "GetQueryResults")

    for asked in ("ask", "ask_together", "days", "platform"):
        monkeypatch.setattr(source, asked, refuse)

    page = screen(name, customer="C1").run()

    assert not page.exception
    (told,) = page.error
    said = {"refused": "GetQueryResults was refused", "query": "TABLE_NOT_FOUND", "unreachable": "cannot be reached"}
    assert said[failure] in told.value


def test_an_empty_log_says_how_payments_come_to_be_decided(answers, monkeypatch):
    monkeypatch.setattr(source, "days", list)

    page = screen("decision").run()

    assert "No payment has been decided yet" in words(page)


def test_a_decision_is_told_with_its_reasons_and_every_feature_in_words(answers):
    answers["transaction_id = 'T1'"] = [DECISION]

    page = screen("decision", transaction="T1").run()

    assert not page.exception
    assert "BLOCK" in words(page)
    assert [metric.value for metric in page.metric] == ["91.0%", "123.45", "12 ms", "api"]
    assert "score\\_at\\_or\\_above\\_block\\_threshold" in words(page)
    assert "- Time since the last payment\\, unknown beyond 30d" in words(page)


def test_what_a_payer_wrote_is_shown_letter_by_letter_and_never_as_a_picture(answers):
    answers["transaction_id = 'T1'"] = [DECISION]

    page = screen("decision", transaction="T1").run()

    assert "![x](" not in words(page)
    assert "\\!\\[x\\]\\(" in words(page)
    assert not page.table, "whose cells are Markdown"


def test_the_vector_has_a_row_for_what_is_not_what_somebody_unknown_would_have(answers):
    answers["transaction_id = 'T1'"] = [DECISION]

    page = screen("decision", transaction="T1").run()
    vector = next(table.value for table in page.dataframe if "meaning" in table.value)
    page.toggle[0].set_value(True).run()
    everything = next(table.value for table in page.dataframe if "meaning" in table.value)

    assert "amount" in set(vector["feature"])
    assert len(everything) == len(FRAUD.columns)
    assert len(vector) < len(everything)


def test_a_decision_of_other_features_than_the_codes_shows_no_vector_and_says_so(answers):
    answers["transaction_id = 'T1'"] = [DECISION | {"feature_version": "another"}]

    page = screen("decision", transaction="T1").run()

    assert "which this version of the code does not have" in words(page)
    assert not any("meaning" in table.value for table in page.dataframe)


class Flat:
    """A model that rests on the amount alone."""

    encoding = SimpleNamespace(names=("amount", "other"))

    def chosen(self, rows, version, meanings):
        return [[row[0], 0.0] for row in rows]

    def contributions(self, rows):
        return np.array([[row[0] / 20000, 0.0] for row in rows])

    def score(self, rows):
        return [min(row[0] / 20000, 1.0) for row in rows]


def test_a_score_is_explained_when_asked_and_other_values_are_tried(answers, monkeypatch):
    answers["transaction_id = 'T1'"] = [DECISION]
    monkeypatch.setattr(source, "fraud_model", lambda name: SimpleNamespace(model=Flat()) if name == "m-1" else None)
    page = screen("decision", transaction="T1").run()

    assert "Most of all" not in words(page)
    next(t for t in page.toggle if t.label.startswith("Explain")).set_value(True).run()
    assert "Most of all: amount +0.62." in words(page)
    page.multiselect[0].set_value([FRAUD.columns[0]]).run()
    page.number_input[0].set_value(2000.0).run()

    assert (page.metric[-1].value, page.metric[-1].delta) == ("10.0%", "-51.7%")


def test_a_model_that_is_gone_is_said_to_be_gone(answers, monkeypatch):
    answers["transaction_id = 'T1'"] = [DECISION]
    monkeypatch.setattr(source, "fraud_model", lambda name: None)
    page = screen("decision", transaction="T1").run()

    next(t for t in page.toggle if t.label.startswith("Explain")).set_value(True).run()

    assert "is not there any more" in words(page)


def test_a_payment_that_the_log_does_not_know_is_no_error(answers):
    page = screen("decision", transaction="T9").run()

    assert "has no decision on this payment" in words(page)


def test_a_customer_is_shown_with_payments_reports_and_loans(answers):
    answers["WITH verdicts"] = [
        {
            "event_time": "2026-01-02 10:00:00",
            "transaction_id": "T1",
            "merchant_id": "M1",
            "amount_cents": "100",
            "device_id": "D1",
            "country": "IE",
            "is_fraud": "1",
            "reported_at": "2026-01-03 10:00:00",
            "payments": "3",
            "frauds": "1",
        }
    ]
    answers["row_number()"] = [{"transaction_id": "T1", "action": "BLOCK", "fraud_score": "0.5"}]

    page = screen("customer", customer="C1").run()

    assert [metric.value for metric in page.metric] == ["3", "1", "0, 1", "50.0%"]
    assert page.dataframe[0].value["latest report"].tolist() == ["fraud"]
    assert page.dataframe[0].value["decision"].tolist() == ["BLOCK"]
    assert "None." in words(page)


def test_a_name_with_a_quote_stays_one_text_of_the_question(answers, monkeypatch):
    asked = []
    monkeypatch.setattr(source, "ask_together", lambda of: asked.extend(sql for _, sql in of) or [[] for _ in of])

    screen("customer", customer="C' OR '1'='1").run()

    assert asked
    assert all("'C'' OR ''1''=''1'" in sql for sql in asked)


def test_a_view_that_cannot_be_read_hides_no_other(answers, monkeypatch):
    day = {"decision_date": "2026-01-02", "action": "BLOCK", "decisions": "3", "share": "1.0"}
    monkeypatch.setattr(source, "ask_together", lambda asked: [[day], "Athena: HIVE_BAD_DATA", [], []])
    monkeypatch.setattr(standing, "alarms", lambda: [("alarms", "60", "none rings", "")])
    monkeypatch.setattr(standing, "rows", lambda of: [])

    page = screen("standing").run()

    assert not page.exception
    assert [told.value for told in page.error] == ["Athena: HIVE_BAD_DATA"]
    assert "2026-01-02: BLOCK 3 (100.0%)." in words(page)


def test_a_platform_without_loans_says_what_to_bring(answers):
    assert "The lake has no loans" in words(screen("credit").run())


def test_the_portfolio_is_told_in_a_sentence_beside_its_plot(answers):
    answers["portfolio_by_vintage"] = [
        {
            "vintage": "2025-01",
            "loans": "10",
            "amount": "1",
            "scored": "4",
            "mean_pd": "0.2",
            "observed": "5",
            "defaults": "1",
            "default_rate": "0.2",
        }
    ]

    page = screen("credit").run()

    assert "10 loans of 1 months, 4 with a prediction; 1 of 5 that have ended defaulted (20.0%)." in words(page)


VINTAGE = {
    "vintage": "2025-01",
    "loans": "10",
    "amount": "1",
    "scored": "4",
    "mean_pd": "0.2",
    "observed": "5",
    "defaults": "1",
    "default_rate": "0.2",
}
LOAN = {"loan_id": "L1", "customer_id": "C1", "default_prob": "0.3", "amount_cents": "1000", "applied_at": "2025-01-02"}
DECIDED = {
    "policy_sha256": "0",
    "decision": "DECLINE",
    "band": "D",
    "points": "540",
    "expected_loss": "123.4",
    "credit_limit": "",
    "sentence_lines": "Income insufficient for amount of credit requested\n<b>Other</b>",
    "rule_lines": "",
    "policy_version": "1",
    "model": "m-1",
    "started_at": "2025-02-01T00:00:00Z",
}


def test_a_declined_applicant_is_shown_with_band_and_reasons_as_text(answers):
    answers["portfolio_by_vintage"] = [VINTAGE]
    answers["a.*"] = [LOAN]
    answers["credit_decisions WHERE"] = [DECIDED]

    page = screen("credit", loan="L1").run()

    assert not page.exception
    assert [metric.value for metric in page.metric] == ["30.0%", "DECLINE", "D, 540", "123.40", "-"]
    assert "- Income insufficient for amount of credit requested" in words(page)
    assert "<b>" not in words(page)


def run_of(model, loans) -> source.Run:
    return source.Run("run-1", OpenedLoans(model), {loan.loan_id: loan for loan in loans})


def test_a_loan_is_explained_when_asked_and_other_values_are_tried(answers, monkeypatch, model):
    loan = replace(BAD, loan_id="L1", cells=("10", "50", "0", "0", "0", "house"))
    moving = credit_policy(moves=[{"column": "income", "highest": 200, "step": 10}])
    answers["portfolio_by_vintage"], answers["a.*"] = [VINTAGE], [LOAN]
    answers["credit_decisions WHERE"] = [DECIDED | {"loan_id": "L1", "run": "run-1", "period": "2025-02"}]
    monkeypatch.setattr(source, "loan_run", lambda month, wanted: run_of(model, [loan]))
    monkeypatch.setattr(source, "credit_policy", lambda sha256: moving)
    page = screen("credit", loan="L1").run()

    assert "Most of all" not in words(page)
    next(t for t in page.toggle if t.label.startswith("Explain")).set_value(True).run()
    assert "Most of all" in words(page)
    assert "What would have to change for a yes" in words(page)
    page.multiselect[0].set_value(["income"]).run()
    page.number_input[0].set_value(200.0).run()

    assert not page.exception
    told = {metric.label: metric.value for metric in page.metric}
    assert told["Decision with these values"] == "APPROVE"
    next(c for c in page.checkbox if c.label == "missing").set_value(True).run()
    assert not page.exception


def test_a_loan_of_another_run_than_the_one_that_is_kept_is_said_to_be_so(answers, monkeypatch, model):
    answers["portfolio_by_vintage"], answers["a.*"] = [VINTAGE], [LOAN]
    answers["credit_decisions WHERE"] = [DECIDED | {"loan_id": "L1", "run": "run-0", "period": "2025-02"}]
    monkeypatch.setattr(source, "loan_run", lambda month, wanted: run_of(model, []))
    monkeypatch.setattr(source, "credit_policy", lambda sha256: credit_policy())
    page = screen("credit", loan="L1").run()
    next(t for t in page.toggle if t.label.startswith("Explain")).set_value(True).run()

    assert "decided by run run" in words(page).replace("\\", "")


def test_a_run_that_was_not_kept_is_said_to_be_gone(answers, monkeypatch):
    def gone(month: str, wanted: str) -> source.Run:
        raise WrongRun(f"no loans of {month} were scored yet")

    answers["portfolio_by_vintage"], answers["a.*"] = [VINTAGE], [LOAN]
    answers["credit_decisions WHERE"] = [DECIDED | {"loan_id": "L1", "run": "run-0", "period": "2025-02-03"}]
    monkeypatch.setattr(source, "loan_run", gone)
    page = screen("credit", loan="L1").run()
    next(t for t in page.toggle if t.label.startswith("Explain")).set_value(True).run()

    assert not page.exception
    assert "It cannot be explained: no loans of 2025-02-03 were scored yet" in words(page)


def test_what_the_policy_decided_is_told_by_band_with_the_expected_loss(answers):
    answers["portfolio_by_vintage"] = [VINTAGE]
    row = {"period": "2025-08", "policy_version": "1", "mean_default_prob": "0.1", "exposure": "100"}
    answers["loans_by_decision"] = [
        row | {"decision": "APPROVE", "band": "A", "loans": "3", "expected_loss": "10"},
        row | {"decision": "REFER", "band": "", "loans": "1", "expected_loss": "", "mean_default_prob": ""},
    ]

    page = screen("credit").run()

    assert "APPROVE 3 (75.0%), REFER 1 (25.0%), DECLINE 0 (0.0%). Expected loss of all: 10." in words(page)


def test_without_a_credit_policy_the_page_says_how_one_is_made_live(answers):
    answers["portfolio_by_vintage"] = [VINTAGE]

    assert "make credit-policy" in words(screen("credit").run())


class Registry:
    """A registry of one version, and what lies beside its evaluation."""

    def __init__(self, dossier: bytes | None) -> None:
        self.dossier = dossier
        self.prefix, self.lake, self.outputs = "risk-test", "lake", {}

    def client(self, name: str) -> object:
        package = {
            "ModelPackageArn": "arn:aws:sagemaker:eu-west-1:111122223333:model-package/risk-test-fraud/1",
            "ModelApprovalStatus": "Approved",
            "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
        }
        return SimpleNamespace(
            get_item=lambda **_: {}, list_model_packages=lambda **_: {"ModelPackageSummaryList": [package]}
        )

    def beside_evaluation(self, package: str, name: str) -> bytes:
        if self.dossier is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "none"}}, "GetObject")
        return self.dossier


def test_a_version_without_a_dossier_says_so(monkeypatch):
    monkeypatch.setattr(source, "platform", lambda: Registry(None))

    assert "This version has no dossier" in words(screen("models").run())


def test_a_dossier_is_shown_with_its_tests_and_what_the_scores_rest_on(monkeypatch):
    test = {
        "name": "AUC",
        "value": 0.9,
        "low": 0.8,
        "high": 0.95,
        "threshold": "above 0.5",
        "verdict": "pass",
        "detail": "",
    }
    dossier = {"verdict": "pass", "tests": [test], "importance": [{"column": "amount", "share": 0.5}], "sha256": "abc"}
    monkeypatch.setattr(source, "platform", lambda: Registry(json.dumps(dossier).encode()))

    page = screen("models").run()

    assert not page.exception
    assert any("test" in table.value and table.value["test"].tolist() == ["AUC"] for table in page.dataframe)
    assert "Most of all: amount 50.0%." in words(page)


def test_the_first_page_is_reached_by_the_whole_application(answers):
    page = AppTest.from_file(str(ROOT / "console" / "main.py"), default_timeout=60).run()

    assert not page.exception
    assert [title.value for title in page.title] == ["One decision"]


def test_every_screen_can_be_chosen():
    chosen = (ROOT / "console" / "main.py").read_text()

    assert {path.stem for path in (ROOT / "console" / "screens").glob("[a-z]*.py")} == set(SCREENS)
    assert all(f"{name}.show" in chosen for name in SCREENS)
