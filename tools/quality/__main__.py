"""`make quality FRAUD=dir START=YYYY-MM-DD FOLDS=4`, or `CREDIT=dir PEERS=1`, or `CREDIT=dir REJECTS=parcelling`.

Leaves build/quality/*.json."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from glue.raw import ContractBroken
from tools.quality import credit, fraud, rejects
from tools.quality.besides import episodes
from tools.quality.history import opened
from tools.raw_data.files import Unusable
from tools.telling import Teller
from training.frames import NoRows
from training.fraud_set import NothingToLearn
from training.reject_method import Rejects, WrongRejects

TARGET = Path("build/quality")
WORDS = ("FRAUD", "CREDIT", "START", "FOLDS", "PEERS", "REJECTS")
USAGE = (
    "make quality FRAUD=dir START=YYYY-MM-DD FOLDS=4 [PEERS=1], or "
    "make quality CREDIT=dir [PEERS=1 or REJECTS=parcelling]"
)
MOST_FOLDS = 52
REPORTS = {"fraud": fraud, "credit": credit, "rejects": rejects}


def main(argv: list[str]) -> int:
    given = {word: value for word, value in (text.partition("=")[::2] for text in argv) if value}
    try:
        reports = measure(given, Teller(sys.stderr))
    except (Unusable, ContractBroken, NothingToLearn, NoRows, WrongRejects) as wrong:
        print(f"quality: {wrong}", file=sys.stderr)
        return 2
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, report in reports.items():
        (TARGET / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")
        means = ", ".join(f"{key} {value:.4f}" for key, value in report["mean"].items())
        print(f"{name}: {means} over {len(report['folds'])} folds, in {TARGET / name}.json")
        for line in REPORTS[name].told(report):
            print(line)
    return 0


def measure(given: Mapping[str, str], teller: Teller) -> dict[str, dict]:
    """Reports by name. Raises Unusable for wrong words."""
    unknown = sorted(set(given) - set(WORDS))
    if unknown or not {"FRAUD", "CREDIT"} & set(given):
        raise Unusable(f"expected {USAGE}; got {' '.join(f'{k}={v}' for k, v in given.items()) or 'nothing'}")
    if {"START", "FOLDS"} & set(given) and "FRAUD" not in given:
        raise Unusable("START and FOLDS belong to FRAUD: credit has no folds in time")
    if given.get("PEERS", "1") != "1":
        raise Unusable(f"expected PEERS=1, got PEERS={given['PEERS']}")
    if "REJECTS" in given and ("CREDIT" not in given or "PEERS" in given):
        raise Unusable("REJECTS belongs to CREDIT, and is a measurement of its own: without PEERS")
    how = Rejects.parse(given.get("REJECTS", ""))
    reports = {}
    if "FRAUD" in given:
        start, count = start_of(given), count_of(given)
        with opened(Path(given["FRAUD"]), teller) as history:
            vectors, labels = history.payments()
        payments, truth = fraud.Payments(vectors, labels), episodes(Path(given["FRAUD"]))
        reports["fraud"] = fraud.measure(payments, start, count, teller, "PEERS" in given, truth)
    if "CREDIT" in given:
        with opened(Path(given["CREDIT"]), teller) as history:
            rows, told = history.loans()
        declared = history.declared["loan_applications"]
        if how.method != "none":
            reports["rejects"] = rejects.measure(rows, told, teller, how, declared)
        else:
            reports["credit"] = credit.measure(rows, told, teller, declared, peers="PEERS" in given)
    return reports


def start_of(given: Mapping[str, str]) -> date:
    try:
        return date.fromisoformat(given.get("START", ""))
    except ValueError:
        raise Unusable(
            f"START: expected the first day that teaches, as 2018-05-20, got {given.get('START')!r}"
        ) from None


def count_of(given: Mapping[str, str]) -> int:
    text = given.get("FOLDS", "4")
    if not text.isdecimal() or not 1 <= int(text) <= MOST_FOLDS:
        raise Unusable(f"FOLDS: expected a whole number from 1 to {MOST_FOLDS}, got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
