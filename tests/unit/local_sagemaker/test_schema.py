"""What a feature group accepts as a record."""

import pytest

from local.sagemaker.errors import ApiError
from local.sagemaker.featurestore.schema import Schema, iso


def schema(event_type="String"):
    types = {"id": "String", "at": event_type, "n": "Integral", "x": "Fractional", "s": "String"}
    return Schema("g", "id", "at", types, frozenset(), online=True, offline=True, ttl=None)


def record(**values):
    return [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]


@pytest.mark.parametrize(
    ("text", "instant"),
    [("2026-01-02T03:04:05Z", 1767323045.0), ("2026-01-02T03:04:05.250Z", 1767323045.25)],
)
def test_event_times_have_seconds_or_milliseconds(text, instant):
    assert schema().instant(text) == instant


@pytest.mark.parametrize(
    "text", ["2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05+00:00", "2026-01-02", "2026-13-02T03:04:05Z", ""]
)
def test_other_event_times_are_refused(text):
    with pytest.raises(ApiError, match="EventTime"):
        schema().instant(text)


def test_a_fractional_event_time_is_unix_seconds():
    assert schema("Fractional").instant("1767323045.25") == 1767323045.25


@pytest.mark.parametrize("text", ["1e20", "nan", "inf", "-inf", "-1", "253402300800", "1_0"])
def test_an_event_time_that_no_clock_shows_is_refused_with_the_range(text):
    with pytest.raises(ApiError, match=r"EventTime: expected epoch seconds from 0 to 253402300799|Fractional"):
        schema("Fractional").instant(text)


@pytest.mark.parametrize("value", ["1.0", "x", "", "1_0", str(2**63)])
def test_an_integral_feature_takes_64_bit_integers_only(value):
    with pytest.raises(ApiError, match="Integral"):
        schema().check(record(id="a", at="2026-01-02T03:04:05Z", n=value))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"at": "2026-01-02T03:04:05Z"}, r"lacks a value for \[id\]"),
        ({"id": "a"}, r"lacks a value for \[at\]"),
        ({"id": "a", "at": "2026-01-02T03:04:05Z", "y": "1"}, "does not exist"),
        ({"id": "a", "at": "2026-01-02T03:04:05Z", "x": "much"}, "Fractional"),
    ],
)
def test_a_record_that_breaks_the_contract_is_refused(values, message):
    with pytest.raises(ApiError, match=message):
        schema().check(record(**values))


def test_expiry_is_written_in_utc_milliseconds():
    assert iso(1767323045.25) == "2026-01-02T03:04:05.250Z"
