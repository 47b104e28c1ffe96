"""Batches that are taken in night by night leave the GOLD that one making of all days leaves, whatever comes late."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from bench.folder_lake import FolderLake
from features.declaration import DAY, HOUR
from glue.jobs import silver_to_gold
from glue.reopening import NOTES
from glue.tables import GOLD, SILVER
from tests.spark.rows import START, fill, tell_late

NIGHTS = (36, 41, 46)  # each takes in the days before; the first one a history as long as windows reach
DAYS = range(0, NIGHTS[-1], 4)


@dataclass
class Night:
    """What a night finds: rows of SILVER, and what the doors have told since the night before."""

    payments: list = field(default_factory=list)
    labels: list = field(default_factory=list)
    loans: list = field(default_factory=list)
    outcomes: list = field(default_factory=list)
    late: list = field(default_factory=list)


def night_of(at: int) -> int:
    return min(sum(at >= START + day * DAY for day in NIGHTS), len(NIGHTS) - 1)


def random_nights(seed: int) -> list[Night]:
    """Most rows come on the night of their day. Of each kind one comes a night late, and one label and one outcome are
    stamped before what they are about; every night the doors tell of payments that count later, one of them long after
    it is in the lake. Few, so that a day which is not made again is seen."""
    rng = random.Random(seed)
    nights = [Night() for _ in NIGHTS]
    payments = [
        (f"t{n:03}", f"c{rng.randrange(6)}", f"m{rng.randrange(6)}", at, rng.choice([100, 100, 90_000]))
        for n, at in enumerate(START + rng.choice(DAYS) * DAY + rng.randrange(DAY) for _ in range(120))
    ]
    straggler = rng.choice([p for p in payments if night_of(p[3]) == 0])
    for payment in payments:
        nights[1 if payment is straggler else night_of(payment[3])].payments.append(payment)
    for night in (1, 2):
        name, _, _, at, _ = rng.choice([p for p in nights[night - 1].payments if p is not straggler])
        nights[night].late.append((name, at, at + rng.choice([HOUR, DAY, 9 * DAY])))
    for name, _, _, at, _ in rng.sample(payments, 12):
        told = at + rng.randrange(6 * DAY)
        nights[night_of(told)].labels.append((name, 1, told))
    early = rng.choice(nights[2].payments)
    nights[1].labels.append((early[0], 1, early[3] - 6 * DAY))
    judged = rng.choice(nights[0].payments)
    nights[2].labels.append((judged[0], 1, judged[3] - 9 * DAY if judged[3] > START + 9 * DAY else START))
    for number, night in enumerate((0, 0, 2)):
        at = START + rng.randrange(30 * DAY)
        nights[night].loans.append((f"l{number}", f"c{rng.randrange(6)}", at, 50_000))
        nights[1].outcomes.append((f"l{number}", 1, max(START, at + rng.choice([-4 * DAY, 3 * DAY]))))
    return nights


def gold(lake: FolderLake) -> dict[str, dict]:
    return {name: {row[table.key[0]]: row for row in lake.rows(table)} for name, table in GOLD.items()}


def take_in(lake: FolderLake, number: int, night: Night) -> None:
    lake.spark.catalog.clearCache()
    fill(lake, night.payments, night.labels, night.loans, night.outcomes, batch=f"b{number}")
    if night.late:
        tell_late(lake.root, night.late, put_at=START + NIGHTS[number] * DAY)
    silver_to_gold.run_batch(lake.spark, lake.lake, f"b{number}", lake.metrics)


def make_all(lake: FolderLake) -> None:
    lake.spark.catalog.clearCache()
    months = lake.lake.divisions(SILVER["loan_applications"])
    asked = {
        "transaction_features": lake.lake.divisions(SILVER["transactions"]),
        "loan_features": [f"{month}-01" for month in months],
    }
    silver_to_gold.run(lake.spark, lake.lake, "all", asked, lake.metrics)


@pytest.mark.parametrize("seed", [1])
def test_batches_taken_in_night_by_night_leave_what_one_making_of_all_days_leaves(spark, tmp_path, seed):
    lake = FolderLake(spark, tmp_path)
    for number, night in enumerate(random_nights(seed)):
        take_in(lake, number, night)
    by_night = gold(lake)
    make_all(lake)
    at_once = gold(lake)

    assert len(at_once["transaction_features"]) == 120
    for table, rows in at_once.items():
        assert by_night[table].keys() == rows.keys()
        wrong = {key: [n for n in row if row[n] != by_night[table][key][n]] for key, row in rows.items()}
        assert {key: names for key, names in wrong.items() if names} == {}


def test_what_the_doors_told_before_the_last_batch_makes_nothing_old_again(spark, tmp_path):
    """P happened late on Monday and reached its door on Tuesday, after the night that made Monday's vectors."""
    lake = FolderLake(spark, tmp_path)
    monday, tuesday = [("p", "c1", "m1", START + 23 * HOUR, 100)], [("q", "c2", "m2", START + 30 * HOUR, 100)]
    take_in(lake, 0, Night(payments=monday))
    tell_late(lake.root, [("p", START + 23 * HOUR, START + 29 * HOUR)], put_at=START + 29 * HOUR)
    tell_late(lake.root, [("elsewhere", START, START + HOUR)], put_at=START + 30 * HOUR)
    take_in(lake, 1, Night(payments=tuesday))
    take_in(lake, 2, Night(payments=[("r", "c3", "m3", START + 50 * HOUR, 100)]))

    reports = [lake.json(f"quality/silver_to_gold/b{n}.json")["divisions"]["transaction_features"] for n in range(3)]
    assert reports == [["2018-04-02"], ["2018-04-02", "2018-04-03"], ["2018-04-04"]]
    assert sorted(lake.json(NOTES)) == ["b1", "b2"]
    assert silver_to_gold.touched(spark, lake.lake, "b1")["transaction_features"] == ["2018-04-02", "2018-04-03"]
