"""The card of a registered version: what it is for, what was asked of it, and the dossier that it answers to.

Its form is AWS's schema for the card of a model package. The pipeline fills in what only a run knows, so the text is
joined from pieces; the dossier itself lies beside the evaluation, and the card bears its hash.
"""

from __future__ import annotations

import json
from typing import Any

from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.properties import PropertyFile

MEASURED = {"AUC": "auc", "average precision": "ap"}  # of the test rows, as the evaluation names them
PURPOSE = {
    "credit": (
        "The probability that a loan defaults, as the lender's definition says",
        "Batches of applications and single ones, decided by a credit policy; a person looks at what it refers",
    ),
    "fraud": (
        "The probability that a payment is fraud",
        "Payments as they come, approved, reviewed or blocked by thresholds that the training solved and by rules",
    ),
}
LIMITS = "The dossier names the known limits, and each question with what was asked for, its figure and its verdict."


class Hole:
    """A place of the card that a run fills in. A number stands there bare, a text in quotes."""

    def __init__(self, value: Any, text: bool = False) -> None:
        self.value, self.text = value, text


def content(problem: str, step: str, evaluation: PropertyFile, archive: Any, dossier: Any) -> Join:
    """`step` evaluates and leaves `evaluation`; `archive` and `dossier` are their places in S3."""

    def told(path: str) -> JsonGet:
        return JsonGet(step_name=step, property_file=evaluation, json_path=path)

    purpose, uses = PURPOSE[problem]
    measured = [{"name": n, "type": "number", "value": Hole(told(f"test.{at}"))} for n, at in MEASURED.items()]
    return joined(
        {
            "model_overview": {"model_artifact": [Hole(archive, text=True)]},
            "intended_uses": {"purpose_of_model": purpose, "intended_uses": uses},
            "evaluation_details": [
                {
                    "name": "Dossier",
                    "evaluation_observation": Hole(told("dossier.verdict"), text=True),
                    "datasets": ["rows of the newest time, which no learner knew"],
                    "metric_groups": [{"name": "Test rows", "metric_data": measured}],
                }
            ],
            "additional_information": {
                "caveats_and_recommendations": LIMITS,
                "custom_details": {
                    "dossier": Hole(dossier, text=True),
                    "dossier_sha256": Hole(told("dossier.sha256"), text=True),
                },
            },
        }
    )


def joined(card: dict) -> Join:
    """The card as JSON, in pieces around what a run fills in. What is filled in is no text with quotes."""
    holes: list[Hole] = []

    def named(one: object) -> str:
        if not isinstance(one, Hole):
            raise TypeError(f"expected JSON or a Hole, got {one!r}")
        holes.append(one)
        return f"\0{len(holes) - 1}\0"

    pieces = json.dumps(card, default=named).replace("\\u0000", "\0").split("\0")
    values: list[Any] = []
    for place, piece in enumerate(pieces):
        if place % 2:
            values.append(holes[int(piece)].value)
            continue
        before = place > 0 and not holes[int(pieces[place - 1])].text
        after = place + 1 < len(pieces) and not holes[int(pieces[place + 1])].text
        values.append(piece[1 if before else 0 : -1 if after else None])  # a number needs no quotes
    return Join(on="", values=values)
