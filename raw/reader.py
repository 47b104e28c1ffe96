"""Rows of one RAW file, whatever its form: each with its place in the file, and its cells as text."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.payment import storable
from features.values import BLANKS
from raw import packing, storage
from raw.as_text import with_damaged
from raw.blocks import LONGEST_LINE, LineTooLong, rows_of, whole_lines
from raw.form import Form, Number, json_object, json_text, said
from raw.meanings import BY_NAME, WITH_COMMA, meant
from raw.packing import as_utf8, unpacked
from raw.refusal import Unreadable

PART = 32 << 20  # bytes of a CSV file that one task reads
MOST_COLUMNS = 2_000  # names in the objects of a JSON file: more are values in the place of names
ROWS = 65_536  # rows of Parquet held at once


@dataclass(frozen=True)
class Part:
    """A stretch of a file: bytes of lines, or row groups of Parquet. `end` is 0 for the whole file; `first` is how many
    lines, or rows, behind the header stand before it."""

    start: int = 0
    end: int = 0
    first: int = 0


@dataclass(frozen=True)
class Batch:
    """Some rows. `numbers` are positions in the file from 1: lines behind the header, blank ones too, or rows. `cells`
    holds a column of text per name, as many as there are numbers, without the blanks around them. `faulty` rows have a
    number, a fault and a line, in which bytes that are no text stand as half surrogates (`surrogateescape`)."""

    numbers: np.ndarray
    cells: dict[str, pa.Array]
    faulty: list[tuple[int, str, str]]


def parts(uri: str, form: Form, longest_line: int = LONGEST_LINE, size: int = PART) -> list[Part]:
    """Stretches that can be read side by side. Reads a file of lines once. Raises Unreadable, with the file's name."""
    try:
        if form.kind == "parquet":
            return _groups(uri)
        return _stretches(uri, form, longest_line, size)
    except Unreadable as refused:
        raise Unreadable(f"{uri}: {refused}") from None


def _groups(uri: str) -> list[Part]:
    with storage.seekable(uri) as file:
        metadata = pq.ParquetFile(file).metadata
    found, first, begun, rows = [], 0, 0, 0
    for group in range(metadata.num_row_groups):
        rows += metadata.row_group(group).num_rows
        if rows >= 4 * ROWS or group == metadata.num_row_groups - 1:
            found.append(Part(begun, group + 1, first))
            begun, first, rows = group + 1, first + rows, 0
    return found or [Part()]


def _stretches(uri: str, form: Form, longest_line: int, size: int) -> list[Part]:
    """A file is divided where no row can reach over: plain lines, none of which has a quote that stays open."""
    lines = _Lines(form.quote.encode(), longest_line if form.wrapping.encoding != "utf-16" else None)
    header, found = form.header_line + 1, []
    place = begun = first = 0
    for chunk in unpacked(uri, form.wrapping.packing):
        end = lines.take(chunk)
        if end and place + end - begun >= size and lines.count > header:
            found.append(Part(begun, place + end, max(0, first - header)))
            begun, first = place + end, lines.count
        place += len(chunk)
    if not found or lines.divided_otherwise or not form.wrapping.none or form.kind != "csv":
        return [Part()]
    return [*found, Part(begun, place, max(0, first - header))] if begun < place else found


class _Lines:
    """Lines that have gone by, chunk after chunk."""

    def __init__(self, quote: bytes, longest: int | None) -> None:
        self._quote, self._longest = quote, longest
        self.count = 0
        self.divided_otherwise = False  # a line end within quotes, or one that is no line feed
        self._bytes = self._quotes = 0  # of the line that goes on in the next chunk
        self._carriage_return = False  # stood last

    def take(self, chunk: bytes) -> int:
        """Where the last line of the chunk ends, 0 if none does. Raises Unreadable for a line that is too long."""
        content = np.frombuffer(chunk, np.uint8)
        ends = np.flatnonzero(content == 10)
        if self._carriage_return and not chunk.startswith(b"\n"):
            self.divided_otherwise = True
        self._carriage_return = chunk.endswith(b"\r")
        if chunk.count(b"\r") - chunk.count(b"\r\n") - self._carriage_return:
            self.divided_otherwise = True
            ends = np.flatnonzero((content == 10) | (content == 13))
        lengths = np.diff(np.concatenate(([-1 - self._bytes], ends, [len(content)]))) - 1
        if self._longest is not None and lengths.max() > self._longest:
            line = self.count + int(np.argmax(lengths > self._longest)) + 1
            raise Unreadable(f"line {line} is longer than {self._longest} bytes; is its line end missing?")
        if self._quote in chunk or self._quotes:
            quotes = np.flatnonzero(content == self._quote[0])
            counts = np.diff(np.concatenate(([0], np.searchsorted(quotes, ends), [len(quotes)])))
            counts[0] += self._quotes
            self.divided_otherwise |= bool((counts[:-1] & 1).any())
            self._quotes = int(counts[-1])
        self.count += len(ends)
        self._bytes = int(lengths[-1])
        return int(ends[-1]) + 1 if len(ends) else 0


