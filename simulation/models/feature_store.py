"""Feature Store's online store.

Assumed: a record is taken only when its event time is later than that of the one that is there, and what is not taken
is no error; a read sees every write that was answered before it began. AWS promises neither this nor its opposite of
the standard tier: `stale` lets reads see what was there before the last write."""

from __future__ import annotations

from typing import Any

from simulation.models.service import Service, error
from simulation.scheduler import Scheduler

Record = list[dict[str, str]]
Place = tuple[str, str]  # group and identifier


class FeatureStore(Service):
    """`identifiers` names the feature that identifies a record, by group."""

    def __init__(self, scheduler: Scheduler, name: str, identifiers: dict[str, str], stale: float = 0.0) -> None:
        super().__init__(scheduler, name)
        self.identifiers, self.stale = identifiers, stale
        self.records: dict[Place, Record] = {}
        self.before: dict[Place, Record | None] = {}
        # Told of each record that is taken, or is not: place, the one that is there, the new one.
        self.on_write: Any = None
        self.on_refusal: Any = None

    def told(self, operation: str, request: dict) -> str:
        if operation == "batch_get_record":
            return ", ".join(i for asked in request["Identifiers"] for i in asked["RecordIdentifiersValueAsString"])
        return ", ".join(f"{e['FeatureGroupName']}/{self._place(e)[1]}" for e in request["Entries"])

    def do_batch_get_record(self, Identifiers: list[dict], **_: Any) -> dict:
        found = []
        for asked in Identifiers:
            group = asked["FeatureGroupName"]
            for identifier in asked["RecordIdentifiersValueAsString"]:
                record = self._read((group, identifier))
                if record is not None:
                    found.append(
                        {
                            "FeatureGroupName": f"arn:aws:sagemaker:eu-west-1:000000000000:feature-group/{group}",
                            "RecordIdentifierValueAsString": identifier,
                            "Record": record,
                        }
                    )
        return {"Records": found, "Errors": [], "UnprocessedIdentifiers": []}

    def some_batch_get_record(self, Identifiers: list[dict], **_: Any) -> dict:
        """The first group, and the rest is left unprocessed."""
        answer = self.do_batch_get_record(Identifiers[:1])
        if len(Identifiers) == 1:
            raise error(self.throttled, "BatchGetRecord")
        return {**answer, "UnprocessedIdentifiers": Identifiers[1:]}

    def do_batch_write_record(self, Entries: list[dict], **_: Any) -> dict:
        for entry in Entries:
            if "OnlineStore" in entry.get("TargetStores", ["OnlineStore"]):
                self._write(self._place(entry), entry["Record"])
        return {"Errors": [], "UnprocessedEntries": []}

    def some_batch_write_record(self, Entries: list[dict], **_: Any) -> dict:
        """Half of them, rounded down."""
        half = len(Entries) // 2
        return {**self.do_batch_write_record(Entries[:half]), "UnprocessedEntries": Entries[half:]}

    def _read(self, place: Place) -> Record | None:
        if self.stale and place in self.before and self.scheduler.order.random() < self.stale:
            return self.before[place]
        return self.records.get(place)

    def _write(self, place: Place, record: Record) -> None:
        there = self.records.get(place)
        if there is not None and event_time(record) <= event_time(there):
            if self.on_refusal is not None:
                self.on_refusal(place, there, record)
            return
        if self.on_write is not None:
            self.on_write(place, there, record)
        self.before[place] = there
        self.records[place] = record

    def _place(self, entry: dict) -> Place:
        name = self.identifiers[entry["FeatureGroupName"]]
        return entry["FeatureGroupName"], value_of(entry["Record"], name)


def event_time(record: Record) -> str:
    """Texts of one form: their order is that of time."""
    return value_of(record, "event_time")


def value_of(record: Record, name: str) -> str:
    return next(f["ValueAsString"] for f in record if f["FeatureName"] == name)
