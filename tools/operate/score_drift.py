"""`make score-drift`: how a day's scores and features differ from what the serving model was trained on."""

from __future__ import annotations

import re

from tools.operate.platform import Platform, Refused
from tools.telling import Teller

REPORT = re.compile(r"monitoring/drift/(\d{4}-\d\d-\d\d)/drift\.json")
WORST = 8
RINGS = 0.25  # PSI from which the alarm `drift` rings, where chance does not explain it


def score_drift(platform: Platform, teller: Teller, day: str = "") -> None:
    """The newest report, unless a day is named."""
    reports = {found[1]: key for key in platform.keys("monitoring/drift/") if (found := REPORT.fullmatch(key))}
    if not reports or (day and day not in reports):
        raise Refused(f"expected DAY=one of {', '.join(sorted(reports)[-7:]) or 'none yet'}, got {day!r}")
    day = day or max(reports)
    report = platform.json(reports[day])
    teller.say(f"{day}: {report['rows']} decisions, PSI of the score {report['score']:.3f} (rings above {RINGS})")
    if "drifted" in report:  # reports of before do not say it
        drifted = ", ".join(report["drifted"]) or "nothing"
        teller.say(f"{report['customers']} customers paid; beyond chance and {RINGS}: {drifted}")
    for name in sorted(report["features"], key=report["features"].__getitem__, reverse=True)[:WORST]:
        teller.say(f"  {report['features'][name]:.3f} {name}")
