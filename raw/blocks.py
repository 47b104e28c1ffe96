"""Lines of a CSV file -> rows of cells, a block of bytes at a time.

What a row is:
- a line, or several where a cell in quotes holds line ends (RFC 4180). Lines are only joined when the row then has as
  many cells as the header: a quote that is not closed ends with its line and cannot swallow the rows behind it;
- a blank line is no row, but counts as a line;
- a row with too few or too many cells, with bytes that are no text, or with a NUL byte, is faulty: it keeps its line.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from features.values import BLANKS

LONGEST_LINE = 1 << 20  # bytes; a file without line ends would be one
LEAST_CELLS = 4  # a line of so many within quotes that has as many cells as the header is a row and no text
csv.field_size_limit(2 * LONGEST_LINE)  # else Python stops at 131,072 letters of a cell
_NEWLINE = 10
_BLANK = np.frombuffer(BLANKS.encode(), np.uint8)


class LineTooLong(ValueError):
    """`line` counts from 0 within the block."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


@dataclass(frozen=True)
class Shape:
    """How lines are divided into cells. `surplus`: every row ends with one separator more than the header."""

    width: int
    separator: str = ","
    quote: str = '"'
    surplus: bool = False

    @property
    def cells(self) -> int:
        """Cells of a line."""
        return self.width + self.surplus


@dataclass
class Rows:
    """Rows of a block. `lines` are counted within the block from 0; `cells` are columns, each with a cell per row."""

    lines: np.ndarray
    cells: list[pa.Array]
    faulty: list[tuple[int, str, str]] = field(default_factory=list)  # line, fault, text


def whole_lines(content: bytes) -> bytes:
    """The same lines, each ended by one line feed."""
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return content


def rows_of(block: bytes, shape: Shape, last: bool, longest_line: int = LONGEST_LINE) -> tuple[Rows, int, int]:
    """`block` is whole lines, as `whole_lines` leaves them. Returns the rows, how many bytes and how many lines they
    took: a row whose quotes may be closed behind the block is left to the next one, unless this is the `last`.

    Raises LineTooLong.
    """
    content = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(content == _NEWLINE)
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    lengths = ends - starts
    if len(lengths) and lengths.max() > longest_line:
        raise LineTooLong(int(np.argmax(lengths > longest_line)))
    kept = np.ones(len(ends), bool)
    kept[blank_lines(content, starts, ends)] = False
    faults = dict(damaged(block, content, starts, ends))
    over: list[tuple[int, int, list[str]]] = []
    taken = len(ends)
    if shape.quote.encode() in block:
        over, opened, taken = close_quotes(block, content, starts, ends, shape, last, longest_line)
        faults = {**dict.fromkeys(opened, "unclosed_quote"), **faults}
    faulty: list[tuple[int, str, str]] = []
    joined: list[tuple[int, list[str]]] = []
    for line, closing, row in over:
        wrong = next((faults.pop(n) for n in range(line, closing + 1) if n in faults), None)
        for n in range(line, closing + 1):
            kept[n] = False
            faults.pop(n, None)
        if wrong is None:
            joined.append((line, row))
        else:
            faulty.append((line, wrong, text_of(block, starts, ends, line, closing)))
    for line, fault in faults.items():
        if line < taken:
            kept[line] = False
            faulty.append((line, fault, text_of(block, starts, ends, line)))
    lines = np.flatnonzero(kept[:taken])
    cells, wrong_ones = parsed(content, starts, ends, kept, taken, shape)
    if wrong_ones:
        faulty += [
            (int(lines[n]), fault, text_of(block, starts, ends, int(lines[n]))) for n, fault in wrong_ones.items()
        ]
        lines = np.delete(lines, list(wrong_ones))
    if joined:
        lines = np.concatenate((lines, [line for line, _ in joined]))
        added = zip(*(row for _, row in joined), strict=True)
        cells = [pa.concat_arrays([c, pa.array(more, pa.string())]) for c, more in zip(cells, added, strict=True)]
    bytes_taken = int(ends[taken - 1]) + 1 if taken else 0
    return Rows(lines, cells, faulty), bytes_taken, taken


def text_of(block: bytes, starts: np.ndarray, ends: np.ndarray, line: int, last: int | None = None) -> str:
    """The line, or the lines up to the `last`; bytes that are no text stand in it as half surrogates, from which they
    can be had back."""
    return block[starts[line] : ends[line if last is None else last]].decode("utf-8", "surrogateescape")


