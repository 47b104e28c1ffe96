"""Text of a plan as it may stand in a comment: without what the public need not know, and without effect."""

from __future__ import annotations

import re

HIDDEN = (
    (re.compile(r"\x1b\[[0-9;?]*[A-Za-z]"), ""),  # colours of a terminal
    (re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]"), ""),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL), "<private key>"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "<access key>"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "<token>"),
    (re.compile(r"\bgh[pousr]_\w{20,}"), "<token>"),
    (re.compile(r"(?<!\d)\d{12}(?!\d)"), "<account>"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<address>"),
)


def hidden(text: str) -> str:
    """The text without escapes, keys, tokens, account numbers and e-mail addresses."""
    for pattern, instead in HIDDEN:
        text = pattern.sub(instead, text)
    return text


def fenced(text: str) -> str:
    """The text as a block that shows it as it is: nothing within can end the block, mention anybody or be a link."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def inline(text: str) -> str:
    """One line that may stand in a table or a heading."""
    return re.sub(r"([\\`*_{}\[\]<>#|@])", r"\\\1", " ".join(text.split()))
