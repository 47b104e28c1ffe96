"""A plan in a comment has no effect and tells no secret."""

from __future__ import annotations

import pytest

from tools.delivery.safe import fenced, hidden, inline


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[32m+\x1b[0m create", "+ create"),
        ("key AKIAIOSFODNN7EXAMPLE here", "key <access key> here"),
        ("ASIAIOSFODNN7EXAMPLE", "<access key>"),
        ("arn:aws:iam::111122223333:role/x", "arn:aws:iam::<account>:role/x"),
        ("risk-dev-lake-111122223333", "risk-dev-lake-<account>"),
        ("token eyJhbGciOi.eyJzdWIi.sig-_x", "token <token>"),
        ("ghp_0123456789012345678901", "<token>"),
        ("who@example.com", "<address>"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", "<private key>"),
        ("a\u202eb\u200bc\x07", "abc"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("1234567890123 is no account", "1234567890123 is no account"),
    ],
)
def test_what_the_public_need_not_know_is_hidden(text, shown):
    assert hidden(text) == shown


@pytest.mark.parametrize("text", ["plain", "```\n@everybody", "a ````` b\n~~~", "`"])
def test_nothing_within_ends_the_block(text):
    first, *body, last = fenced(text).splitlines()

    assert "\n".join(body) == text
    assert first == f"{last}text"
    assert set(last) == {"`"}
    assert last not in text


def test_a_line_in_a_table_is_one_line_without_markup():
    assert inline("a|b\n@me <img> [x](y)") == r"a\|b \@me \<img\> \[x\](y)"
