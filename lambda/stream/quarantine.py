"""What came on the stream and is no payment: set aside with its reason, card numbers masked, for analysts to find."""

from __future__ import annotations

import json
from dataclasses import dataclass

from features.message import fields_of
from features.payment import InvalidPayment
from features.values import day
from stream.masking import masked, masked_line

QUARANTINE = "quarantine/stream/"
IDENTIFIERS = ("transaction_id", "customer_id")


@dataclass(frozen=True)
class Source:
    """Where a record came from."""

    stream: str
    shard: str
    sequence: str


class Quarantine:
    """One JSON line per record. Setting the same record aside again writes the same object."""

    def __init__(self, client, bucket: str) -> None:
        self.client = client
        self.bucket = bucket

    def put(self, stage: str, source: Source, at: int, row: dict, reason: str) -> None:
        """`at` in ms since 1970 dates the batch."""
        line = {
            **row,
            "reasons": [reason],
            "source_file": f"kinesis://{source.stream}/{source.shard}",
            "sequence_number": source.sequence,
        }
        key = f"{QUARANTINE}batch={day(at)}/stage={stage}/{source.shard}-{source.sequence}.json"
        # Half of a surrogate pair, which JSON can spell, would break the line for whoever reads it strictly.
        body = (json.dumps(line, ensure_ascii=False) + "\n").encode(errors="replace")
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body)


def row_of(data: bytes) -> dict:
    """A record that is no payment, as a row: its text, and the identifiers that analysts look for.

    Nothing else of it is a column: a sender who names one of the table's own, in any case or of another type, would
    make the whole table unreadable.
    """
    try:
        row = masked(fields_of(data))
    except (ValueError, RecursionError):  # no JSON, or nested too deep to be looked through value by value
        return {"line": masked_line(data.decode("utf-8", "replace"))}
    named = row if isinstance(row, dict) else {}
    return {
        **{name: named[name] for name in IDENTIFIERS if isinstance(named.get(name), str)},
        "line": json.dumps(row, ensure_ascii=False),
    }


def reason_of(wrong: Exception) -> str:
    """Why a record is no payment: never what it holds."""
    return str(wrong) if isinstance(wrong, InvalidPayment) else "the record is not JSON"
