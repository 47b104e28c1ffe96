"""`python -m tools.operate VERB ENV [VALUE]`; verbs: those of LOOKS and VERBS below."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from tools.cost.prices import tabled
from tools.operate import preflight, status
from tools.operate.abort import abort_release
from tools.operate.backfill import backfill
from tools.operate.discard import discard
from tools.operate.errors import errors
from tools.operate.experiments import experiments, reproduce
from tools.operate.first_day import approve, ingest, night, train
from tools.operate.image import CONSOLE, ML, Image, NoEngine, push
from tools.operate.keys import keep_keys
from tools.operate.performance import performance
from tools.operate.platform import Platform, Refused, StepFailed
from tools.operate.rollback import rollback
from tools.operate.score_drift import score_drift
from tools.operate.verify import verified
from tools.telling import Teller
from tools.terraform.environments import asked_for
from tools.terraform.stacks import deployed, state


def show(environment: str) -> int:
    platform, told = Platform(deployed("status", environment)), asked_for("status", environment)
    states = [found for stack in ("data", "platform") if (found := state(stack, told))]
    print("\n".join(status.table(platform, [status.cost(states, tabled())])))
    return 0


def look_ahead(environment: str) -> int:
    return preflight.told(list(preflight.checks(asked_for("preflight", environment))), print)


def verify(environment: str) -> int:
    """1 when something runs that was not built, or the other way round."""
    platform = Platform(deployed("verify", environment))
    with Teller().watched("what runs is compared with what was built"):
        found = list(verified(platform, asked_for("verify", environment)))
    for finding in found:
        if not finding.holds:
            print(f"DIFFERS  {finding}")
    differ = sum(not finding.holds for finding in found)
    print(f"{len(found)} compared, {differ} differ")
    return 1 if differ else 0


VERBS: dict[str, Callable[..., None]] = {
    "ingest": ingest,
    "night": night,
    "train": train,
    "approve": approve,
    "experiments": experiments,
    "reproduce": reproduce,
    "rollback": rollback,
    "abort-release": abort_release,
    "backfill": backfill,
    "discard": discard,
    "errors": errors,
    "score-drift": score_drift,
    "performance": performance,
}


def image(environment: str) -> int:
    return pushed("image", environment, ML)


def console_image(environment: str) -> int:
    return pushed("console-image", environment, CONSOLE)


def pushed(verb: str, environment: str, which: Image) -> int:
    try:
        print(push(asked_for(verb, environment), which))
    except NoEngine as missing:
        print(f"{verb}: {missing}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as failed:
        print(f"{verb}: {' '.join(map(str, failed.cmd))} ended with {failed.returncode}, see above", file=sys.stderr)
        return 1
    return 0


def keep(environment: str) -> int:
    keep_keys(asked_for("keep-keys", environment))
    return 0


LOOKS: dict[str, Callable[[str], int]] = {
    "preflight": look_ahead,
    "image": image,
    "console-image": console_image,
    "verify": verify,
    "keep-keys": keep,
    "status": show,
}


def main(verb: str = "", environment: str = "", *given: str) -> int:
    if verb not in (*LOOKS, *VERBS):
        raise SystemExit(f"expected {', '.join((*LOOKS, *VERBS))}, got {verb!r}")
    try:
        if verb in LOOKS:
            return LOOKS[verb](environment)
        VERBS[verb](Platform(deployed(verb, environment)), Teller(), *given)
    except (Refused, StepFailed) as failed:
        print(f"{verb}: {failed}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as failed:
        print(f"{verb}: AWS refused: {failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