def rows(uri: str, form: Form, part: Part | None = None, longest_line: int = LONGEST_LINE) -> Iterator[Batch]:
    """The rows of a part, batch after batch. Raises Unreadable, with the file's name, where the file is damaged."""
    readers = {"csv": csv_rows, "jsonl": json_rows, "parquet": parquet_rows}
    try:
        for batch in readers[form.kind](uri, form, part or Part(), longest_line):
            for name, column in batch.cells.items():
                batch.cells[name] = pc.ascii_trim(column, BLANKS)
            for name, meaning in form.meanings:
                if name in batch.cells:  # what is declared may be in other files only
                    batch.cells[name] = meant(batch.cells[name], BY_NAME[meaning])
            yield batch
    except (Unreadable, pa.ArrowException, OSError) as broken:
        raise Unreadable(f"{uri}: {said(broken)}") from None


def chunks(uri: str, form: Form, part: Part) -> Iterator[bytes]:
    if not part.end:
        yield from as_utf8(unpacked(uri, form.wrapping.packing), form.wrapping.encoding)
        return
    left = part.end - part.start
    with storage.opened(uri, part.start, part.end) as file:
        while left and (chunk := file.read(min(packing.CHUNK, left))):
            left -= len(chunk)
            yield chunk.removeprefix(b"\xef\xbb\xbf") if part.start == 0 and left + len(chunk) == part.end else chunk


def blocks(uri: str, form: Form, part: Part, longest_line: int) -> Iterator[tuple[bytes, bool]]:
    """Whole lines, and whether they are the last. Raises Unreadable for a line that does not end."""
    held = b""
    for chunk in chunks(uri, form, part):
        content = held + chunk
        back = content.endswith(b"\r")  # its line feed may come with the next chunk
        content = whole_lines(content[:-1] if back else content)
        cut = content.rfind(b"\n") + 1
        held = content[cut:] + (b"\r" if back else b"")
        if len(held) > longest_line + packing.CHUNK:
            raise Unreadable(f"a line is longer than {longest_line} bytes; is its line end missing?")
        if cut:
            yield content[:cut], False
    held = whole_lines(held)
    yield (held if not held or held.endswith(b"\n") else held + b"\n"), True


def csv_rows(uri: str, form: Form, part: Part, longest_line: int) -> Iterator[Batch]:
    number = part.first  # lines behind the header that are done
    skip = 0 if part.start else form.header_line + 1
    held = b""
    for block, last in blocks(uri, form, part, longest_line):
        content = held + block
        while skip and content:
            end = content.find(b"\n") + 1
            if not end:
                break
            content, skip = content[end:], skip - 1
        try:
            found, taken, lines = rows_of(content, form.shape, last, longest_line)
        except LineTooLong as long:
            line = number + long.line + form.header_line + 2
            raise Unreadable(f"line {line} is longer than {longest_line} bytes; is its line end missing?") from None
        held = content[taken:]
        numbers = found.lines + number + 1
        faulty = [(n + number + 1, fault, text) for n, fault, text in found.faulty]
        if len(numbers) or faulty:
            yield Batch(numbers, dict(zip(form.names, found.cells, strict=True)), faulty)
        number += lines


