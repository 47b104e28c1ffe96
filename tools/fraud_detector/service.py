"""What boto3's `frauddetector` calls returned, as files of JSON in one folder.

A file is known by what it holds, whatever its name: `get_detector_version`, `get_rules`, `get_variables`,
`get_lists_metadata`, `get_model_version`; others are passed over. The entries of a list, which `get_list_elements`
returns, do not say whose they are: their file is called `<list>.elements.json`. Pages of one call may be files of their
own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.fraud_detector.rules import ALL, FIRST, Rule

ELEMENTS = ".elements.json"


class Unusable(ValueError):
    """A folder that is not what the service returned; the text says which file and what was expected."""


@dataclass
class Detector:
    """A detector's version, and what it names."""

    name: str = ""
    mode: str = FIRST
    rules: list[Rule] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)  # the service's type, by name
    types: dict[str, str] = field(default_factory=dict)  # the data type of a variable, by name
    lists: dict[str, str | None] = field(default_factory=dict)  # the type of its variables, by name
    entries: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)  # 1 is fraud, by label
    models: list[str] = field(default_factory=list)


def read(folder: Path) -> Detector:
    """Raises Unusable."""
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not files:
        raise Unusable(f"{folder}: expected a folder with JSON files of what the service returned, found none")
    found, details = Detector(), {}
    wanted: list[tuple[str, str]] = []
    for path in files:
        document = json_of(path)
        try:
            if path.name.endswith(ELEMENTS):
                found.entries.setdefault(path.name.removesuffix(ELEMENTS), []).extend(map(str, document["elements"]))
            elif "ruleDetails" in document:
                for rule in document["ruleDetails"]:
                    details[rule["ruleId"], str(rule["ruleVersion"])] = rule
            elif "detectorVersionId" in document and "rules" in document:
                if wanted:
                    raise Unusable(f"{path}: expected one version of a detector, found a second one")
                found.name = f"{document['detectorId']}-{document['detectorVersionId']}"
                found.mode = document.get("ruleExecutionMode", FIRST)
                wanted = [(rule["ruleId"], str(rule["ruleVersion"])) for rule in document["rules"]]
                found.models += [model["modelId"] for model in document.get("modelVersions", ())]
                found.models += list(document.get("externalModelEndpoints", ()))
            elif "variables" in document:
                found.variables |= {v["name"]: v.get("variableType", "") for v in document["variables"]}
                found.types |= {v["name"]: v.get("dataType", "") for v in document["variables"]}
            elif "lists" in document:
                found.lists |= {one["name"]: one.get("variableType") for one in document["lists"]}
            elif "trainingDataSchema" in document:
                mapped = document["trainingDataSchema"].get("labelSchema", {}).get("labelMapper", {})
                found.labels |= {label: int(to.upper() == "FRAUD") for to, labels in mapped.items() for label in labels}
        except (KeyError, TypeError, AttributeError) as wrong:
            raise Unusable(f"{path}: expected what the service returns, found none of {wrong}") from None
    if not wanted:
        raise Unusable(f"{folder}: expected what get_detector_version returned, found it in no file")
    if found.mode not in (FIRST, ALL):
        raise Unusable(f"{folder}: expected ruleExecutionMode {FIRST} or {ALL}, found {found.mode!r}")
    lacking = [f"{name} {version}" for name, version in wanted if (name, version) not in details]
    if lacking:
        raise Unusable(f"{folder}: expected get_rules of every rule of the detector, lacking {', '.join(lacking)}")
    try:
        found.rules = [rule_of(details[one]) for one in wanted]
    except KeyError as lacking_part:
        raise Unusable(f"{folder}: expected each rule of get_rules with {lacking_part}, found one without it") from None
    return found


def rule_of(detail: Mapping[str, Any]) -> Rule:
    if detail.get("language", "DETECTORPL") != "DETECTORPL":
        raise Unusable(f"rule {detail['ruleId']}: expected language DETECTORPL, found {detail['language']!r}")
    if not detail["outcomes"]:
        raise Unusable(f"rule {detail['ruleId']}: expected an outcome, found none")
    return Rule(detail["ruleId"], detail["expression"], tuple(detail["outcomes"]))


def json_of(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as wrong:
        raise Unusable(f"{path}: expected JSON: {wrong}") from None
    if not isinstance(document, dict):
        raise Unusable(f"{path}: expected an object, found {type(document).__name__}")
    return document
