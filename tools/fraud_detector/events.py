"""Event files of the service as payments and labels of the RAW contract."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from features.contract import TRANSACTIONS
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
OURS = frozenset(column.name for column in TRANSACTIONS.columns)
OF_THE_EVENT = ("transaction_id", "event_time", "customer_id")
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
    """Our column by variable, as rules speak of it. `merchant` is the variable that says who is paid.

    A variable that is called as a column of ours is that column; where it is taken, or is made of the event itself,
    `variable_` stands before its name.
    """
    found = {merchant: "merchant_id"} if merchant else {}
    typed = {name: BY_TYPE[kind] for name, kind in variables.items() if kind in BY_TYPE and name not in found}
    for name, place in typed.items():
        if place not in found.values():
            found[name] = place
    for name in variables:
        if name in OURS and name not in (*OF_THE_EVENT, *found.values()):
            found.setdefault(name, name)
        found.setdefault(name, f"{OWN}variable_{name}" if name in OURS else f"{OWN}{name}")
    return found


def variables_of(files: Sequence[Path]) -> list[str]:
    """Names of the columns that are no metadata. Raises Unusable."""
    return list(dict.fromkeys(name for path in files for name in head_of(path) if name not in METADATA))


def bring(files: Sequence[Path], columns: Mapping[str, str], labels: Mapping[str, int], out: Path) -> Brought:
    """Writes `transactions.csv` and `fraud_labels.csv`; `columns` know every variable of the files. Raises Unusable,
    with file and line."""
    told = Brought()
    heads = {path: head_of(path) for path in files}
    further = variables_of(files)
    target = {name: columns[name].removeprefix(OWN) for name in further}
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
                for line, row in rows_of(path, source):
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


def rows_of(path: Path, source: TextIO) -> Iterator[tuple[int, dict]]:
    """The line on which each event ends, with its cells by name. Raises Unusable."""
    reader = csv.DictReader(source, strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except (csv.Error, UnicodeDecodeError) as wrong:
        raise Unusable(f"{path}: behind line {reader.line_num}: expected CSV as UTF-8: {wrong}") from None


def head_of(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as source:
            head = next(csv.reader(source), [])
    except (csv.Error, UnicodeDecodeError) as wrong:
        raise Unusable(f"{path}: expected CSV as UTF-8: {wrong}") from None
    if twice := sorted({name for name in head if head.count(name) > 1}):
        raise Unusable(f"{path}: expected each column once, found {', '.join(twice)} twice")
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
