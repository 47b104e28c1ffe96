"""What becomes of a model that the endpoint was told of: it serves as it was asked for, or what served before does.

While SageMaker lets it serve, it is probed: requests go the payers' way, so that alarms have something to judge where
no payment comes. The probes are vectors that were decided on, with the scores that the shadow run has computed for
them: what the endpoint answers in the new model's name must be the same. An endpoint that answers for single loans has
no canary, for it is serverless: it is asked for all of its probes at once, when it has changed over. The function only
looks and writes down; it is SageMaker that shifts the traffic and shifts it back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scoring import documents
from scoring.breaker import Breaker
from scoring.metrics import emit
from scoring.model import Model
from scoring.refusals import code_of

from features.fraud import FRAUD
from release.promotion import ASKED, BROKEN, SERVED, VARIANT, EndpointBroken, as_before, pending, read_by_machines

PROBES = 40  # at each look while the new model serves
PROBING_S = 10  # an endpoint that hangs must not take the function's own time
TAKES_TRAFFIC = ("ActivatingTraffic", "Baking")  # statuses of a variant that is being deployed
ALIKE = 1e-6  # scores are float32
JSON = "application/json"
MOST_FAILED = 0.1  # of the last look's probes: each is asked once and briefly
NONE_SEEN = {"probes": 0, "answered": 0, "failed": 0, "differing": 0}


class NotAsAsked(RuntimeError):
    """What serves is not what was to be released."""


class AnswersBadly(RuntimeError):
    """What serves does not answer, or not as the shadow run has computed. It is not promoted."""


@dataclass(frozen=True)
class Watch:
    """Clients of SageMaker, its runtime, as a payer asks it and as patient as who asks for a loan, S3 and DynamoDB; the
    bucket `lake`, the table `releases`; names begin with `prefix`."""

    sagemaker: Any
    runtime: Any
    lenders: Any
    s3: Any
    dynamodb: Any
    prefix: str
    lake: str
    releases: str
    asked: tuple[str, ...] = ()  # problems that score in batches, and answer for single ones at an endpoint
    clock: Callable[[], float] = time.monotonic

    def look(
        self, problem: str, model: str, seen: dict, shadow: dict | None = None, compared: dict | None = None
    ) -> dict:
        """`state`: changing, serves or undone, and in `seen` what probes have met until now. `compared` is what the
        shadow run has found, and is kept with the release.

        The document is written as soon as it is known what serves. Raises AnswersBadly, Conflict, EndpointBroken
        and NotAsAsked.
        """
        if problem not in SERVED:
            return self._look_at_batches(problem, model, shadow, compared)
        name = f"{self.prefix}-{problem}"
        endpoint = self.sagemaker.describe_endpoint(EndpointName=name)
        status, policy = endpoint["EndpointStatus"], self._document(problem).body["policy"]
        if status in BROKEN:
            raise EndpointBroken(f"{model} is not released: the endpoint is {status}")
        if status != "InService":
            if pending(endpoint) == model and takes_traffic(endpoint):
                seen = added(seen, self._probed(name, policy["model"], shadow))
            return {"state": "changing", "seen": seen}
        if endpoint["EndpointConfigName"] != model:
            return self._undone(
                problem, model, endpoint.get("FailureReason") or "SageMaker did not say why", seen, compared
            )
        self._require_asked(problem, model)
        met = self._probed(name, policy["model"], shadow)
        require_answers(model, met)
        return self._promoted(problem, model, added(seen, met), compared)

    def _look_at_batches(self, problem: str, model: str, shadow: dict | None, compared: dict | None) -> dict:
        """Of a problem that scores in batches. Where an endpoint answers for single ones, it serves when that one does
        and answers what the shadow run has computed, and is undone with it: batches and single ones are scored by one
        version."""
        if problem in self.asked:
            endpoint = self.sagemaker.describe_endpoint(EndpointName=f"{self.prefix}-{problem}")
            if endpoint["EndpointStatus"] in BROKEN:
                raise EndpointBroken(f"{model} is not released: the endpoint is {endpoint['EndpointStatus']}")
            if endpoint["EndpointStatus"] != "InService":
                return {"state": "changing", "seen": NONE_SEEN}
            if endpoint["EndpointConfigName"] != model:
                why = endpoint.get("FailureReason") or "SageMaker did not say why"
                return self._undone(problem, model, why, NONE_SEEN, compared)
        self._require_asked(problem, model)
        met = self._asked(f"{self.prefix}-{problem}", shadow) if problem in self.asked else NONE_SEEN
        if met["probes"]:
            require_answers(model, met)
        return self._promoted(problem, model, met, compared)

    def _asked(self, endpoint: str, shadow: dict | None) -> dict:
        """What one request with the shadow run's rows met; nothing where there are none."""
        told = self._read(shadow, "probes.json") if shadow else {"rows": []}
        rows = told["rows"]
        if not rows:
            return NONE_SEEN
        met = {**NONE_SEEN, "probes": len(rows)}
        asked = {"feature_version": told["feature_version"], "rows": [row["cells"] for row in rows]}
        try:
            answer = self.lenders.invoke_endpoint(
                EndpointName=endpoint, ContentType=JSON, Accept=JSON, Body=json.dumps(asked)
            )
            found = json.loads(answer["Body"].read())
            pairs = list(zip(found["scores"], rows, strict=True))
        except Exception as failed:
            error = code_of(failed) or repr(failed)[:200]
            print(json.dumps({"level": "WARN", "message": "the probes failed", "error": error}))
            return {**met, "failed": len(rows)}
        if found["model"] != told["model"]:
            return met
        return {**met, "answered": len(rows), "differing": sum(differ(score, row["score"]) for score, row in pairs)}

    def _document(self, problem: str) -> documents.Stored:
        return documents.read(self.dynamodb, self.releases, problem, documents.first_release(problem))

    def _require_asked(self, problem: str, model: str) -> None:
        """Raises NotAsAsked unless the configuration is that of this very archive."""
        asked = self._document(problem).body["model_data"]
        made = [model]
        if problem in SERVED or problem in self.asked:
            serves = model if problem in SERVED else f"{model}{ASKED}"
            variants = self.sagemaker.describe_endpoint_config(EndpointConfigName=model)["ProductionVariants"]
            has = [(v["VariantName"], v["ModelName"]) for v in variants]
            if has != [(VARIANT, serves)]:
                raise NotAsAsked(f"expected {VARIANT} of {serves} to serve, got {has}")
            made = list(dict.fromkeys((model, serves)))
        for name in made:
            data = self.sagemaker.describe_model(ModelName=name)["PrimaryContainer"]["ModelDataUrl"]
            if data != asked:
                raise NotAsAsked(f"expected {name} to be made of {asked}, got {data}")

    def _probed(self, endpoint: str, named: str, shadow: dict | None) -> dict:
        """What some requests met. An answer of the model that served before says nothing of the new one."""
        vectors = self._vectors(shadow)
        met, until = dict(NONE_SEEN), self.clock() + PROBING_S
        for number in range(PROBES):
            if self.clock() > until:
                break
            vector, expected = vectors[number % len(vectors)]
            met["probes"] += 1
            try:
                (answer,) = Model(self.runtime, endpoint, Breaker()).score([vector])
            except Exception as failed:
                met["failed"] += 1
                error = code_of(failed) or repr(failed)[:200]
                print(json.dumps({"level": "WARN", "message": "a probe failed", "error": error}))
                continue
            if answer.model == named:
                met["answered"] += 1
                met["differing"] += differ(answer.score, expected)
        emit(
            {"problem": "fraud"},
            canary_probes=met["probes"],
            canary_failed=met["failed"],
            canary_differing=met["differing"],
        )
        return met

    def _vectors(self, shadow: dict | None) -> list[tuple[list, float | None]]:
        """With the score that is expected. Where nothing was compared, one payment of which nothing is known."""
        if shadow is None:
            return [([None] * len(FRAUD.columns), None)]
        found = self._read(shadow, "probes.json")
        rows = found["rows"] if found["feature_version"] == FRAUD.version else []
        return [(probe["vector"], probe["score"]) for probe in rows] or self._vectors(None)

    def _read(self, shadow: dict, name: str) -> dict:
        """A file that the shadow run has left."""
        key = f"{shadow['folder']}/{name}"
        return json.loads(self.s3.get_object(Bucket=self.lake, Key=key)["Body"].read())

    def _promoted(self, problem: str, model: str, seen: dict, compared: dict | None) -> dict:
        stored = self._document(problem)
        body = stored.body
        if body["model_name"] != model:
            raise NotAsAsked(f"expected the document to release {model}, got {body['model_name']}")
        if not body.get("promoted"):
            known = [name for name in body["served"] if name != model]
            told = {name: value for name, value in body.items() if name != "before"}
            canary = seen if problem in SERVED else None
            found = {"promoted": True, "served": [*known, model], "shadow": compared, "canary": canary}
            if canary is None and seen["probes"]:
                found["probed"] = seen
            self._write(problem, {**told, **found}, stored)
        return {"state": "serves", "seen": seen}

    def _undone(self, problem: str, model: str, why: str, seen: dict, compared: dict | None) -> dict:
        """What was released before is released again, for it serves."""
        stored = self._document(problem)
        if stored.body["model_name"] == model:
            self._write(problem, as_before(stored.body, why, seen, compared), stored)
        return {"state": "undone", "why": why, "seen": seen}

    def _write(self, problem: str, body: dict, after: documents.Stored) -> None:
        documents.write(self.dynamodb, self.releases, problem, body, after, **read_by_machines(body))


def added(seen: dict, met: dict) -> dict:
    return {name: seen.get(name, 0) + count for name, count in met.items()}


def require_answers(model: str, met: dict) -> None:
    """Raises AnswersBadly where a look's probes say nothing good of a model that has all the traffic: the alarms of the
    endpoint are silent where no payment comes."""
    if met["answered"] and met["failed"] <= MOST_FAILED * met["probes"] and not met["differing"]:
        return
    raise AnswersBadly(
        f"{model} has all the traffic and is not promoted: of {met['probes']} probes it answered {met['answered']}, "
        f"{met['failed']} failed (expected at most {MOST_FAILED:.0%}), {met['differing']} had other scores than the "
        "shadow run (expected none); make rollback brings back what served before"
    )


def differ(score: float | None, expected: float | None) -> bool:
    """Whether a score is not the one that was expected, where one was."""
    return expected is not None and (score is None or abs(score - expected) > ALIKE)


def takes_traffic(endpoint: dict) -> bool:
    """Whether the fleet that is being deployed answers a part of the requests by now."""
    variants = (endpoint.get("PendingDeploymentSummary") or {}).get("ProductionVariants", ())
    return any(s["Status"] in TAKES_TRAFFIC for v in variants for s in v.get("VariantStatus", ()))
