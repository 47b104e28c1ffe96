"""The online records in Feature Store: read for a decision, written by the one writer of each entity.

The client is passed in; its time limits come from `scoring.budget`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from features.declaration import DAY, EntityName
from features.entities import COUNTED, FURTHER, IDENTIFIERS, named_by
from features.fraud import FRAUD
from features.payment import Payment
from features.state import State
from features.values import instant, iso
from features.vector import LAYOUTS, VERSIONS, Knowledge
from scoring.breaker import Breaker

NIGHTLY = FRAUD.nightly
NOBODY = {entity: State(LAYOUTS[entity]) for entity in NIGHTLY}  # nothing is ever folded into them
READ = 100  # identifiers per BatchGetRecord, the API's limit
WRITE = 25  # records per BatchWriteRecord, the API's limit
BEYOND_A_NIGHT = 1_000  # ms; each publication of one night is a millisecond later than the one before
PATIENCE = 4  # tries for what a batch call left undone


# Whose records may be missing: of a batch of the stream, which can wait, and of a payment that somebody waits for.
RULES_ONLY: frozenset[EntityName] = frozenset(COUNTED)
ALL_BUT_THE_CUSTOMER: frozenset[EntityName] = frozenset({*NIGHTLY, *COUNTED})


class StoreUnavailable(RuntimeError):
    """Feature Store did not answer, or left records undone after retries."""


class Records:
    """Online records: customers, merchants, accounts, devices, and what is counted as payments come."""

    def __init__(
        self, client, groups: dict[EntityName, str], patience: int = PATIENCE, breaker: Breaker | None = None
    ) -> None:
        """`groups` by entity; `patience` is how often what a read left undone is asked for."""
        self.client = client
        self.groups = groups
        self.patience = patience
        self.breaker = breaker or Breaker()

    def about(self, payments: Sequence[Payment], spare: frozenset[EntityName] = RULES_ONLY) -> list[Knowledge]:
        """What is known for each payment; those of one customer share its state. Raises StoreUnavailable.

        Of `spare` entities nothing is known where the store could not tell; the knowledge is then not `whole`.
        """
        states = self.read({entity: named(entity, payments) for entity in IDENTIFIERS}, spare)
        return [knowledge(payment, states) for payment in payments]

    def read(
        self, wanted: Mapping[EntityName, Iterable[str]], spare: frozenset[EntityName] = frozenset()
    ) -> dict[EntityName, dict[str, State]]:
        """States by entity and identifier; an entity never seen has an empty state. Raises StoreUnavailable.

        Of `spare` entities those that the store could not tell are left out.
        """
        states = {e: {i: State(LAYOUTS[e]) for i in ids} for e, ids in wanted.items()}
        entity_of = {group: entity for entity, group in self.groups.items()}
        pairs = [(self.groups[e], i) for e, ids in states.items() for i in ids]
        for start in range(0, len(pairs), READ):
            asked = by_group(pairs[start : start + READ])
            for _ in range(self.patience):
                answer = self._ask(asked)
                for found in answer["Records"]:
                    entity = entity_of[found["FeatureGroupName"].rpartition("/")[2]]
                    values = {f["FeatureName"]: f.get("ValueAsString") for f in found["Record"]}
                    identifier = found["RecordIdentifierValueAsString"]
                    try:
                        states[entity][identifier] = stored(values, entity)
                    except (KeyError, TypeError, ValueError) as damaged:
                        if entity not in spare:
                            raise StoreUnavailable(f"a damaged record: {type(damaged).__name__}") from None
                        states[entity].pop(identifier)
                asked = answer.get("UnprocessedIdentifiers") or []
                for refused in answer.get("Errors") or []:
                    of = entity_of.get(refused["FeatureGroupName"].rpartition("/")[2])
                    if of is None or of not in spare:
                        raise StoreUnavailable(refused["ErrorCode"])
                    states[of].pop(refused["RecordIdentifierValueAsString"], None)
                if not asked:
                    break
            for left in asked:
                entity = entity_of[left["FeatureGroupName"].rpartition("/")[2]]
                if entity not in spare:
                    raise StoreUnavailable(f"{len(asked)} groups of identifiers were left unprocessed")
                for identifier in left["RecordIdentifiersValueAsString"]:
                    states[entity].pop(identifier, None)
        return states

    def write(self, entity: EntityName, states: dict[str, State], arrived: int) -> None:
        """Overwrites online records. The offline store is filled from the lake, not from here.

        Feature Store takes only a record that is later than the one it has. A payment that comes late, or in the same
        millisecond as another, moves no clock: so a record is dated by when its last event arrived (`arrived`, ms) and
        at least a millisecond after the one before. A night's publication that began earlier cannot undo it.
        """
        entries = [
            {
                "FeatureGroupName": self.groups[entity],
                "TargetStores": ["OnlineStore"],
                "Record": [
                    {"FeatureName": IDENTIFIERS[entity], "ValueAsString": identifier},
                    {"FeatureName": "event_time", "ValueAsString": iso(recorded(state, arrived))},
                    {"FeatureName": "feature_version", "ValueAsString": VERSIONS[entity]},
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

    def _ask(self, asked: list[dict]) -> dict:
        return self._call(lambda: self.breaker.call(lambda: self.client.batch_get_record(Identifiers=asked)))

    @staticmethod
    def _call(method: Callable, **arguments) -> dict:
        try:
            return method(**arguments)
        except Exception as failed:
            raise StoreUnavailable(type(failed).__name__) from failed


def recorded(state: State, arrived: int) -> int:
    """The event time of the next record of an entity, in ms.

    A payment that is stamped with tomorrow counts at midnight, at which the night's record is dated, and which it does
    not hold: the door's must be later."""
    at_midnight = state.clock > arrived and state.clock % DAY < BEYOND_A_NIGHT
    ahead = state.clock + BEYOND_A_NIGHT if at_midnight else state.clock
    return max(ahead, state.recorded_at + 1, arrived)


