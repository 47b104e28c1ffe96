"""Rules by themselves: what a policy of 300 of them costs a decision, and what it costs to take it in.

`judge_us` is the processor time of a decision's policy, in microseconds: the least of several rounds, so that what
else the machine does counts little. Each rule joins five comparisons of features, traffic and columns;
`judge_listed_us` is of a policy whose rules also look at lists, `judge_computed_us` of one where the first of the five
is computed (one feature beside another, quotients, texts, expressions), `bare_us` of one without a rule. `parse_ms` is
what a door takes to read the policy, once for each version.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from scoring.policy import Policy

from features.payment import Payment
from features.vector import RULED

RULES, VALUES, ROUNDS, FIRST = 300, 200, 30, 1_748_736_000_000
COUNTRIES = ("IE", "GB", "FR", "NG", "US")
TOLD = {"country": "IE", "mcc": "5411", "entry_mode": "keyed", "shop_size": "4"}
LOOKED_UP = {f"list_{n}": {"field": "merchant_id", "kind": "watch"} for n in range(10)}


def measure() -> dict:
    plain, listed = policy(RULES, False), policy(RULES, True)
    document = documents(RULES, False)
    return {
        "rules": RULES,
        "judge_us": judged(plain),
        "judge_listed_us": judged(listed),
        "judge_computed_us": judged(Policy.parse(computing(document), RULED)),
        "bare_us": judged(policy(0, False)),
        "parse_ms": least(lambda: Policy.parse(document, RULED)) * 1e3,
    }


def judged(made: Policy) -> float:
    random_ = random.Random(7)
    seen = [{n: random_.choice([0.0, 1.0, 3.0, 20.0, None]) for n in RULED} for _ in range(VALUES)]
    paid = Payment("t1", FIRST, "c1", "m1", 1250, further=TOLD)
    marks = frozenset({"list/list_3/merchant_id"})

    def all_of_them() -> None:
        for values in seen:
            made.weigh(0.3, values, paid, FIRST, marks)

    return least(all_of_them) / VALUES * 1e6


def least(work) -> float:
    """Seconds of processor time."""
    took = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)


def policy(rules: int, listed: bool) -> Policy:
    return Policy.parse(documents(rules, listed), RULED)


def documents(rules: int, listed: bool) -> dict:
    random_ = random.Random(300)
    made = [rule(n, random_, listed) for n in range(rules)]
    return {"version": "1", "review_at": 0.5, "block_at": 0.9, "rules": made, "looked_up": LOOKED_UP}


def computing(document: dict) -> dict:
    """The same with the first comparison of each rule computed."""
    random_ = random.Random(5)
    rules = [{**rule, "when": {"all": [computed(random_), *rule["when"]["all"][1:]]}} for rule in document["rules"]]
    return {**document, "rules": rules}


def computed(random_: random.Random) -> dict:
    one, other = ({"feature": name} for name in random_.sample(RULED, 2))
    return random_.choice(
        [
            {**one, ">": {"*": [random_.choice([2, 3, 5]), other]}},
            {"value": {"/": [one, other]}, ">": random_.choice([1.5, 2, 3])},
            {"field": "country", "!=": {"field": "attributes.shop_size"}},
            {"value": {"lower": {"field": "entry_mode"}}, "starts": "k"},
            {"field": "entry_mode", "matches": random_.choice([".*ey.*", "k[a-z]+", "[^a]+d"])},
            {"value": {"hour": {"time": "event_time"}}, "<": random_.choice([4, 5, 6])},
        ]
    )


def rule(number: int, random_: random.Random, listed: bool) -> dict:
    one, two, three, four, five = (comparison(random_) for _ in range(5))
    if listed:
        five = {"field": "merchant_id", "list": random_.choice(sorted(LOOKED_UP))}
    parts: Sequence[dict] = [one, {"any": [two, three]}, {"not": four}, five]
    return {"name": f"rule_{number}", "action": random_.choice(["REVIEW", "BLOCK"]), "when": {"all": parts}}


def comparison(random_: random.Random) -> dict:
    feature, limit = random_.choice(RULED), random_.choice([0.5, 1, 2, 10])
    return random_.choice(
        [
            *({"feature": feature, word: limit} for word in ("<", "<=", ">", ">=")),
            {"feature": feature, "between": [1, 10]},
            {"feature": feature, "missing": False},
            {"field": "country", "in": random_.sample(COUNTRIES, 3)},
            {"field": "mcc", "=": random_.choice(["5411", "7995"])},
            {"field": "attributes.shop_size", ">": limit},
        ]
    )
