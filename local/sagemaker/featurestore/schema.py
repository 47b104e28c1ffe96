"""What a feature group accepts: features, types, event times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .. import limits
from ..errors import ApiError

RESERVED = ("is_deleted", "write_time", "api_invocation_time")
_EVENT_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
_INTEGRAL_BOUND = 2**63
_SECONDS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86400, "Weeks": 604800}


def refused(message: str) -> ApiError:
    """Return the runtime's validation error; the control plane's has another code."""
    return ApiError("ValidationError", message)


@dataclass(frozen=True)
class Schema:
    """One feature group as the runtime needs it."""

    name: str
    identifier: str
    event_time: str
    types: dict[str, str]
    collections: frozenset[str]
    online: bool
    offline: bool
    ttl: float | None

    @classmethod
    def of(cls, group: dict[str, Any]) -> Schema:
        definitions = group["FeatureDefinitions"]
        online = group.get("OnlineStoreConfig", {})
        return cls(
            name=group["FeatureGroupName"],
            identifier=group["RecordIdentifierFeatureName"],
            event_time=group["EventTimeFeatureName"],
            types={d["FeatureName"]: d["FeatureType"] for d in definitions},
            collections=frozenset(d["FeatureName"] for d in definitions if "CollectionType" in d),
            online=online.get("EnableOnlineStore", False),
            offline="OfflineStoreConfig" in group,
            ttl=ttl_seconds(online.get("TtlDuration")),
        )

    def check(self, record: list[dict[str, Any]]) -> tuple[dict[str, Any], float]:
        """Return a record's values by feature and its event time in epoch seconds; raises `ValidationError`."""
        values: dict[str, Any] = {}
        size = 0
        for feature in record:
            name = feature["FeatureName"]
            if name not in self.types:
                raise refused(f"Validation Error: FeatureName: [{name}] does not exist in feature group {self.name}.")
            if name in values:
                raise refused(f"Validation Error: FeatureName: [{name}] occurs twice in the record.")
            value = self._value(name, feature)
            values[name] = value
            size += len(name) + (len(value.encode()) if isinstance(value, str) else sum(map(len, value)))
        limits.require_in_runtime(
            size <= limits.RECORD, "the record", f"at most {limits.RECORD} bytes", f"{size} bytes"
        )
        for needed in (self.identifier, self.event_time):
            if not values.get(needed):
                raise refused(f"Validation Error: the record lacks a value for [{needed}].")
        length = len(values[self.identifier].encode())
        most = limits.RECORD_IDENTIFIER
        limits.require_in_runtime(length <= most, "the record identifier", f"at most {most} bytes", f"{length} bytes")
        return values, self.instant(values[self.event_time])

    def instant(self, text: str) -> float:
        """Return an event time as epoch seconds: Fractional, or String `yyyy-MM-dd'T'HH:mm:ssZ` / `.SSSZ`."""
        if self.types[self.event_time] != "String":
            instant = _fractional(self.event_time, text)
            expected = f"epoch seconds from {limits.EARLIEST:.0f} to {limits.LATEST:.0f}"
            limits.require_in_runtime(limits.EARLIEST <= instant <= limits.LATEST, "EventTime", expected, text[:100])
            return instant
        if not _EVENT_TIME.fullmatch(text):
            raise refused(
                f"Validation Error: EventTime: [{text}] must have the format yyyy-MM-dd'T'HH:mm:ssZ or "
                "yyyy-MM-dd'T'HH:mm:ss.SSSZ."
            )
        try:
            return datetime.fromisoformat(text).timestamp()
        except ValueError as error:
            raise refused(f"Validation Error: EventTime: [{text}] is not a date: {error}.") from error

    def names(self, wanted: list[str] | None) -> set[str] | None:
        """Return the features to read; None means all. Raises `ValidationError` for one that does not exist."""
        if not wanted:
            return None
        for name in wanted:
            if name not in self.types:
                raise refused(f"Validation Error: FeatureName: [{name}] does not exist in feature group {self.name}.")
        return set(wanted)

    def _value(self, name: str, feature: dict[str, Any]) -> Any:
        if name in self.collections:
            if "ValueAsStringList" not in feature:
                raise refused(f"Validation Error: [{name}] is a collection and needs ValueAsStringList.")
            return feature["ValueAsStringList"]
        if "ValueAsString" not in feature:
            raise refused(f"Validation Error: [{name}] needs ValueAsString.")
        value = feature["ValueAsString"]
        kind = self.types[name]
        if kind == "Integral":
            try:
                valid = -_INTEGRAL_BOUND <= int(value) < _INTEGRAL_BOUND and "_" not in value
            except ValueError:
                valid = False
            if not valid:
                raise refused(f"Validation Error: [{name}] must be of type Integral, got {value[:100]!r}.")
        elif kind == "Fractional":
            _fractional(name, value)
        return value


def ttl_seconds(duration: dict[str, Any] | None) -> float | None:
    return float(duration["Value"] * _SECONDS[duration["Unit"]]) if duration else None


def iso(instant: float) -> str:
    """Return epoch seconds as the runtime writes ExpiresAt."""
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fractional(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError as error:
        raise refused(f"Validation Error: [{name}] must be of type Fractional, got {value[:100]!r}.") from error
    if "_" in value:  # Python reads it, nobody else does
        raise refused(f"Validation Error: [{name}] must be of type Fractional, got {value[:100]!r}.")
    return number
