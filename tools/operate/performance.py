"""`make performance`: what has become of what was decided, by vintage, and how often it is decided so."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tools.operate.platform import Platform, Refused
from tools.telling import Teller

# Where reports lie, by problem; the group is when the report was made.
REPORTS = {
    "fraud": re.compile(r"monitoring/fraud/performance/([\d-]+)/performance\.json"),
    "credit": re.compile(r"monitoring/credit/performance/[\d-]+/(\w+)-\w+/performance\.json"),
}
FIGURES = {"auc": "AUC", "ks": "KS", "slope": "slope", "observed_over_expected": "observed/expected"}
LATEST = 12
OF_PEOPLE = {"credit": "decided otherwise than the policy", "fraud": "in review and honest"}


def performance(platform: Platform, teller: Teller, problem: str = "") -> None:
    """The newest report. Raises Refused where there is none."""
    if problem not in REPORTS:
        raise Refused(f"expected PROBLEM=fraud or credit, got {problem!r}")
    keys = platform.keys(f"monitoring/{problem}/performance/")
    found = sorted((match[1], key) for key in keys if (match := REPORTS[problem].fullmatch(key)))
    if not found:
        raise Refused(f"no report on {problem} yet: expected one after the next run of the platform's schedules")
    report = platform.json(found[-1][1])
    teller.say(f"{problem} as of {report['as_of']}, model {report['model']}: {report['matured']} have matured")
    tell_figures(teller, report["performance"])
    tell_shares(teller, problem, report["shares"])
    if answers := report.get("answers"):  # of loans that were decided one by one; reports of before have none
        teller.say(f"answered by the API, {answers['period']}")
        tell_shares(teller, problem, answers)
    if (answered := report.get("answered")) and answered["matured"]:
        teller.say(f"of answers of the API {answered['matured']} have matured")
        tell_figures(teller, answered["performance"])


def tell_figures(teller: Teller, told: Mapping) -> None:
    for name, vintage in [*sorted(told["vintages"].items())[-LATEST:], ("the newest together", told["recent"])]:
        teller.say(
            f"  {name}: {vintage['rows']} rows, {vintage['bad']} bad, {vintage['expected']:.1f} expected{of(vintage)}"
        )
    teller.say(f"worse than is borne, and not by chance: {', '.join(told['broken']) or 'nothing'}")


def tell_shares(teller: Teller, problem: str, shares: Mapping) -> None:
    for name, share in shares.items():
        if isinstance(share, Mapping) and name != "overrides":
            before = "" if share["before"] is None else f", before {share['before']:.1%} of {share['n_before']}"
            teller.say(f"  {name}: {share['share']:.1%} of {share['n']} customers{before}")
    people = shares["overrides"]
    teller.say(f"  {OF_PEOPLE[problem]}: {people['share']:.1%} of {people['n']} customers")
    teller.say(f"moved by more than is borne, and not by chance: {', '.join(shares['moved']) or 'nothing'}")


def of(vintage: Mapping) -> str:
    """Its figures, with the intervals that there are."""
    lines = []
    for name, word in FIGURES.items():
        if figure := vintage["figures"].get(name):
            interval = f" ({figure['low']:.3f} to {figure['high']:.3f})" if "low" in figure else ""
            lines.append(f"{word} {figure['value']:.3f}{interval}")
    return "; " + ", ".join(lines) if lines else "; too few of either outcome"
