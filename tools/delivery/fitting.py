"""Texts cut to a number of bytes: between lines, from the end, saying how much is missing."""

from __future__ import annotations


def size(text: str) -> int:
    return len(text.encode())


def cut(text: str, room: int) -> str:
    """The first lines of the text that need at most `room` bytes, the sentence about the others included."""
    if size(text) <= room:
        return text
    lines = text.splitlines()
    kept: list[str] = []
    left = room - size(_missing(len(lines), len(lines)))
    for line in lines:
        left -= size(line) + 1
        if left < 0:
            break
        kept.append(line)
    return "\n".join([*kept, _missing(len(lines) - len(kept), len(lines))])


def shares(sizes: list[int], room: int) -> list[int]:
    """How many bytes each text gets: the short ones what they need, the others the rest in equal parts."""
    given = [0] * len(sizes)
    open_ = sorted(range(len(sizes)), key=lambda at: sizes[at])
    while open_:
        at = open_.pop(0)
        given[at] = min(sizes[at], max(room, 0) // (len(open_) + 1))
        room -= given[at]
    return given


def _missing(lines: int, of: int) -> str:
    return f"... {lines} of {of} lines are not shown: the whole plan is in the run's log."
