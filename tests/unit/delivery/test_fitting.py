"""Texts are cut between lines and never need more bytes than there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tools.delivery.fitting import cut, shares, size


def test_what_fits_stays_as_it_is():
    assert cut("a\nb", 3) == "a\nb"


def test_what_does_not_fit_ends_with_how_much_is_missing():
    text = "\n".join(f"line {n}" for n in range(100))

    *kept, last = cut(text, 200).splitlines()

    assert kept == text.splitlines()[: len(kept)]
    assert last == f"... {100 - len(kept)} of 100 lines are not shown: the whole plan is in the run's log."


@given(st.lists(st.text(alphabet="aä€😀 ", max_size=40), max_size=60), st.integers(90, 600))
def test_it_never_needs_more_bytes_than_there_are(lines, room):
    assert size(cut("\n".join(lines), room)) <= room


@given(st.lists(st.integers(0, 10_000), max_size=8), st.integers(-10, 20_000))
def test_shares_fit_together_and_nobody_gets_more_than_it_needs(sizes, room):
    given_ = shares(sizes, room)

    assert sum(given_) <= max(room, 0)
    assert all(0 <= share <= needed for share, needed in zip(given_, sizes, strict=True))


def test_the_short_ones_are_whole_and_the_long_ones_share_the_rest():
    assert shares([10, 5_000, 400, 9_000], 2_410) == [10, 1_000, 400, 1_000]
