"""Every attack, one behind the other, on customers, merchants and devices that nobody else has."""

from __future__ import annotations

import secrets

from tools.attacks import forged, fraudsters, hostile, velocity
from tools.attacks.doors import Doors
from tools.attacks.rules import Rules, await_both_doors, beside_the_live_ones
from tools.attacks.verdict import Attack
from tools.operate.platform import Platform
from tools.operators import Operators
from tools.telling import Teller
from tools.terraform.stacks import BUILD

REPORT = BUILD / "attacks.json"
WITHOUT_RULES = (
    forged.invented,
    forged.tampered,
    forged.known_identifier,
    hostile.at_the_api,
    hostile.on_the_stream,
    velocity.concurrent,
)
WITH_RULES = (velocity.velocity, velocity.clock_trick, fraudsters.card_testing, fraudsters.takeover, fraudsters.ring)


def play(platform: Platform, teller: Teller) -> list[Attack]:
    """The live rules and lists stay while they are played, and are as before afterwards.

    Raises StepFailed when the doors do not take the rules of the attacks, and passes on what AWS refuses.
    """
    run = f"attack-{secrets.token_hex(4)}"
    doors, rules = Doors(platform, run), Rules(run)
    found: list[Attack] = []
    with beside_the_live_ones(Operators.of(platform.client, platform.prefix, platform.lake), rules):
        for attack in WITHOUT_RULES:  # meanwhile the doors learn of the rules
            with teller.watched(said(attack)):
                found += attack(doors)
        with teller.watched("until both doors judge by the rules of the attacks"):
            await_both_doors(doors, rules)
        for with_rules in WITH_RULES:
            with teller.watched(said(with_rules)):
                found += with_rules(doors, rules)
    return found


def said(attack: object) -> str:
    return getattr(attack, "__name__").replace("_", " ")  # noqa: B009
