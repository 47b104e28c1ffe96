"""`make backfill`: GOLD and the published records of a range of days, made again from SILVER."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from tools.operate.platform import Platform, Refused, StepFailed, wait
from tools.telling import Teller

ENDED = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED")


def backfill(platform: Platform, teller: Teller, first: str = "", last: str = "", as_of: str = "") -> None:
    """`as_of` is the midnight after the newest day that the lake has whole: today's, unless another is named."""
    days = day("FROM", first), day("TO", last)
    if days[0] > days[1]:
        raise Refused(f"expected FROM not after TO, got {first} and {last}")
    asked = {"--from": first, "--to": last}
    until = as_of or datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z")
    for job, arguments in (("silver-to-gold", asked), ("publish-features", {**asked, "--as_of": until})):
        with teller.watched(f"the job {job}"):
            run(platform, job, arguments)
        teller.say(f"{job}: {first} to {last} done")


def run(platform: Platform, job: str, arguments: dict[str, str]) -> None:
    """Raises StepFailed with what the job says of itself."""
    glue: Any = platform.client("glue")
    name = f"{platform.prefix}-{job}"
    started = glue.start_job_run(JobName=name, Arguments=arguments)["JobRunId"]
    ended = wait(
        lambda: glue.get_job_run(JobName=name, RunId=started)["JobRun"],
        lambda found: found["JobRunState"] in ENDED,
        hours=3,
        what=f"the job {name}",
    )
    if ended["JobRunState"] != "SUCCEEDED":
        raise StepFailed(f"{name} {ended['JobRunState']}: {ended.get('ErrorMessage', '')}")


def day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(f"expected {name}=YYYY-MM-DD, got {text!r}") from None