def json_rows(uri: str, form: Form, part: Part, longest_line: int) -> Iterator[Batch]:
    number = 0
    with_comma = {name for name, meaning in form.meanings if meaning in WITH_COMMA}
    known: dict[str, None] = dict.fromkeys(form.names)
    for block, _ in blocks(uri, form, part, longest_line):
        numbers, objects, faulty = [], [], []
        for line in block.split(b"\n")[:-1] if block else []:
            number += 1
            if not line.strip():
                continue
            found = json_object(line)
            names = renamed(tuple(found or ()), form)
            row = None if found is None else dict(zip(names, texts_of(names, found, with_comma), strict=True))
            fault = fault_of(found, row)
            if row is None or fault:
                faulty.append((number, fault, line.decode("utf-8", "surrogateescape")))
                continue
            numbers.append(number)
            objects.append(row)
            known |= dict.fromkeys(row)
            if len(known) > MOST_COLUMNS:
                raise Unreadable(f"has more than {MOST_COLUMNS} different names in its objects; expected columns")
        cells = {name: pa.array([row.get(name) for row in objects], pa.string()) for name in known}
        if numbers or faulty:
            yield Batch(np.array(numbers, np.int64), cells, faulty)


def texts_of(names: list[str], found: dict, with_comma: Set[str]) -> list[str | None]:
    """What JSON itself knows as a number is spelt as the column's texts are, where these have a comma."""
    return [
        str(value).replace(".", ",") if isinstance(value, Number) and name in with_comma else json_text(value)
        for name, value in zip(names, found.values(), strict=True)
    ]


def fault_of(found: dict | None, row: dict[str, str | None] | None) -> str:
    """Why a line of JSON is no row, empty where it is one."""
    if found is None or row is None:
        return "no_json_object"
    if len(row) < len(found):
        return "name_twice"
    text = "".join(part for pair in row.items() for part in pair if part)
    if "\0" in text:
        return "nul_byte"
    return "" if text.isascii() or storable(text) else "not_utf8"


def renamed(names: tuple[str, ...], form: Form) -> list[str]:
    known = {name.lower(): name for name in form.names}
    return [known.get(name.strip().lower(), name.strip()) for name in names]


def parquet_rows(uri: str, form: Form, part: Part, longest_line: int) -> Iterator[Batch]:
    number = part.first
    with_comma = {name for name, meaning in form.meanings if meaning in WITH_COMMA}
    with storage.seekable(uri) as file:
        opened = pq.ParquetFile(file, pre_buffer=False, coerce_int96_timestamp_unit="us")
        groups = list(range(part.start, part.end)) if part.end else None
        for batch in opened.iter_batches(ROWS, row_groups=groups):
            numbers = np.arange(number + 1, number + len(batch) + 1)
            cells, faulty = texts(batch, form.names)
            # A stored number is spelt as the column's texts are in other files, where these have a comma.
            for name, column in zip(form.names, batch.columns, strict=True):
                if name in with_comma and is_number(column.type):
                    cells[name] = pc.replace_substring(cells[name], ".", ",")
            damaged = {n for n, _, _ in faulty}
            if damaged:
                kept = pa.array([n not in damaged for n in range(len(batch))])
                cells = {name: column.filter(kept) for name, column in cells.items()}
                numbers = numbers[np.array(kept)]
            yield Batch(numbers, cells, [(number + 1 + n, fault, line) for n, fault, line in faulty])
            number += len(batch)


def is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def texts(batch: pa.RecordBatch, names: tuple[str, ...]) -> tuple[dict[str, pa.Array], list[tuple[int, str, str]]]:
    """Columns as text, and rows with bytes that are no text or with a NUL byte."""
    cells: dict[str, pa.Array] = {}
    faults: dict[int, str] = {}
    as_they_came: dict[tuple[int, str], str] = {}
    for name, column in zip(names, batch.columns, strict=True):
        try:
            text, damaged = with_damaged(column)
        except (ValueError, LookupError, OverflowError) as broken:  # a day beyond what Python knows, an unknown zone
            found = f"column {name}: cells of type {column.type} cannot be written as text ({type(broken).__name__})"
            raise Unreadable(f"{found}; bring them as text, or leave the column out") from None
        faults |= dict.fromkeys(damaged, "not_utf8")
        as_they_came |= {(place, name): cell for place, cell in damaged.items()}
        cells[name] = text
        nul = pc.match_substring(text, "\0")
        if pc.any(nul).as_py():
            faults |= {place: "nul_byte" for place, found in enumerate(nul.to_pylist()) if found}
    faulty = []
    for place, fault in sorted(faults.items()):
        line = [as_they_came.get((place, name)) or column[place].as_py() or "" for name, column in cells.items()]
        faulty.append((place, fault, ",".join(line)))
    return cells, faulty
