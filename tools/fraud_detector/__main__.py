"""`make import-fraud-detector`: a detector of Amazon Fraud Detector and its events as a RAW folder, a policy and lists.

docs/fraud-detector.md says what becomes of what.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from scoring.cells import LISTED_FIELDS, PERSONAL, InvalidPolicy
from scoring.rules import Known as Policy
from scoring.rules import LookedUp, rule_of

from tools.fraud_detector.conversion import AMOUNT, Known
from tools.fraud_detector.events import OWN, bring, columns_of, variables_of
from tools.fraud_detector.rules import SEVERITY, action_of, converted
from tools.fraud_detector.service import Detector, Unusable, read

USAGE = "make import-fraud-detector SOURCE=<folder> OUT=<folder> [MERCHANT=<variable>] [OUTCOMES=<file.json>]"


def main(source: str = "", out: str = "", merchant: str = "", outcomes: str = "") -> None:
    if not (source and out):
        raise SystemExit(f"import-fraud-detector: expected {USAGE}")
    try:
        print("\n".join(imported(Path(source), Path(out), merchant, outcomes)))
    except (Unusable, InvalidPolicy, OSError) as wrong:
        raise SystemExit(f"import-fraud-detector: {wrong}") from None


def imported(source: Path, out: Path, merchant: str, outcomes: str) -> list[str]:
    """What was made of it, line by line. Raises Unusable, InvalidPolicy and OSError; then there is nothing in `out`."""
    if out.exists() and any(out.iterdir()):
        raise Unusable(f"{out}: expected a new or an empty folder, as nothing is written over")
    detector, files = read(source), sorted(source.glob("*.csv"))
    columns = columns_of({**dict.fromkeys(variables_of(files), ""), **detector.variables}, merchant)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        made = Path(scratch) / out.name
        made.mkdir()
        told = written(detector, columns, actions_of(detector, outcomes), made, out)
        if files:
            (made / "raw").mkdir()
            brought = bring(files, columns, detector.labels, made / "raw")
            told.append(
                f"raw/: {brought.events} payments, {brought.labels} labels, {brought.unlabelled} events without one"
            )
            told += [
                f"  {n} events of {name} have no EVENT_ID: theirs is file and line" for name, n in brought.named.items()
            ]
            told.append(f"next: make check-data DATA={out}/raw")
        (made / "report.txt").write_text("\n".join(told) + "\n")
        if out.exists():
            out.rmdir()
        made.rename(out)
    return told


def written(
    detector: Detector, columns: Mapping[str, str], actions: Mapping[str, str], made: Path, out: Path
) -> list[str]:
    """The policy and the lists, in `made`; what became of them is told as of `out`."""
    lists = lists_of(detector, columns)
    looked_up = {name: LookedUp(field, "watch") for name, field in lists.items()}
    known = Known(columns, PERSONAL, lists, detector.types)
    found = converted(
        detector.rules, detector.mode, actions, known, lambda rule: rule_of(rule, Policy({AMOUNT}, {}, looked_up))
    )
    policy = {"version": detector.name, "review_at": 0.2, "block_at": 0.8, "explore_share": 0.0, "rules": found.rules}
    (made / "policy.json").write_text(json.dumps(policy, indent=2) + "\n")
    count = f"{len(found.rules)} rules of {len(detector.rules)}"
    told = [f"detector {detector.name}, {detector.mode}: {count} in policy.json"]
    told += [f"outcome {outcome}: {action}" for outcome, action in actions.items()]
    for name, field in lists.items():
        if entries := detector.entries.get(name):
            (made / "lists").mkdir(exist_ok=True)
            (made / "lists" / f"{name}.txt").write_text("\n".join(entries) + "\n")
            command = f"make list LIST={name} KIND=watch FIELD={field} FILE={out}/lists/{name}.txt WHY=... ENV=..."
            told.append(f"list {name} of {field}, {len(entries)} entries: {command}")
        else:
            told.append(f"list {name} of {field}: no {name}.elements.json, so no entries")
    if "currency" in columns.values():
        by_amount = [rule["name"] for rule in found.rules if f'"{AMOUNT}"' in json.dumps(rule["when"])]
        told += [f"CHECK rule {name}: amounts are compared in the home currency, not the event's" for name in by_amount]
    told += [f"NOT CONVERTED rule {name}: {why}" for name, why in found.missing.items()]
    told += [f"NOT CONVERTED list {name}: no rule looks at it" for name in sorted(detector.lists.keys() - lists.keys())]
    told += [f"NOT CONVERTED model {name}: train one of ours on raw/ (make train)" for name in detector.models]
    told.append("thresholds in policy.json only hold their place: the serving model's count, which training solves")
    return told


def actions_of(detector: Detector, file: str) -> Mapping[str, str]:
    """What each outcome does. Raises Unusable for one of which nobody says it."""
    try:
        said = json.loads(Path(file).read_text()) if file else {}
    except ValueError as wrong:
        raise Unusable(f"{file}: expected JSON: {wrong}") from None
    if not isinstance(said, dict) or not set(said.values()) <= set(SEVERITY):
        raise Unusable(f"{file}: expected an object with APPROVE, REVIEW or BLOCK by outcome")
    used = list(dict.fromkeys(outcome for rule in detector.rules for outcome in rule.outcomes))
    found = {outcome: said.get(outcome) or action_of(outcome) for outcome in used}
    unknown = [outcome for outcome, action in found.items() if action is None]
    if unknown:
        raise Unusable(
            f"outcome {', '.join(unknown)}: its name does not tell whether it approves, reviews or blocks; expected "
            'OUTCOMES=<file.json> with {"<outcome>": "REVIEW"}'
        )
    return {outcome: str(action) for outcome, action in found.items()}


def lists_of(detector: Detector, columns: Mapping[str, str]) -> dict[str, str]:
    """The column whose entries a list holds: that of the variable of its type. One that rules cannot look at is left
    out."""
    found = {}
    for name, kind in detector.lists.items():
        of = [columns[variable] for variable, other in detector.variables.items() if other == kind]
        of = [place for place in of if place in LISTED_FIELDS or place.startswith(OWN)]
        if of:
            found[name] = of[0]
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
