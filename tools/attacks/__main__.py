"""`make attacks`: plays all of them on an environment, tells a table, writes build/attacks.json; 1 when one fails.

The rules that they need block whoever pays a lot, so they are played where no customer pays.
"""

from __future__ import annotations

import sys

from botocore.exceptions import BotoCoreError, ClientError
from scoring.documents import Conflict
from scoring.policy import InvalidPolicy

from tools.attacks.play import REPORT, play
from tools.attacks.verdict import table, write
from tools.operate.platform import Platform, StepFailed
from tools.telling import Teller
from tools.terraform.environments import asked_for
from tools.terraform.stacks import deployed


def main(environment: str = "") -> int:
    if asked_for("attacks", environment).keeps_data:
        raise SystemExit(
            f"attacks: {environment} keeps its data, and their rules would block customers: play them elsewhere"
        )
    platform = Platform(deployed("attacks", environment))
    try:
        found = play(platform, Teller(sys.stderr))
    except (StepFailed, Conflict, InvalidPolicy) as failed:
        print(f"attacks: {failed}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as failed:
        print(f"attacks: AWS refused: {failed}", file=sys.stderr)
        return 1
    write(found, REPORT)
    print("\n".join(table(found)))
    print(f"written to {REPORT}")
    return int(not all(attack.holds for attack in found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
