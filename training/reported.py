"""What judging jobs read of the model that serves, and the metrics that they tell: one form for loans and payments."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from pathlib import Path


def only(folder: Path) -> Path:
    """Raises SystemExit unless there is one file."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(found) != 1:
        raise SystemExit(f"{folder.name}: expected one object, got {len(found)}")
    return found[0]


def name_of(archive: Path) -> str:
    """The model's name, as its decisions have it."""
    with tarfile.open(archive) as opened:
        return str(json.load(opened.extractfile("manifest.json"))["name"])  # type: ignore[arg-type]


def auc_of(evaluation: Path) -> float | None:
    """That of the rows which tested the model; none where its evaluation says none."""
    told = json.loads(evaluation.read_text()).get("test", {}).get("auc")
    return None if told is None else float(told)


def of_figures(report: Mapping, problem: str) -> list[dict]:
    """How many figures are worse than is borne, and those of the newest vintages together."""
    figures = report["recent"]["figures"]
    names = {"auc": "AUC", "ks": "KS", "slope": "CalibrationSlope", "observed_over_expected": "ObservedOverExpected"}
    return [
        metric("Worse", len(report["broken"]), problem),
        *(metric(name, figures[figure]["value"], problem) for figure, name in names.items() if figure in figures),
    ]


def of_shares(shares: Mapping, problem: str) -> list[dict]:
    """How many shares have moved, and what they are."""
    return [
        metric("SharesMoved", len(shares["moved"]), problem),
        metric("ApprovalRate", shares["APPROVE"]["share"], problem),
        *([metric("OverrideRate", shares["overrides"]["share"], problem)] if shares["overrides"]["n"] else []),
    ]


def metric(name: str, value: float, problem: str) -> dict:
    return {"MetricName": name, "Value": value, "Dimensions": [{"Name": "problem", "Value": problem}]}
