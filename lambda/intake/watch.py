"""How the cases stand, as metrics, and what was left unfinished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cases.case import is_free
from cases.finishing import Finisher, NotTold
from cases.table import Cases, NoCase, case_of
from scoring.log import warn
from scoring.metrics import emit
from scoring.refusals import code_of

from features.values import iso

HOUR_MS = 3_600_000
FINISHING_MS = 15_000  # of one look: half of what the function has


@dataclass(frozen=True)
class Watch:
    """`now` gives ms since 1970; a case ought to be decided within `service_ms`."""

    cases: Cases
    finisher: Finisher
    now: Callable[[], int]
    service_ms: int

    def look(self) -> dict[str, float]:
        """Measures, then finishes what is owed. What cannot be finished is owed at the next look, too."""
        measures = self.measured()
        emit({"door": "cases"}, **measures)
        self.finish()
        left = {"unfinished": len(self.cases.owed())}
        emit({"door": "cases"}, **left)
        return measures | left

    def finish(self) -> None:
        until = self.now() + FINISHING_MS
        for identifier in self.cases.owed():
            if self.now() >= until:
                return
            try:
                self.finisher.finish(identifier)
            except Exception as failed:
                warn("a decided case could not be finished", failed)
                if not was_answered(failed):  # the others wait for the next look
                    return

    def measured(self) -> dict[str, float]:
        now = self.now()
        waiting = [case_of(item) for state in ("OPEN", "CLAIMED", "ESCALATED") for item in self.cases.every(state)]
        free = [case for case in waiting if is_free(case, now, case.level)]
        hour = [case_of(item) for item in self.cases.every("DECIDED", iso(now - HOUR_MS))]
        people = {case.decided_by for case in hour}
        return {
            "open": sum(case.state == "OPEN" for case in waiting),
            "held": len(waiting) - len(free),
            "escalated": sum(case.level == "lead" for case in waiting),
            "oldest_unassigned_ms": max((now - case.begun_at for case in free), default=0),
            "overdue": sum(now - case.begun_at > self.service_ms for case in waiting),
            "decided_in_hour": len(hour),
            "reviewers_in_hour": len(people),
            "decisions_per_reviewer_hour": len(hour) / len(people) if people else 0,
        }


def was_answered(failed: Exception) -> bool:
    """Whether the service has answered, and the case itself was refused."""
    cause = failed.__cause__ if isinstance(failed.__cause__, Exception) else failed
    return isinstance(failed, NotTold | NoCase) or code_of(cause) is not None
