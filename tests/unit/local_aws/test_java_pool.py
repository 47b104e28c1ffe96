"""The first Glue job gets the Java machine that was warmed for it, or a new one when warming went wrong."""

from __future__ import annotations

import threading

import pytest

from local.warm_pool.java import Pool
from tests.waiting import PATIENCE_S


class Machine:
    alive, role = True, ""

    def take_back(self) -> None:
        pass

    def end(self) -> None:
        self.alive = False


@pytest.fixture
def made() -> list[Machine]:
    return []


@pytest.fixture
def pool(made, tmp_path):
    def make(_) -> Machine:
        made.append(Machine())
        return made[-1]

    return Pool(tmp_path, make)


def test_a_job_that_comes_while_a_machine_is_warmed_waits_for_it(pool, made, monkeypatch):
    begun, go_on, waits, taken = threading.Event(), threading.Event(), threading.Event(), threading.Event()
    got = []
    wait = pool._lock.wait
    monkeypatch.setattr(pool._lock, "wait", lambda: (waits.set(), wait()))

    def exercise(_) -> bool:
        begun.set()
        return go_on.wait(PATIENCE_S)

    def take() -> None:
        got.append(pool.take())
        taken.set()

    threading.Thread(target=pool.warm, args=(exercise,), daemon=True).start()
    assert begun.wait(PATIENCE_S)
    threading.Thread(target=take, daemon=True).start()
    assert waits.wait(PATIENCE_S)
    assert got == []
    go_on.set()
    assert taken.wait(PATIENCE_S)
    assert got == made
    assert len(made) == 1


def test_only_the_first_call_warms_a_machine(pool, made):
    for _ in range(3):
        pool.warm(lambda _: True)
    assert len(made) == 1


def test_nothing_is_warmed_once_a_job_has_come(pool, made):
    first = pool.take()
    pool.warm(lambda _: pytest.fail("a machine was warmed"))
    assert made == [first]


@pytest.mark.parametrize("broken", [False, True])
def test_a_machine_that_could_not_do_its_exercise_is_ended_and_a_job_gets_another(pool, made, broken):
    def exercise(_) -> bool:
        if broken:
            raise OSError("no process")
        return False

    if broken:
        with pytest.raises(OSError, match="no process"):
            pool.warm(exercise)
    else:
        pool.warm(exercise)
    assert pool.take() is made[1]
    assert not made[0].alive
