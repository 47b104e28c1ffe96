"""`make decide-loans`, `make loan-letter`, `make backtest-loans`: a policy over the probabilities of a kept run."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from scoring import documents

from tools import athena
from tools.lending.deciding import Decided, WrongRun, decide
from tools.lending.kept import DECISIONS, POLICY, Kept, fetch
from tools.lending.letter import USUAL, NoLetter, letter
from tools.lending.policy import InvalidPolicy, Policy
from tools.lending.whatif import outcomes_of, shown, what_if
from tools.terraform.stacks import deployed

BUILD = Path("build/loans")
OUTCOMES = "SELECT loan_id, max_by(defaulted, observed_at) AS defaulted FROM loan_outcomes GROUP BY loan_id"
EXPECTED = {
    "decide": "POLICY=<file.json> and MONTH=<YYYY-MM> ENV=<environment>, or KEPT=<folder of a kept run>",
    "letter": "KEPT=<folder of a kept run> LOAN=<loan_id>",
    "backtest": "KEPT=<folder of a kept run>, and OUTCOMES=<file.csv> or ENV=<environment>",
}


def main(command: str, environment: str, run: str, file: str, *further: str) -> None:
    try:
        if command == "decide":
            decided_run(environment, run, file, *further)
        elif command == "letter":
            written(Kept(Path(required(command, run))), *further)
        else:
            backtested(environment, Kept(Path(required(command, run))), file, *further)
    except (WrongRun, InvalidPolicy, NoLetter, athena.QueryFailed) as wrong:
        raise SystemExit(f"{command}: {wrong}") from None
    except OSError as missing:
        raise SystemExit(f"{command}: cannot read {missing.filename}: {missing.strerror}") from None
    except ClientError as refused:
        said = refused.response["Error"]
        raise SystemExit(f"{command}: {refused.operation_name}: {said['Code']}: {said['Message']}") from None


def required(command: str, told: str) -> str:
    if not told:
        raise SystemExit(f"{command}: expected {EXPECTED[command]}")
    return told


def decided_run(environment: str, run: str, file: str, month: str) -> None:
    """Writes the decisions, and keeps the policy with them."""
    policy = read_policy(Path(required("decide", file)))
    if run:
        kept = Kept(Path(run))
    else:
        if not re.fullmatch(r"\d{4}-\d{2}", month):
            raise SystemExit(f"decide: expected {EXPECTED['decide']}")
        outputs = deployed("decide-loans", environment)
        clients = {name: boto3.client(name) for name in ("glue", "s3", "sagemaker")}  # type: ignore[call-overload]
        fetching = BUILD / f"{month}.part"
        found = fetch(clients, outputs["prefix"], outputs["lake_bucket"], month, fetching)
        kept = Kept(BUILD / f"{month}-{found}-{policy.sha256[: documents.SHOWN]}")
        shutil.rmtree(kept.folder, ignore_errors=True)
        fetching.rename(kept.folder)
        documents.keep(clients["s3"], outputs["lake_bucket"], "credit", "rules", policy.canonical)
    there = kept.folder / POLICY
    if there.is_file() and there.read_bytes() != policy.canonical:
        raise WrongRun(f"{there} is another policy's: a folder keeps the decisions of one; copy it without that file")
    decisions = made(kept, policy)
    there.write_bytes(policy.canonical)
    (kept.folder / DECISIONS).write_text("".join(one.line() for one in decisions))
    counts = Counter(one.decision for one in decisions)
    shares = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
    print(f"{len(decisions)} loans by policy {policy.version}: {shares}")
    told = Counter(code for one in decisions if one.decision == "DECLINE" for code in one.reasons[:1])
    print("first reasons of declined: " + (", ".join(f"{n} {code}" for code, n in told.most_common()) or "none"))
    print(f"written to {kept.folder / DECISIONS}")


def written(kept: Kept, loan: str, template: str) -> None:
    """Prints the letter, made again from the kept run. Raises WrongRun where it is not what was decided then."""
    policy = read_policy(kept.file(POLICY))
    decisions = made(kept, policy)
    if kept.file(DECISIONS).read_text() != "".join(one.line() for one in decisions):
        raise WrongRun(f"{kept.folder / DECISIONS} is not what this run decides: it was changed, or made by other code")
    found = next((one for one in decisions if one.loan_id == loan), None)
    if found is None:
        raise WrongRun(f"expected LOAN=<one of the run's {len(decisions)} loans>")
    form = Path(template).read_text() if template else USUAL
    print(letter(found, policy.document.get("creditor", {}), form))


def backtested(environment: str, kept: Kept, file: str, outcomes: str) -> None:
    """Prints the table, and writes it with all figures beside the run."""
    policy = read_policy(Path(file) if file else kept.file(POLICY))
    if outcomes:
        with Path(outcomes).open(newline="") as lines:
            known = outcomes_of(lines)
    else:
        outputs = deployed("backtest-loans", environment)
        analysts = athena.Analysts(boto3.client("athena"), outputs["prefix"], outputs["athena_workgroup"])
        known = {row["loan_id"]: int(row["defaulted"]) for row in analysts.ask("silver", OUTCOMES)}
    found = what_if(policy, made(kept, policy), known)
    target = kept.folder / f"backtest-{policy.sha256[: documents.SHOWN]}.json"
    target.write_text(json.dumps(found, indent=1, allow_nan=False))
    print("\n".join([*shown(found), f"written to {target}"]))


def made(kept: Kept, policy: Policy) -> list[Decided]:
    with kept.model() as model:
        return decide(model, policy, kept.loans(len(model.encoding.columns)))


def read_policy(path: Path) -> Policy:
    """Raises InvalidPolicy."""
    try:
        return Policy.parse(json.loads(path.read_text()))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as wrong:
        raise InvalidPolicy(f"{path} is no JSON: {type(wrong).__name__}") from None


if __name__ == "__main__":
    main(*sys.argv[1:])
