"""Processing job: the loans that a run has scored, against the rows that the model learnt from.

As training/drift.py does it for payments: PSI of every column and of the score, with a test against chance. A cell that
could not be read is missing to the model, and so it is here.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from features.credit import PAYMENT_BEHAVIOUR
from lending.deciding import Loan, WrongRun, loans_of
from lending.opened import Opened, opened
from training.decide_loans import only, text_in
from training.drift import BEYOND, measured, put, report

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--beyond", type=float, default=BEYOND, help="PSI that the policy does not bear")
    args = parser.parse_args(argv)
    try:
        with opened(only(INPUT / "model")) as model:
            rows, said = (text_in(only(INPUT / name)) for name in ("rows", "predictions"))
            found = drifted(Opened(model), loans_of(rows, len(model.encoding.columns), said), args.beyond)
    except WrongRun as wrong:
        raise SystemExit(f"nothing is compared: {wrong}") from None
    target = OUTPUT / "drift" / "drift.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=1, allow_nan=False))
    put(args.namespace, measured(found, "credit"))
    print(
        f"{found['rows']} loans, PSI of the score {found['score']:.3f}, worst column {found['worst']}, "
        f"drifted: {', '.join(found['drifted']) or 'nothing'}"
    )


def watched(known: dict) -> dict:
    """The baseline without what customers paid with us: loans go back further than payments do, so the windows of those
    that were learnt from had not filled, and that is no drift. Payments are watched themselves."""
    behaviour = frozenset(PAYMENT_BEHAVIOUR.columns)
    return {**known, "columns": {name: c for name, c in known["columns"].items() if name not in behaviour}}


def drifted(model: Opened, loans: Sequence[Loan], beyond: float = BEYOND) -> dict:
    """What training.drift.report says of a run, and the model's name. Raises WrongRun for an archive without a
    baseline, and for a run without a usable score."""
    if model.baseline is None:
        raise WrongRun(f"expected baseline.json in the archive of {model.name}: train and approve a model anew")
    scored = [loan for loan in loans if loan.kept is not None and 0 <= loan.kept <= 1]
    if not scored:
        raise WrongRun(f"expected a probability from 0 to 1, got none of {len(loans)} loans")
    found = report(
        watched(json.loads(model.baseline)),
        model.matrix([loan.cells for loan in scored]),
        np.array([loan.kept for loan in scored], dtype=np.float64),
        len({loan.customer_id for loan in scored}),
        beyond,
    )
    return {"model": model.name, **found}


if __name__ == "__main__":
    main(sys.argv[1:])
