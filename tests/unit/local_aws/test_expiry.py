"""What grows old is looked for, but not at every call."""

from __future__ import annotations

from local.plugins.expiry import EVERY_SECONDS, rarely


def test_each_stream_is_looked_through_at_most_once_a_minute():
    now = [0.0]
    looked: list[str] = []
    look = rarely(looked.append, str, clock=lambda: now[0])

    for moment in (0.0, 1.0, EVERY_SECONDS - 1, EVERY_SECONDS, EVERY_SECONDS + 1):
        now[0] = moment
        look("payments")
        look("labels")

    assert looked == ["payments", "labels"] * 2
