"""The scorer's calls to AWS. Clients are passed in; time limits and retries come from one budget."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from botocore.config import Config

from features.declaration import Entity
from features.fraud import FRAUD
from features.payment import Payment
from features.state import State
from features.values import iso
from features.vector import LAYOUTS, Knowledge, Vector
from scoring.decision import Answer
from scoring.policy import Policy

READ = 100  # identifiers per BatchGetRecord, the API's limit
WRITE = 25  # records per BatchWriteRecord, the API's limit
PATIENCE = 4  # tries for what a batch call left undone
RELEASE_SECONDS = 30  # how old the known release may be


class StoreUnavailable(RuntimeError):
    """Feature Store did not answer, or left records undone after retries."""


def client_config(read_seconds: float, retries: int) -> Config:
    """Time limits of one kind of call. boto3's defaults (60 s, 5 tries) would outlive any payment."""
    return Config(
        connect_timeout=0.5,
        read_timeout=read_seconds,
        retries={"total_max_attempts": retries + 1, "mode": "standard"},
        max_pool_connections=10,
        tcp_keepalive=True,
    )


class Records:
    """Online records of customers, merchants and borrowers."""

    def __init__(self, client, groups: dict[Entity, str]) -> None:
        """`groups` by entity."""
        self.client = client
        self.groups = groups

    def about(self, payments: Sequence[Payment]) -> list[Knowledge]:
        """What is known for each payment; those of one customer share its state. Raises StoreUnavailable."""
        customers = dict.fromkeys(p.customer_id for p in payments)
        merchants = dict.fromkeys(p.merchant_id for p in payments)
        states = self.read({"customer": customers, "merchant": merchants, "borrower": customers})
        return [
            Knowledge(
                states["customer"][p.customer_id], states["merchant"][p.merchant_id], states["borrower"][p.customer_id]
            )
            for p in payments
        ]

    def read(self, wanted: Mapping[Entity, Iterable[str]]) -> dict[Entity, dict[str, State]]:
        """States by entity and identifier; an entity never seen has an empty state. Raises StoreUnavailable."""
        states = {e: {i: State(LAYOUTS[e]) for i in ids} for e, ids in wanted.items()}
        entity_of = {group: entity for entity, group in self.groups.items()}
        pairs = [(self.groups[e], i) for e, ids in states.items() for i in ids]
        for start in range(0, len(pairs), READ):
            asked = by_group(pairs[start : start + READ])
            for _ in range(PATIENCE):
                answer = self._call(self.client.batch_get_record, Identifiers=asked)
                for found in answer["Records"]:
                    entity = entity_of[found["FeatureGroupName"].rpartition("/")[2]]
                    values = {f["FeatureName"]: f.get("ValueAsString") for f in found["Record"]}
                    # A record of another feature version has other tiles: the entity starts afresh.
                    if values.get("feature_version") == FRAUD.version:
                        identifier = found["RecordIdentifierValueAsString"]
                        states[entity][identifier] = State.load(values["state"], LAYOUTS[entity])
                asked = answer.get("UnprocessedIdentifiers") or []
                if answer.get("Errors"):
                    raise StoreUnavailable(answer["Errors"][0]["ErrorCode"])
                if not asked:
                    break
            else:
                raise StoreUnavailable(f"{len(asked)} groups of identifiers were left unprocessed")
        return states

    def write(self, entity: Entity, states: dict[str, State]) -> None:
        """Overwrites online records. The offline store is filled from the lake, not from here."""
        entries = [
            {
                "FeatureGroupName": self.groups[entity],
                "TargetStores": ["OnlineStore"],
                "Record": [
                    {"FeatureName": f"{entity}_id", "ValueAsString": identifier},
                    {"FeatureName": "event_time", "ValueAsString": iso(state.clock)},
                    {"FeatureName": "feature_version", "ValueAsString": FRAUD.version},
                    {"FeatureName": "state", "ValueAsString": state.dump()},
                ],
            }
            for identifier, state in states.items()
        ]
        for start in range(0, len(entries), WRITE):
            left = entries[start : start + WRITE]
            for attempt in range(PATIENCE):
                answer = self._call(self.client.batch_write_record, Entries=left)
                left = [e["Entry"] for e in answer.get("Errors") or []] + (answer.get("UnprocessedEntries") or [])
                if not left:
                    break
                time.sleep(0.05 * 2**attempt)
            else:
                raise StoreUnavailable(f"{len(left)} records were left unwritten")

    @staticmethod
    def _call(method: Callable, **arguments) -> dict:
        try:
            return method(**arguments)
        except Exception as failed:
            raise StoreUnavailable(type(failed).__name__) from failed


def by_group(pairs: list[tuple[str, str]]) -> list[dict]:
    asked: dict[str, list[str]] = {}
    for group, identifier in pairs:
        asked.setdefault(group, []).append(identifier)
    return [{"FeatureGroupName": g, "RecordIdentifiersValueAsString": ids} for g, ids in asked.items()]


class Model:
    """The fraud endpoint."""

    def __init__(self, client, endpoint: str) -> None:
        self.client = client
        self.endpoint = endpoint

    def score(self, vectors: list[Vector]) -> list[Answer]:
        """One answer per vector, in order. Any failure of the endpoint passes through to the caller."""
        body = json.dumps({"feature_version": FRAUD.version, "rows": vectors})
        answer = self.client.invoke_endpoint(
            EndpointName=self.endpoint, ContentType="application/json", Accept="application/json", Body=body
        )
        document = json.loads(answer["Body"].read())
        scores = document["scores"]
        if len(scores) != len(vectors):
            raise ValueError(f"asked for {len(vectors)} scores, the endpoint gave {len(scores)}")
        return [Answer(float(score), document["model"]) for score in scores]


class Release:
    """The current release's policy, read from SSM and kept for half a minute."""

    def __init__(self, client, parameter: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.client = client
        self.parameter = parameter
        self.clock = clock
        self.read_at = float("-inf")
        self.known: Policy | None = None

    def policy(self) -> Policy:
        """Keeps the last known policy when SSM does not answer or holds no usable one: an old policy beats none."""
        if self.known is None or self.clock() - self.read_at > RELEASE_SECONDS:
            try:
                value = self.client.get_parameter(Name=self.parameter)["Parameter"]["Value"]
                self.known = Policy.parse(json.loads(value)["policy"], FRAUD.columns)
            except Exception as failed:
                if self.known is None:
                    raise
                print(json.dumps({"level": "ERROR", "message": "the policy is the last known", "error": repr(failed)}))
            self.read_at = self.clock()
        return self.known