def stored(values: Mapping[str, str | None], entity: EntityName) -> State:
    """The state in a record, whatever the features of whoever wrote it: what both know stays.

    Raises KeyError, TypeError, ValueError for a record that no writer of ours has left.
    """
    state = State.load(values["state"], LAYOUTS[entity])  # type: ignore[arg-type]
    state.recorded_at = instant(values["event_time"])  # type: ignore[arg-type]
    return state


def knowledge(payment: Payment, states: Mapping[EntityName, Mapping[str, State]]) -> Knowledge:
    """Of states as they were read: what is known for one payment."""
    known: dict[str, State] = {}
    whole = True
    for entity in NIGHTLY:
        who = named_by(payment, entity)
        state = NOBODY[entity] if who is None else states[entity].get(who)
        whole = whole and state is not None
        known[entity] = state or NOBODY[entity]
    counted = {e: who for e in COUNTED if (who := named_by(payment, e)) is not None}
    is_read = all(who in states[entity] for entity, who in counted.items())
    traffic = {entity: states[entity][who] for entity, who in counted.items()} if is_read else None
    further = {entity: known.pop(entity) for entity in FURTHER if entity in known}
    customer = states["customer"][payment.customer_id]
    return Knowledge(customer, traffic=traffic, whole=whole, further=further, **known)  # type: ignore[arg-type]


def named(entity: EntityName, payments: Iterable[Payment]) -> Iterable[str]:
    """To whom of a kind the payments happen, each once; not every payment names everybody."""
    return dict.fromkeys(who for p in payments if (who := named_by(p, entity)) is not None)


def by_group(pairs: list[tuple[str, str]]) -> list[dict]:
    asked: dict[str, list[str]] = {}
    for group, identifier in pairs:
        asked.setdefault(group, []).append(identifier)
    return [{"FeatureGroupName": g, "RecordIdentifiersValueAsString": ids} for g, ids in asked.items()]
