"""What the loans' door has answered: one answer for one loan, for good.

The first answer under a loan's identifier is written where S3 takes it only if nothing lies there: of two that are
given at once one stands, and both askers are told it. The table `loan_answers` gets its row from there, by the day of
that answer. The answer is told whether or not its row is written: it stands by then. A row that could not be written is
tried once more, and then with each repetition of the question; nothing else writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scoring import documents
from scoring.log import warn
from scoring.refusals import code_of

from features.application import Application
from features.columns import number
from features.values import day, iso

CLAIMS = "predictions/loan_claims/"
ANSWERS = "predictions/loan_answers/"
# A function that may not list is told so of an object that is not there. Were it there, the writing would be refused.
ABSENT = ("NoSuchKey", "AccessDenied", "404", "403")
SHOWN = 10  # names of columns that a refusal tells
TRIES = 2  # of a row, for each who asks
EXACT = 15  # digits up to which a number says what its text says
CODE = re.compile(r"[-+]?0[0-9]")


class OtherQuestion(ValueError):
    """Another application under this loan's identifier was decided. The text holds no cell, and of another customer's
    application nothing."""


@dataclass(frozen=True)
class Told:
    """The answer that stands for a loan. `new`: this very asking wrote it; `row`: the table has its row."""

    document: dict
    new: bool
    row: bool


@dataclass(frozen=True)
class Answers:
    """`s3` is a client of S3, `lake` the bucket's name."""

    s3: Any
    lake: str

    def earlier(self, application: Application) -> Told | None:
        """The answer that was given to this very application, if any. Raises OtherQuestion, and what S3 raises."""
        claim = self._read(claimed_at(application.loan_id))
        return None if claim is None else self._told(application, claim, new=False)

    def keep(self, application: Application, document: Mapping[str, Any], cells: tuple[str, ...], at: int) -> Told:
        """The answer that stands: this one, or the one that was given meanwhile. `at` in milliseconds since 1970.

        Raises OtherQuestion, and what S3 raises where no answer is known to stand: then nobody must be told one. It may
        stand all the same, where S3 wrote it and could not say so: whoever asks again is told it.
        """
        claim: dict | None = {
            "customer_id": application.customer_id,
            "loan_id": application.loan_id,
            "day": day(at),
            "asked": asked(application),
            "answer": {**document, "cells": cells},
        }
        key = claimed_at(application.loan_id)
        if not (new := documents.write_once(self.s3, self.lake, key, line(claim))):
            claim = self._read(key)
        if claim is None:
            raise LookupError("the answer that was there is gone: it was forgotten this moment")
        return self._told(application, claim, new)

    def _read(self, key: str) -> dict | None:
        try:
            return json.loads(self.s3.get_object(Bucket=self.lake, Key=key)["Body"].read())
        except Exception as failed:
            if code_of(failed) not in ABSENT:
                raise
            return None

    def _told(self, application: Application, claim: Mapping[str, Any], new: bool) -> Told:
        """Raises OtherQuestion."""
        require_same(application, claim)
        answer = dict(claim["answer"])
        row = self._row(f"{ANSWERS}day={claim['day']}/{claimed_at(application.loan_id).removeprefix(CLAIMS)}", answer)
        del answer["cells"]
        return Told(answer, new, row)

    def _row(self, key: str, answer: Mapping[str, Any]) -> bool:
        """Whether the table has the row."""
        for _ in range(TRIES):
            try:
                documents.write_once(self.s3, self.lake, key, line(answer))
            except Exception as failed:
                warn("the row of an answer was not written", failed)
            else:
                return True
        return False


def require_same(application: Application, claim: Mapping[str, Any]) -> None:
    """Raises OtherQuestion. Without `applied_at` the clock of the first answer counts."""
    if claim["customer_id"] != application.customer_id:
        raise OtherQuestion("loan_id: another application bears it")
    now, before = asked(application), claim["asked"]
    other = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
    if application.dated and iso(application.at) != claim["answer"]["applied_at"]:
        other.append("applied_at")
    if other:
        more = f" and {len(other) - SHOWN} more" if len(other) > SHOWN else ""
        raise OtherQuestion(
            f"loan_id {application.loan_id}: it was decided with other content, which differs in "
            f"{', '.join(other[:SHOWN])}{more}; another application needs another loan_id"
        )


def asked(application: Application) -> dict[str, str]:
    """By column what it said, as it was understood: enough to tell another question, and no cell that nobody scores."""
    said = {
        "amount": application.amount,
        "term_months": application.term_months,
        **{name: understood(cell) for name, cell in application.further.items()},
    }
    return {name: documents.digest(line([application.loan_id, name, cell]))[:16] for name, cell in said.items()}


def understood(cell: str) -> str:
    """The one spelling of a number, and any other text as it is.

    What no number can hold stays a text: `01` and `1` are two codes, and of more digits than a float has two texts may
    be one number.
    """
    found = number(cell)
    if found is None or CODE.match(cell) or sum(map(str.isdigit, cell.lower().partition("e")[0])) > EXACT:
        return cell
    return repr(found + 0.0)  # of -0.0, too


def claimed_at(loan_id: str) -> str:
    return f"{CLAIMS}{documents.digest(loan_id.encode())}.jsonl"


def line(content: object) -> bytes:
    return json.dumps(content, allow_nan=False).encode() + b"\n"
