"""Labels as a file of the RAW contract, and the one way into the lake: each file once, never written over."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from typing import Any

from features.contract import FRAUD_LABELS
from features.values import iso
from scoring.log import warn
from scoring.refusals import code_of

MOST = 500  # labels of one file


class NotStored(RuntimeError):
    """The lake did not take the labels."""


@dataclass(frozen=True, order=True)
class Label:
    """`reported_at` in milliseconds since 1970."""

    transaction_id: str
    reported_at: int
    is_fraud: int


@dataclass(frozen=True)
class LabelFiles:
    """`s3` is a client."""

    s3: Any
    bucket: str

    def put(self, batch: str, name: str, body: bytes) -> bool:
        """Writes a file to a batch, which the night after that day takes in. False when it is there: RAW is never
        written over. Raises NotStored."""
        try:
            self.s3.put_object(
                Bucket=self.bucket, Key=key_of(batch, name), Body=body, ContentType="text/csv", IfNoneMatch="*"
            )
        except Exception as refused:
            if code_of(refused) == "PreconditionFailed":
                return False
            warn("labels were not stored", refused)
            raise NotStored from refused
        return True

    def has(self, batch: str, name: str) -> bool:
        """Raises NotStored where the lake does not answer."""
        try:
            found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key_of(batch, name), MaxKeys=1)
        except Exception as refused:
            warn("labels were not looked for", refused)
            raise NotStored from refused
        return bool(found.get("Contents"))


def key_of(batch: str, name: str) -> str:
    return f"raw/{FRAUD_LABELS.entity}/batch={batch}/{name}"


def as_csv(labels: list[Label]) -> bytes:
    """A file of the RAW contract."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FRAUD_LABELS.required)
    for label in labels:
        cells = {**asdict(label), "reported_at": iso(label.reported_at)}
        writer.writerow([cells[name] for name in FRAUD_LABELS.required])
    return text.getvalue().encode()
