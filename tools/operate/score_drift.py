"""`make score-drift`: how scores and columns differ from what the serving model was trained on: of a day's payments, or
of the loans of a run."""

from __future__ import annotations

import re

from tools.operate.platform import Platform, Refused
from tools.telling import Teller

WORST = 8
RINGS = 0.25  # PSI from which the alarm `drift` rings, where chance does not explain it
# Where reports lie, by problem: the period, and of loans when the run began.
REPORTS = {
    "fraud": ("monitoring/drift/", re.compile(r"monitoring/drift/(\d{4}-\d\d-\d\d)/drift\.json")),
    "credit": ("monitoring/credit/drift/", re.compile(r"monitoring/credit/drift/([\d-]+)/(\w+)-\w+/drift\.json")),
}
THINGS = {"fraud": ("decisions", "customers paid"), "credit": ("loans", "customers applied")}


def score_drift(platform: Platform, teller: Teller, day: str = "", problem: str = "") -> None:
    """The newest report, unless a day is named; of loans that of a day or a month, from its last run."""
    problem = problem or "fraud"
    if problem not in REPORTS:
        raise Refused(f"expected PROBLEM=fraud or credit, got {problem!r}")
    prefix, form = REPORTS[problem]
    found = sorted((match.groups()[::-1], key) for key in platform.keys(prefix) if (match := form.fullmatch(key)))
    reports = {told[-1]: key for told, key in found}  # the last run of each period
    if not reports or (day and day not in reports):
        raise Refused(f"expected DAY=one of {', '.join(sorted(reports)[-7:]) or 'none yet'}, got {day!r}")
    day = day or found[-1][0][-1]
    report = platform.json(reports[day])
    things, who = THINGS[problem]
    teller.say(f"{day}: {report['rows']} {things}, PSI of the score {report['score']:.3f} (rings above {RINGS})")
    if "drifted" in report:  # reports of before do not say it
        drifted = ", ".join(report["drifted"]) or "nothing"
        teller.say(f"{report['customers']} {who}; beyond chance and {RINGS}: {drifted}")
    for name in sorted(report["features"], key=report["features"].__getitem__, reverse=True)[:WORST]:
        teller.say(f"  {report['features'][name]:.3f} {name}")
