"""Event files of the service as payments and labels of the RAW contract."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.fraud_detector.service import Unusable

ID, AT, WHO, LABEL, LABELLED = "EVENT_ID", "EVENT_TIMESTAMP", "ENTITY_ID", "EVENT_LABEL", "LABEL_TIMESTAMP"
KINDS = "ENTITY_TYPE"
METADATA = (ID, AT, WHO, KINDS, LABEL, LABELLED)
# The column that a variable becomes, by the service's type; of two of one type the first in the file.
BY_TYPE = {
    "PRICE": "amount",
    "IP_ADDRESS": "ip",
    "CURRENCY_CODE": "currency",
    "FINGERPRINT": "device_id",
    "BILLING_COUNTRY": "country",
}
OWN = "attributes."  # before the name of a further column, where rules speak of it
FRAUD, HONEST = ("fraud", "1", "true"), ("legit", "legitimate", "genuine", "honest", "0", "false")


@dataclass
class Brought:
    """Events by file, labels, and labels that are neither."""

    events: int = 0
    labels: int = 0
    unlabelled: int = 0
    named: dict[str, int] = field(default_factory=dict)  # events whose identifier was made, by file


def columns_of(variables: Mapping[str, str], merchant: str) -> dict[str, str]:
    """Our column by variable, as rules speak of it. `merchant` is the variable that says who is paid."""
    found = {merchant: "merchant_id"} if merchant else {}
    for name, kind in variables.items():
        place = BY_TYPE.get(kind, "")
        if name not in found:
            found[name] = place if place and place not in found.values() else f"{OWN}{name}"
    return found


def bring(files: list[Path], columns: Mapping[str, str], labels: Mapping[str, int], out: Path) -> Brought:
    """Writes `transactions.csv` and `fraud_labels.csv`. Raises Unusable, with file and line."""
    told = Brought()
    heads = {path: head_of(path) for path in files}
    further = list(dict.fromkeys(name for head in heads.values() for name in head if name not in METADATA))
    target = {name: columns.get(name, name).removeprefix(OWN) for name in further}
    if "merchant_id" not in target.values():
        raise Unusable(
            f"{files[0]}: no variable says who is paid; expected MERCHANT=<variable>, one of {', '.join(further)}"
        )
    if "amount" not in target.values():
        raise Unusable(f"{files[0]}: expected a variable of type PRICE, found none: a payment has an amount")
    names = ["transaction_id", "event_time", "customer_id", *target.values()]
    with (
        (out / "transactions.csv").open("w", newline="") as paid,
        (out / "fraud_labels.csv").open("w", newline="") as said,
    ):
        payments, verdicts = csv.writer(paid), csv.writer(said)
        payments.writerow(names)
        verdicts.writerow(["transaction_id", "is_fraud", "reported_at"])
        for path in files:
            with path.open(newline="", encoding="utf-8-sig") as source:
                for line, row in enumerate(csv.DictReader(source, strict=True), 2):
                    if None in row or None in row.values():
                        raise Unusable(f"{path}: line {line}: expected {len(heads[path])} cells, found another number")
                    key = row.get(ID) or f"{path.stem}-{line}"
                    if not row.get(ID):
                        told.named[path.name] = told.named.get(path.name, 0) + 1
                    payments.writerow([key, row[AT], row[WHO], *(row.get(name, "") for name in further)])
                    told.events += 1
                    label = row.get(LABEL, "")
                    if not label:
                        told.unlabelled += 1
                        continue
                    verdicts.writerow([key, verdict(label, labels, path, line), row.get(LABELLED) or row[AT]])
                    told.labels += 1
    return told


def head_of(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as source:
        head = next(csv.reader(source), [])
    lacking = [name for name in (AT, WHO) if name not in head]
    if lacking:
        raise Unusable(f"{path}: expected {', '.join(lacking)} among the columns, found {', '.join(head) or 'no line'}")
    return head


def verdict(label: str, labels: Mapping[str, int], path: Path, line: int) -> int:
    if label in labels:
        return labels[label]
    if label.lower() in (*FRAUD, *HONEST):
        return int(label.lower() in FRAUD)
    known = ", ".join(sorted(labels)) or f"{', '.join(FRAUD)}, {', '.join(HONEST)}"
    raise Unusable(f"{path}: line {line}: expected a label of {known}; bring get_model_version, which maps labels")
