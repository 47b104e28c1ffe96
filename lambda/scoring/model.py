"""The fraud endpoint: scores, and what raised them.

The client is passed in; its time limits come from `scoring.budget`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from features.fraud import FRAUD
from features.vector import Vector
from scoring.breaker import Breaker
from scoring.decision import Answer


@dataclass(frozen=True)
class Explained:
    """What raised the score of each vector most, in words, the strongest first, and the model whose score that is."""

    model: str
    reasons: list[list[str]]


class Model:
    """The fraud endpoint."""

    def __init__(
        self, client, endpoint: str, breaker: Breaker | None = None, explaining: Breaker | None = None
    ) -> None:
        """Reasons take longer than scores: that they fail speaks for nothing but themselves."""
        self.client = client
        self.endpoint = endpoint
        self.breaker = breaker or Breaker()
        self.explaining = explaining or Breaker()

    def score(self, vectors: list[Vector]) -> list[Answer]:
        """One answer per vector, in order. Any failure of the endpoint passes through to the caller."""
        return self.breaker.call(lambda: self._score(vectors))

    def explain(self, vectors: list[Vector]) -> Explained:
        """What raised the score of each vector most; at most 100 vectors. Takes milliseconds a vector. Any failure of
        the endpoint passes through."""
        return self.explaining.call(lambda: self._explain(vectors))

    def _explain(self, vectors: list[Vector]) -> Explained:
        document = self._ask(vectors, explain=True)
        reasons = [[reason["meaning"] for reason in of_row] for of_row in document["reasons"]]
        if len(reasons) != len(vectors):
            raise ValueError(f"asked about {len(vectors)} scores, the endpoint explained {len(reasons)}")
        return Explained(document["model"], reasons)

    def _ask(self, vectors: list[Vector], **further: bool) -> dict:
        body = json.dumps({"feature_version": FRAUD.version, "features": FRAUD.meanings, "rows": vectors, **further})
        answer = self.client.invoke_endpoint(
            EndpointName=self.endpoint, ContentType="application/json", Accept="application/json", Body=body
        )
        return json.loads(answer["Body"].read())

    def _score(self, vectors: list[Vector]) -> list[Answer]:
        document = self._ask(vectors)
        scores = document["scores"]
        if len(scores) != len(vectors):
            raise ValueError(f"asked for {len(vectors)} scores, the endpoint gave {len(scores)}")
        if not all(
            isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1 for score in scores
        ):
            raise ValueError("the endpoint gave a score that is no probability")
        return [Answer(float(score), document["model"]) for score in scores]
