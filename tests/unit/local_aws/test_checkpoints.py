"""The state is saved in pauses and, without pauses, soon enough; the one who saves is a child."""

from __future__ import annotations

import _imp
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import checkpoints
from local.checkpoints import IDLE_SECONDS, LATEST_SECONDS, Checkpoints


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_nothing_is_saved_until_something_changes(clock):
    saves = Checkpoints(lambda: None, clock)
    clock.now += 1000
    assert not saves.due()


def test_a_change_is_saved_in_the_next_pause(clock):
    saves = Checkpoints(lambda: None, clock)
    saves.changed()
    assert not saves.due()
    clock.now += IDLE_SECONDS
    assert saves.due()


def test_a_server_without_pauses_is_saved_all_the_same(clock):
    saves = Checkpoints(lambda: None, clock)
    waited = 0.0
    while not saves.due():
        saves.begin()
        saves.changed()
        clock.now += 0.1
        waited += 0.1
    assert waited == pytest.approx(LATEST_SECONDS, abs=0.2)


def test_who_saves_is_a_child_that_has_the_state_of_one_instant(tmp_path: Path):
    state = {"value": "old"}
    saves = Checkpoints(lambda: (tmp_path / "saved").write_text(f"{state['value']} {os.getpid()}"))
    saves.changed()
    saves.save()
    value, pid = (tmp_path / "saved").read_text().split()
    assert value == "old"
    assert int(pid) != os.getpid()
    assert not saves.due()


def test_a_child_that_hangs_is_given_up_and_the_change_is_still_to_be_saved(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkpoints, "LONGEST_SECONDS", 0.0)
    saves = Checkpoints(lambda: os.read(os.pipe()[0], 1))
    saves.changed()
    saves.save()
    assert saves._saved == 0


def test_what_waits_for_a_saving_is_done_after_one_that_succeeded(monkeypatch):
    monkeypatch.setattr(checkpoints, "_then", [])
    fails, done = [True], []

    def save() -> None:
        if fails:
            raise OSError("the disk is full")

    saves = Checkpoints(save)
    monkeypatch.setattr(checkpoints, "_current", saves)
    checkpoints.once_saved(lambda: done.append("done"))
    saves.save()
    assert done == []
    fails.clear()
    for _ in range(2):
        saves.save()
    assert done == ["done"]


def test_no_thread_imports_while_the_process_forks(monkeypatch):
    held, fork = [], os.fork

    def forked() -> int:
        held.append(_imp.lock_held())
        return fork()

    monkeypatch.setattr(os, "fork", forked)
    Checkpoints(lambda: None).save()
    assert held == [True]
    assert not _imp.lock_held()


def test_what_must_be_done_ahead_of_a_fork_is_done_by_the_parent(tmp_path: Path):
    ahead: list[int] = []
    saves = Checkpoints(lambda: (tmp_path / "seen").write_text(str(ahead)), before=lambda: ahead.append(os.getpid()))
    saves.changed()
    saves.save()

    assert ahead == [os.getpid()]
    assert (tmp_path / "seen").read_text() == str(ahead)


def test_what_lives_at_a_saving_is_looked_through_for_garbage_no_more_and_what_comes_later_is():
    """In a process of its own: what is set aside stays so."""
    program = """
import gc, weakref
from local.server import set_state_aside

class Item(dict):
    pass

def cycle():
    one = Item()
    one["self"] = one
    return weakref.ref(one)

gc.disable()
state = [Item(number=n) for n in range(10_000)]
gone = cycle()
before = gc.get_freeze_count()
set_state_aside()
assert gone() is None
assert gc.get_freeze_count() - before >= len(state)
later = cycle()
gc.collect()
assert later() is None
"""
    subprocess.run([sys.executable, "-c", program], check=True)
