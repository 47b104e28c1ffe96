"""What a message says of a payment, and what sources get wrong in a known way."""

from __future__ import annotations

import hashlib

import pytest

from features.message import fields_of
from features.payment import InvalidPayment


def test_a_message_is_one_json_object_with_or_without_a_mark_and_a_line_end():
    for message in (b'{"a": 1}', b'\xef\xbb\xbf{"a": 1}\n', '{"a": 1}'):
        assert fields_of(message) == {"a": 1}


def aggregate(*payments: bytes) -> bytes:
    """As the Kinesis Producer Library frames them: its magic, protobuf, MD5."""
    body = b"".join(b"\x1a" + bytes([len(p) + 4, 8, 0, 0x1A, len(p)]) + p for p in payments)
    return b"\xf3\x89\x9a\xc2" + body + hashlib.md5(body).digest()


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (aggregate(b'{"a": 1}', b'{"a": 2}'), "switch AggregationEnabled off"),
        (b'{"a": 1}\n{"a": 2}\n', "several JSON objects: send one payment in each record"),
        (b'{"score": NaN}', "found NaN: send null where there is none"),
        (b'{"score": [-Infinity]}', "found -Infinity"),
    ],
)
def test_what_sources_get_wrong_is_named_with_what_to_do(message, said):
    with pytest.raises(InvalidPayment, match=said):
        fields_of(message)


@pytest.mark.parametrize("message", [b"", b"no JSON", b'{"a": 1} x', b"\xff\xfe\x00"])
def test_what_is_no_json_is_no_message(message):
    with pytest.raises(ValueError, match=r".*") as refused:
        fields_of(message)
    assert not isinstance(refused.value, InvalidPayment)
