"""Texts of payers, and numbers as people read them."""

from __future__ import annotations

import string

import pytest

from console.cells import at, money, plain, share, value


@pytest.mark.parametrize("mark", string.punctuation)
def test_no_letter_of_a_text_is_a_mark_of_markdown(mark):
    assert plain(f"a{mark}b") == f"a\\{mark}b"


def test_a_text_is_one_line():
    assert plain("x\n====\n# y") == "x \\=\\=\\=\\= \\# y"


def test_what_is_not_there_is_a_dash():
    assert [money(None), money(""), share(None), at("")] == ["-"] * 4
    assert value(None) == "unknown"


def test_numbers_are_written_for_people():
    assert [money("123456"), share(0.123), value(1200.50), at("1767348000012")] == [
        "1,234.56",
        "12.3%",
        "1,200.5",
        "2026-01-02 10:00:00.012",
    ]