def blank_lines(content: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[int]:
    """Lines of nothing but blanks: only those that begin with one need a look."""
    empty = starts == ends
    suspects = np.flatnonzero(empty | np.isin(content[np.minimum(starts, len(content) - 1)], _BLANK))
    return [n for n in suspects.tolist() if empty[n] or np.isin(content[starts[n] : ends[n]], _BLANK).all()]


def damaged(block: bytes, content: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[tuple[int, str]]:
    """Lines with bytes that are no text: a reader further on would replace them, or stop at them."""
    found: dict[int, str] = {}
    if b"\0" in block:
        places = np.flatnonzero(content == 0)
        found |= dict.fromkeys(np.unique(np.searchsorted(ends, places)).tolist(), "nul_byte")
    try:
        block.decode()
    except UnicodeDecodeError:
        places = np.flatnonzero(content > 127)
        for line in np.unique(np.searchsorted(ends, places)).tolist():
            try:
                block[starts[line] : ends[line]].decode()
            except UnicodeDecodeError:
                found[line] = "not_utf8"
    return sorted(found.items())


def close_quotes(
    block: bytes,
    content: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    shape: Shape,
    last: bool,
    longest_line: int,
) -> tuple[list[tuple[int, int, list[str]]], list[int], int]:
    """Rows that reach over several lines, by their first and last with their cells; lines whose quote stays open; and
    up to which line the block is decided."""
    quotes = np.flatnonzero(content == ord(shape.quote))
    counts = np.searchsorted(quotes, ends) - np.searchsorted(quotes, starts)
    odd = np.flatnonzero(counts & 1).tolist()
    over: list[tuple[int, int, list[str]]] = []
    opened: list[int] = []
    for place, line in enumerate(odd):
        if over and line <= over[-1][1]:
            continue
        closing = odd[place + 1] if place + 1 < len(odd) else None
        if closing is None and not last and len(block) - starts[line] <= longest_line:
            return over, opened, line
        row = None
        if closing is not None and ends[closing] - starts[line] <= longest_line:
            within = (block[starts[n] : ends[n]] for n in range(line + 1, closing))
            if shape.cells < LEAST_CELLS or not any(one_row(text, shape) for text in within):
                row = one_row(block[starts[line] : ends[closing]], shape)
        if closing is None or row is None:
            opened.append(line)
        else:
            over.append((line, closing, row))
    return over, opened, len(ends)


def one_row(text: bytes, shape: Shape) -> list[str] | None:
    """The cells of some lines, if they are one row. What is no text in them is for the caller to see."""
    lines = io.StringIO(text.decode("utf-8", "replace").replace("\0", " "), newline="")
    try:
        found = list(csv.reader(lines, delimiter=shape.separator, quotechar=shape.quote, strict=True))
    except csv.Error:
        return None
    if len(found) != 1 or len(found[0]) != shape.cells or any(found[0][shape.width :]):
        return None
    return found[0][: shape.width]


def parsed(
    content: np.ndarray, starts: np.ndarray, ends: np.ndarray, kept: np.ndarray, taken: int, shape: Shape
) -> tuple[list[pa.Array], dict[int, str]]:
    """The columns of the kept lines; and the faults of those lines that are no row of this shape, by their places."""
    kept = kept[:taken]
    if not kept.any():
        return [pa.array([], pa.string())] * shape.width, {}
    if kept.all():
        lines = content[: ends[taken - 1] + 1]
    else:
        stays = np.repeat(kept, ends[:taken] - starts[:taken] + 1)
        lines = content[: len(stays)][stays]
    ragged: dict[int, str] = {}

    def skip(row: pacsv.InvalidRow) -> str:
        ragged[row.number - 1] = "ragged_row"
        return "skip"

    names = [f"c{n}" for n in range(shape.cells)]
    table = pacsv.read_csv(
        pa.py_buffer(lines),
        read_options=pacsv.ReadOptions(column_names=names, use_threads=False, block_size=len(lines) + 1),
        parse_options=pacsv.ParseOptions(
            delimiter=shape.separator, quote_char=shape.quote, ignore_empty_lines=False, invalid_row_handler=skip
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[],
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )
    surplus_holds = shape.surplus and pc.any(pc.not_equal(table.columns[-1], "")).as_py()
    if table.num_rows + len(ragged) != int(kept.sum()) or surplus_holds:
        # A quote that opens within a line of an even number of them: Arrow looks for its end on the lines behind.
        return line_by_line(lines.tobytes(), shape)
    return [column.combine_chunks() for column in table.columns[: shape.width]], ragged


def line_by_line(block: bytes, shape: Shape) -> tuple[list[pa.Array], dict[int, str]]:
    """The same as Arrow gives, slowly, and no quote reaches over the end of its line."""
    good: list[list[str]] = []
    faults: dict[int, str] = {}
    for place, line in enumerate(block.decode().split("\n")[:-1]):
        try:
            cells = next(csv.reader([line], delimiter=shape.separator, quotechar=shape.quote, strict=True))
        except csv.Error:
            faults[place] = "unclosed_quote"
            continue
        if len(cells) == shape.cells and not any(cells[shape.width :]):
            good.append(cells[: shape.width])
        else:
            faults[place] = "ragged_row"
    columns = zip(*good, strict=True) if good else [()] * shape.width
    return [pa.array(column, pa.string()) for column in columns], faults
