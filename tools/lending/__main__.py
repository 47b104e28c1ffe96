"""`make decide-loans`, `make loan-letter`, `make backtest-loans`: a policy over the probabilities of a kept run.

`make credit-policy` publishes the one that the platform decides by."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from scoring import documents

from lending.changes import Way, ways
from lending.deciding import NO_REASON, Decided, Loan, WrongRun, cells_by_name, decide, first_of, usable
from lending.losses import (
    BACKSTOP,
    LATE,
    RISEN,
    Apart,
    Loss,
    Month,
    Seen,
    apart,
    frauds_in,
    losses,
    meant_by,
    seen_of,
)
from lending.opened import Opened
from lending.policy import InvalidPolicy, Policy, policy_of
from lending.reliance import in_words, reliance
from tools import athena
from tools.four_eyes import Proposed
from tools.lending import cutoffs
from tools.lending.kept import DECISIONS, POLICY, Kept, fetch, lines_in, put, text_of
from tools.lending.letter import USUAL, NoLetter, letter
from tools.lending.publishing import Publisher
from tools.lending.whatif import outcomes_of, shown, what_if
from tools.operators import policies_table
from tools.telling import Teller
from tools.terraform.stacks import deployed

BUILD = Path("build/loans")
PERFORMANCE = (
    "SELECT p.loan_id, 12 * (year(p.observed_at) - year(a.applied_at)) + month(p.observed_at) - month(a.applied_at) "
    "AS month, max(p.days_past_due) AS late, max(CASE WHEN p.charged_off_cents > 0 THEN 1 ELSE 0 END) AS lost "
    "FROM loan_performance p JOIN loan_applications a ON a.loan_id = p.loan_id "
    "WHERE p.observed_at >= a.applied_at GROUP BY 1, 2"
)
FRAUDS = (  # a decision may be told for a day that is yet to come
    "SELECT loan_id FROM loan_decisions WHERE decided_at <= current_timestamp "
    "GROUP BY loan_id HAVING lower(max_by(decision, decided_at)) = 'fraud'"
)
OUTCOMES = "SELECT loan_id, max_by(defaulted, observed_at) AS defaulted FROM loan_outcomes GROUP BY loan_id"
EXPECTED = {
    "decide": "POLICY=<file.json> and MONTH=<YYYY-MM> ENV=<environment>, or KEPT=<folder of a kept run>",
    "publish": "POLICY=<file.json> ENV=<environment>",
    "letter": "KEPT=<folder of a kept run> LOAN=<loan_id>",
    "changes": "KEPT=<folder of a kept run>, and LOAN=<loan_id> for one",
    "reasons": "KEPT=<folder of a kept run>",
    "losses": "KEPT=<folder of a kept run>, and PERFORMANCE=<file.csv> or ENV=<environment>; MONTHS=<of the model's "
    "horizon, the archive's unless it is told>, RATE=<effective interest a year>, DECISIONS=<file.csv>, LATER=<folder "
    "of a later run of the same loans> and POLICY=<file.json, instead of the kept one> besides",
    "backtest": "KEPT=<folder of a kept run>, and OUTCOMES=<file.csv> or ENV=<environment>; cut-offs are solved from "
    "MARGIN=<share> or APPETITE=<bad rate>, with REFER=<share> for people",
}


def main(command: str, environment: str, run: str, file: str, *further: str) -> None:
    try:
        if command == "decide":
            decided_run(environment, run, file, *further)
        elif command == "publish":
            published(environment, file)
        elif command == "losses":
            lost(environment, Kept(Path(required(command, run))), file, *further)
        elif command == "changes":
            changed(Kept(Path(required(command, run))), *further)
        elif command == "reasons":
            relied(Kept(Path(required(command, run))))
        elif command == "letter":
            written(Kept(Path(required(command, run))), *further)
        else:
            backtested(environment, Kept(Path(required(command, run))), file, *further)
    except (WrongRun, InvalidPolicy, NoLetter, athena.QueryFailed, documents.Conflict) as wrong:
        raise SystemExit(f"{command}: {wrong}") from None
    except OSError as failed:
        raise SystemExit(f"{command}: {failed.filename}: {failed.strerror}") from None
    except ClientError as refused:
        said = refused.response["Error"]
        raise SystemExit(f"{command}: {refused.operation_name}: {said['Code']}: {said['Message']}") from None
    except BotoCoreError as failed:
        raise SystemExit(f"{command}: AWS refused: {failed}") from None


def required(command: str, told: str) -> str:
    if not told:
        raise SystemExit(f"{command}: expected {EXPECTED[command]}")
    return told


def decided_run(environment: str, run: str, file: str, month: str) -> None:
    """Writes the decisions, and keeps the policy with them. Nothing that lies there is changed."""
    policy = read_policy(Path(required("decide", file)))
    if run:
        kept = Kept(Path(run))
        decisions = made_for(kept, policy)
    else:
        if not re.fullmatch(r"\d{4}-\d{2}", month):
            raise SystemExit(f"decide: expected {EXPECTED['decide']}")
        kept, decisions = fetched(environment, month, policy)
    written_once(kept, policy, decisions)
    counts = Counter(one.decision for one in decisions)
    shares = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
    print(f"{len(decisions)} loans by policy {policy.version}: {shares}")
    told = Counter(code for one in decisions if one.decision == "DECLINE" for code in one.reasons[:1])
    print("first reasons of declined: " + (", ".join(f"{n} {code}" for code, n in told.most_common()) or "none"))
    if silent := sum(NO_REASON[0] in one.reasons for one in decisions):
        print(f"referred, because no reason of a decline may be told: {silent}")
    print(f"written to {kept.folder / DECISIONS}")


def published(environment: str, file: str) -> None:
    policy = read_policy(Path(required("publish", file)))
    outputs = deployed("credit-policy", environment)
    publisher = Publisher(
        boto3.client("dynamodb"), boto3.client("s3"), policies_table(outputs["prefix"]), outputs["lake_bucket"]
    )
    try:
        done = publisher.publish(policy, boto3.client("sts").get_caller_identity()["Arn"])
    except Proposed as waits:
        print(
            f"credit policy {policy.version} is proposed by {waits.by}. It decides nothing yet: the live policy asks "
            f"for four eyes. Somebody else makes it live: make credit-policy POLICY={file} ENV={environment}"
        )
        return
    print(f"credit policy {done.version} decides from the next run of score-loans on; before: {done.before or 'none'}")
    print(f"refer from {policy.refer_from}, decline from {policy.decline_from}, {len(policy.rules)} rules")


def fetched(environment: str, month: str, policy: Policy) -> tuple[Kept, list[Decided]]:
    """The last run of a month in its folder, and what the policy decides of it, once this is known and can be kept.

    Raises WrongRun where the folder is there and holds another run.
    """
    outputs = deployed("decide-loans", environment)
    clients = {name: boto3.client(name) for name in ("glue", "s3", "sagemaker")}  # type: ignore[call-overload]
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{month}.part-", dir=BUILD) as part:
        fresh = Kept(Path(part) / "run")
        found = fetch(clients, outputs["prefix"], outputs["lake_bucket"], month, fresh.folder)
        kept = Kept(BUILD / f"{month}-{found}-{policy.sha256[: documents.SHOWN]}")
        if kept.folder.exists() and (other := fresh.differs_from(kept)):
            raise WrongRun(f"{kept.folder / other} is not what the platform has of this run: move the folder away")
        decisions = made_for(kept if kept.folder.exists() else fresh, policy)
        documents.keep(clients["s3"], outputs["lake_bucket"], "credit", "rules", policy.canonical)
        if not kept.folder.exists():
            fresh.folder.rename(kept.folder)
    return kept, decisions


def made_for(kept: Kept, policy: Policy) -> list[Decided]:
    """What the policy decides. Raises WrongRun where the folder has decisions of another one."""
    there = kept.folder / POLICY
    if there.is_file() and there.read_bytes() != policy.canonical:
        raise WrongRun(f"{there} is another policy's: a folder keeps the decisions of one; copy it without that file")
    return made(kept, policy)


def written_once(kept: Kept, policy: Policy, decisions: list[Decided]) -> None:
    """Raises WrongRun where other decisions are there."""
    target, lines = kept.folder / DECISIONS, [one.line().encode() for one in decisions]
    if target.is_file() and (there := target.read_bytes()) != b"".join(lines):
        old = there.splitlines(keepends=True)
        other = [one.loan_id for n, one in enumerate(decisions) if old[n : n + 1] != [lines[n]]]
        raise WrongRun(
            f"{target} has other decisions ({len(old)} lines, {len(other)} of {len(decisions)} loans differ: "
            f"{first_of(other) or 'none'}): it was changed, or made by other code; move it away to decide again"
        )
    put(kept.folder / POLICY, policy.canonical)
    put(target, b"".join(lines))


def written(kept: Kept, loan: str, template: str) -> None:
    """Prints the letter, made again from the kept run. Raises WrongRun where it is not what was decided then."""
    policy = read_policy(kept.file(POLICY))
    decisions = made(kept, policy)
    if kept.file(DECISIONS).read_bytes() != "".join(one.line() for one in decisions).encode():
        raise WrongRun(f"{kept.folder / DECISIONS} is not what this run decides: it was changed, or made by other code")
    found = next((one for one in decisions if one.loan_id == loan), None)
    if found is None:
        raise WrongRun(f"expected LOAN=<one of the run's {len(decisions)} loans>")
    form = text_of(Path(template)) if template else USUAL
    print(letter(found, policy.document.get("creditor", {}), form))


def changed(kept: Kept, loan: str) -> None:
    """Prints what would have to change for one loan to be approved, or, of a run, how many could be."""
    policy = read_policy(kept.file(POLICY))
    if not policy.moves:
        raise InvalidPolicy("moves: expected the columns that an applicant could change, the policy declares none")
    with kept.model() as model:
        scorer, loans = Opened(model), kept.loans(len(model.encoding.columns))
        decisions = {one.loan_id: one.decision for one in decide(scorer, policy, loans, kept.snapshot)}
        if loan:
            asked = [one for one in loans if one.loan_id == loan]
            if not asked:
                raise WrongRun(f"expected LOAN=<one of the run's {len(loans)} loans>")
            print("\n".join(told_ways(decisions[loan], ways(scorer, policy, asked[0]))))
            return
        refused = [one for one in loans if decisions[one.loan_id] != "APPROVE"]
        found: Counter[int] = Counter()
        teller = Teller(sys.stderr)
        with teller.watched("what would have to change is searched"):
            for done, one in enumerate(refused):
                teller.far("loans", done, len(refused))
                found[len(next(iter(ways(scorer, policy, one)), ()))] += 1
    named = ((1, "by one change"), (2, "by two together"), (0, "by none that the policy allows"))
    print(f"{len(refused)} of {len(loans)} loans were not approved. They would be")
    print("\n".join(f"  {found[n]} ({found[n] / max(len(refused), 1):.1%}) {words}" for n, words in named))


def relied(kept: Kept) -> None:
    """Prints how far the reasons of a run can be relied on, and writes it beside the run."""
    policy = read_policy(kept.file(POLICY))
    with kept.model() as model, Teller(sys.stderr).watched("reasons are asked for again"):
        found = reliance(Opened(model), policy, kept.loans(len(model.encoding.columns)))
    target = kept.folder / f"reasons-{policy.sha256[: documents.SHOWN]}.json"
    put(target, json.dumps(found, indent=1, allow_nan=False).encode())
    print("\n".join([*in_words(found), f"written to {target}"]))


def told_ways(decision: str, found: list[Way]) -> list[str]:
    if decision == "APPROVE":
        return ["APPROVE; nothing has to change"]
    if not found:
        return [f"{decision}; no move that the policy declares leads to a yes"]
    lines = [" and ".join(f"{c.column} {c.to:g} instead of {c.was:g}" for c in way) for way in found]
    return [f"{decision}; it would be approved with", *(f"  {line}" for line in lines)]


def backtested(
    environment: str,
    kept: Kept,
    file: str,
    outcomes: str,
    margin: str = "",
    appetite: str = "",
    refer: str = "",
) -> None:
    """Prints the table, and writes it with all figures beside the run."""
    wanted = cutoffs.Wanted.parse(margin, appetite, refer)
    policy = read_policy(Path(file) if file else kept.file(POLICY))
    if outcomes:
        known = outcomes_of(lines_in(Path(outcomes), "utf-8-sig"))
    else:
        outputs = deployed("backtest-loans", environment)
        analysts = athena.Analysts(boto3.client("athena"), outputs["prefix"], outputs["athena_workgroup"])
        known = {row["loan_id"]: int(row["defaulted"]) for row in analysts.ask("silver", OUTCOMES)}
    decisions = made(kept, policy)
    found, lines = what_if(policy, decisions, known), []
    if wanted is not None:
        solved = cutoffs.solve(policy, decisions, known, wanted)
        found, lines = found | {"solved": solved.document()}, cutoffs.told(solved, wanted)
    target = kept.folder / f"backtest-{policy.sha256[: documents.SHOWN]}.json"
    put(target, json.dumps(found, indent=1, allow_nan=False).encode())
    print("\n".join([*shown(found), *lines, f"written to {target}"]))


def lost(
    environment: str,
    kept: Kept,
    file: str,
    performance: str,
    months: str = "",
    rate: str = "",
    told: str = "",
    later: str = "",
) -> None:
    """Writes a table of expected losses for each loan, and the term structure, beside the run. Prints their sums.

    Loans that were applied for by fraud, by `loan_decisions` or the file `told`, are in a table of their own. `later`
    is the folder of a run that has scored the loans again."""
    try:
        asked, interest = int(months) if months else None, float(rate or 0)
    except ValueError:
        raise SystemExit(f"losses: expected {EXPECTED['losses']}") from None
    if not ((asked is None or asked >= 1) and 0 <= interest < 10):
        raise SystemExit("losses: expected MONTHS of at least 1, and RATE a share such as 0.08")
    policy = read_policy(Path(file) if file else kept.file(POLICY))
    if performance:
        seen = seen_of(lines_in(Path(performance), "utf-8-sig"))
    if told:
        frauds = frauds_in(lines_in(Path(told), "utf-8-sig"))
    elif performance:
        frauds = set()
        print("nobody has told which loans are frauds: DECISIONS=file.csv does; every loan counts as a credit risk")
    if not performance:
        outputs = deployed("loan-losses", environment)
        analysts = athena.Analysts(boto3.client("athena"), outputs["prefix"], outputs["athena_workgroup"])
        seen = [
            Seen(row["loan_id"], int(row["month"]), int(row["late"]) if row["late"] else None, int(row["lost"]) > 0)
            for row in analysts.ask("silver", PERFORMANCE)
        ]
        if not told:
            frauds = {row["loan_id"] for row in analysts.ask("silver", FRAUDS)}
    with kept.model() as model:
        loans = kept.loans(len(model.encoding.columns))
        decided = decide(Opened(model), policy, loans, kept.snapshot)
        known = [cells_by_name(model.encoding, loan).get("term_months") for loan in loans]
        days, usual = meant_by(model.manifest)
    horizon = usual if asked is None else asked
    terms = {loan.loan_id: int(term) for loan, term in zip(loans, known, strict=True) if isinstance(term, float)}
    again = scored_again(kept, loans, Kept(Path(later)), policy, (days, usual)) if later else {}
    structure, found = losses(
        decided, terms, seen, policy.lgd, horizon, interest, days, frauds, policy.significant_increase, again
    )
    fraudulent = apart(decided, frauds)
    tables: tuple[tuple[str, type, Sequence[Any]], ...] = (
        ("term-structure", Month, structure),
        ("losses", Loss, found),
        ("frauds", Apart, fraudulent),
    )
    for name, kind, rows in tables:
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, [field.name for field in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
        put(kept.folder / f"{name}-{policy.sha256[: documents.SHOWN]}.csv", out.getvalue().encode())
    print(f"a default is {days} days past due or a write-off; the model's probability is of {horizon} months")
    print(f"term structure of {structure[-1].month} months on book, {sum(m.defaults for m in structure)} defaults")
    for stage in (1, 2, 3):
        theirs = [one for one in found if one.stage == stage]
        lost_by = [one.expected_credit_loss for one in theirs if one.expected_credit_loss is not None]
        print(f"stage {stage}: {len(theirs)} loans, expected credit loss {sum(lost_by):,.2f} of {len(lost_by)} of them")
    for line in increased(policy, found):
        print(line)
    exposed = [one.exposure for one in fraudulent if one.exposure is not None]
    print(
        f"fraud, in no stage and no credit loss: {len(fraudulent)} loans, exposure {sum(exposed):,.2f} of "
        f"{len(exposed)} of them"
    )
    print(f"written to {kept.folder}")


def scored_again(
    kept: Kept, loans_then: Sequence[Loan], later: Kept, policy: Policy, terms_of_default: tuple[int, int]
) -> dict[str, float]:
    """What a later run said of loans, by loan, as far as it said a probability. Raises WrongRun where it cannot be
    compared with the first run."""
    if policy.significant_increase is None:
        raise WrongRun("LATER: the policy has no significant_increase, so nothing would be compared; POLICY= takes one")
    if later.snapshot == kept.snapshot:
        raise WrongRun(f"LATER: {later.folder} has the very rows of {kept.folder}: expected a later run of its loans")
    with later.model() as model:
        loans = later.loans(len(model.encoding.columns))
        meant = meant_by(model.manifest)
    if meant != terms_of_default:
        raise WrongRun(
            f"LATER: its model's default is {meant[0]} days past due within {meant[1]} months, that of the run "
            f"{terms_of_default[0]} within {terms_of_default[1]}: such probabilities are not compared"
        )
    first = {(loan.customer_id, loan.loan_id) for loan in loans_then}
    both = [loan for loan in loans if (loan.customer_id, loan.loan_id) in first]
    if not both:
        raise WrongRun(f"LATER: {later.folder} has none of the {len(first)} loans of {kept.folder}")
    return {loan.loan_id: loan.kept for loan in both if loan.kept is not None and usable(loan.kept)}


def increased(policy: Policy, found: Sequence[Loss]) -> list[str]:
    """What made loans stage 2, and of how many nobody knows."""
    late, risen = (sum(one.because == why for one in found) for why in (LATE, RISEN))
    told = f"stage 2 by {BACKSTOP} days past due: {late}; by a risen probability alone: {risen}"
    if policy.significant_increase is None:
        return [f"{told}, for the policy has no significant_increase: probabilities are not compared"]
    unknown = sum(one.pd_now is None or one.pd_then is None for one in found)
    return [f"{told}; of {unknown} of {len(found)} loans no probability is known now, and days past due alone speak"]


def made(kept: Kept, policy: Policy) -> list[Decided]:
    with kept.model() as model:
        return decide(Opened(model), policy, kept.loans(len(model.encoding.columns)), kept.snapshot)


def read_policy(path: Path) -> Policy:
    """Raises InvalidPolicy."""
    return policy_of(path.read_bytes(), str(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
