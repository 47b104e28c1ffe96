"""What the loans' door does with one application: its cells, the model's answer, the policy's decision, and its record.

The decision is `lending.deciding`'s, as in a month's run. What cannot be read of one applicant, a cell or the record of
their payments, sends that one loan to a person; what would be wrong for every loan is refused by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scoring import documents
from scoring.log import warn
from scoring.metrics import emit
from scoring.records import Records, StoreUnavailable

from features.application import Application
from features.credit import PAYMENT_BEHAVIOUR, behaviour, otherwise
from features.values import iso
from lending.deciding import UNREAD, Decided, Loan, WrongRun, decide
from lending.policy import InvalidPolicy, Policy
from loans.answered import Answers, OtherQuestion, Told
from loans.served import Described, NoModel, OtherModel, Served, described

PROBLEM = "credit"
KEPT = 4  # archives and policies that are held: of two models during a release, and two policies
MODEL_WITHIN = 12_000  # ms from the arrival on in which a call of the model may begin: it must end, and be kept
MOVED = "the model's release is under way: ask again"


class NotReady(RuntimeError):
    """Nothing can be decided as things stand, whoever asks; the text says what is to be done."""


class AskAgain(RuntimeError):
    """What the decision needs cannot be read now."""


class OtherColumns(ValueError):
    """The application lacks columns that the model was trained on; the text names them."""


@dataclass(frozen=True)
class LoansDoor:
    """Clients of DynamoDB, S3 and the endpoint, and what was answered; `held` keeps what never changes under its name.
    `now` gives milliseconds since 1970."""

    dynamodb: Any
    s3: Any
    runtime: Any
    records: Records
    endpoint: str
    releases: str
    policies: str
    answers: Answers
    held: dict[str, Any]
    now: Callable[[], int]

    def decide(self, fields: object) -> dict:
        """The decision's document; the one that was told before where the same was asked before. Raises
        InvalidApplication, OtherColumns, OtherQuestion, NotReady and AskAgain: then nobody was told a decision. One may
        stand where the lake did not say whether it wrote it; the same question again tells it."""
        arrived = self.now()
        application = Application.read(fields, arrived)
        if (earlier := self._earlier(application)) is not None:
            return repeated(earlier)
        application.require_recent(arrived)
        policy, released = self._documents()
        try:
            found, loan = self._by(released, application, policy, arrived)
        except OtherModel:
            before = (released.get("before") or {}).get("model_data")  # the endpoint changes over within minutes
            if before is None or not self._in_time(arrived):
                raise AskAgain(MOVED) from None
            try:
                found, loan = self._by({**released, "model_data": before}, application, policy, arrived)
            except OtherModel:
                raise AskAgain(MOVED) from None
        document = {**found.document(), "applied_at": iso(application.at), "door": "api"}
        told = self._kept_for_good(application, document, loan, arrived)
        if not told.new:  # the answer of whoever asked at the same time
            return repeated(told)
        emit(
            {"door": "loans"},
            loans_decided=1,
            loans_referred=int(found.decision == "REFER"),
            loans_declined=int(found.decision == "DECLINE"),
            loans_unread=int(found.decision == "REFER" and UNREAD in found.reasons),
            loan_decision_ms=self.now() - arrived,
            loans_untold=int(not told.row),
        )
        return told.document

    def _in_time(self, arrived: int) -> bool:
        return self.now() - arrived <= MODEL_WITHIN

    def _documents(self) -> tuple[Policy, Mapping[str, Any]]:
        """Raises NotReady and AskAgain."""
        try:
            released = documents.read(self.dynamodb, self.releases, PROBLEM, documents.first_release(PROBLEM)).body
            stored = documents.read(self.dynamodb, self.policies, PROBLEM, {})
        except Exception as failed:
            warn("the documents that decide were not read", failed)
            raise AskAgain("the documents that decide cannot be read now: ask again") from None
        if released["model_data"] is None:
            raise NotReady("no credit model is approved: nothing can be decided")
        if not stored.number:
            raise NotReady("no credit policy is published (make credit-policy): nothing can be decided")
        try:
            return self._kept(
                f"policy {documents.digest(documents.canonical(stored.body))}", lambda: Policy.parse(stored.body)
            ), released
        except InvalidPolicy as wrong:
            raise NotReady(f"the credit policy cannot be used: {wrong}") from None

    def _kept(self, name: str, made: Callable[[], Any]) -> Any:
        if name not in self.held:
            if len(self.held) >= KEPT:
                self.held.clear()
            self.held[name] = made()
        return self.held[name]

    def _by(
        self, released: Mapping[str, Any], application: Application, policy: Policy, arrived: int
    ) -> tuple[Decided, Loan]:
        """Raises OtherModel, OtherColumns, NotReady and AskAgain."""
        uri = released["model_data"]
        try:
            about: Described = self._kept(uri, lambda: described(self.s3, uri))
            if other := otherwise(about.manifest.get("fingerprints", {})):
                raise NotReady(
                    f"the model was trained on {', '.join(other)}, which this code does not compute, or computes "
                    "otherwise: deploy the model's release, or approve a model of this one"
                )
            loan = self._loan(application, about)
            served = Served(self.runtime, self.endpoint, about, lambda: self._in_time(arrived))
            (found,) = decide(served, policy, [loan], alone=True)
        except (NotReady, OtherColumns, OtherModel):
            raise
        except (NoModel, WrongRun, InvalidPolicy) as wrong:
            raise NotReady(str(wrong)) from None
        except Exception as failed:
            warn("the model was not asked", failed)
            raise AskAgain("the model cannot be asked now: ask again") from None
        return found, loan

    def _loan(self, application: Application, about: Described) -> Loan:
        """Raises OtherColumns."""
        names = about.encoding.names
        if gone := [name for name in names if name not in application.columns]:
            raise OtherColumns(
                f"missing {', '.join(gone)}, which the model was trained on: send each column of the model, null where "
                "nothing is known"
            )
        paid, unknown = self._behaviour(application)
        said = application.cells(paid)
        cells = {column.name: said.get(column.name) for column in about.encoding.columns}
        unread = tuple(
            column.name
            for column in about.encoding.columns
            if column.name in unknown or (cells[column.name] is not None and column.unread(cells[column.name]))
        )
        written = tuple(column.written(cells[column.name]) for column in about.encoding.columns)
        return Loan(application.customer_id, application.loan_id, written, unread=unread)

    def _behaviour(self, application: Application) -> tuple[dict[str, float | None], tuple[str, ...]]:
        """What the customer's payments say, and what of it cannot be told now."""
        customer = application.customer_id
        try:
            state = self.records.read({"customer": [customer]})["customer"][customer]
        except StoreUnavailable as away:
            warn("the customer's record was not read", away)
            return dict.fromkeys(PAYMENT_BEHAVIOUR.columns), PAYMENT_BEHAVIOUR.columns
        if application.dated and state.clock > application.at:  # the record has gone on: what was then is not in it
            return dict.fromkeys(PAYMENT_BEHAVIOUR.columns), PAYMENT_BEHAVIOUR.columns
        return behaviour(state, max(application.at, state.clock))

    def _earlier(self, application: Application) -> Told | None:
        """Raises OtherQuestion and AskAgain."""
        try:
            return self.answers.earlier(application)
        except OtherQuestion:
            raise
        except Exception as failed:
            warn("what was answered before was not read", failed)
            raise AskAgain("whether it was decided before cannot be read now: ask again") from None

    def _kept_for_good(self, application: Application, document: dict, loan: Loan, at: int) -> Told:
        """The answer that stands. Raises OtherQuestion, and AskAgain: what nobody finds again is not told."""
        try:
            return self.answers.keep(application, document, loan.cells, at)
        except OtherQuestion:
            raise
        except Exception as failed:
            warn("the decision was not kept", failed)
            raise AskAgain("the decision could not be recorded: ask again") from None


def repeated(told: Told) -> dict:
    """An answer that another asking has given: no decision is counted twice."""
    emit({"door": "loans"}, loans_repeated=1, loans_untold=int(not told.row))
    return told.document
