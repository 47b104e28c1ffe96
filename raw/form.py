"""What a RAW file is: its kind, how it is packed and spelt, its columns, and what these mean. Declared, or found."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from features.cards import holds_card
from features.contract import Contract
from features.declared import File
from raw import storage
from raw.blocks import LONGEST_LINE, Shape, rows_of, whole_lines
from raw.names import ENDINGS, HIDDEN, SUFFIXES
from raw.packing import PLAIN, Wrapping, as_utf8, beginning, encoding_of, packing_of
from raw.refusal import Unreadable

Kind = Literal["csv", "jsonl", "parquet"]
SEPARATORS = ",;\t|"
QUOTES = "\"'"
NAMELESS = "column"
FOUND = File()  # nothing is declared
RESOLVED = b"raw.resolved"  # in a Parquet file's metadata: what its columns mean was decided when it was written
HEADER_WITHIN = 10  # lines: a publisher's note may stand before the header


@dataclass(frozen=True)
class Form:
    """`names` are the columns in the file's order, those of the contract as it spells them. `meanings` are those of
    columns whose cells do not tell for themselves, by their names in `raw.meanings`."""

    kind: Kind
    names: tuple[str, ...]
    wrapping: Wrapping = PLAIN
    separator: str = ","
    quote: str = '"'
    header_line: int = 0
    surplus: bool = False
    resolved: bool = False  # its cells have been read before: each tells for itself
    meanings: tuple[tuple[str, str], ...] = ()

    @property
    def shape(self) -> Shape:
        return Shape(len(self.names), self.separator, self.quote, self.surplus)


def layout_of(uri: str, contract: Contract, longest_line: int = LONGEST_LINE, file: File = FOUND) -> Form:
    """The form but for what its columns mean, as far as it is not declared. Raises Unreadable for a file that cannot be
    taken in."""
    name = uri.rpartition("/")[2]
    suffix = next((s for s in SUFFIXES if name.endswith(s)), "")
    if not suffix or name.startswith(HIDDEN):
        raise Unreadable(f"expected a file ending in {ENDINGS}, not hidden by `_` or `.`")
    if suffix == ".parquet":
        return parquet_form(uri, contract)
    try:
        text, wrapping, whole = text_of(uri, longest_line, file.encoding)
    except OSError as broken:
        raise Unreadable(f"cannot be read: {said(broken)}") from None
    form = json_form(text, contract, whole) if suffix.startswith(".jsonl") else csv_form(text, contract, whole, file)
    return replace(form, wrapping=wrapping)


def table_layout(uri: str, known: Collection[str], longest_line: int = LONGEST_LINE) -> Form:
    """The layout of a CSV file that keeps no contract: its header is the line with the most of the `known` names.
    Names stay as they are. Raises Unreadable."""
    text, wrapping, _ = text_of(uri, longest_line)
    tried = [(cells(line, separator, quote), separator, quote, place) for line, separator, quote, place in ways(text)]
    names, separator, quote, place = max(tried, key=lambda way: (len({*way[0]} & {*known}), -way[3], len(way[0])))
    return Form("csv", tuple(name.strip() for name in names), wrapping, separator, quote, place)


def text_of(uri: str, longest_line: int, encoding: str | None = None) -> tuple[bytes, Wrapping, bool]:
    """The file's beginning as UTF-8 lines, what it is wrapped in, and whether it is all of the file."""
    with storage.opened(uri) as file:
        head = file.read(4)
    if head == b"PAR1":
        raise Unreadable("is a Parquet file; name it .parquet")
    packing = packing_of(head)
    begins = beginning(uri, packing, longest_line)
    if not begins:
        raise Unreadable("is empty; expected a header line")
    wrapping = Wrapping(packing, encoding_of(begins, encoding))
    text = b"".join(as_utf8(iter([begins]), wrapping.encoding))
    return whole_lines(text), wrapping, len(begins) < longest_line


# CSV


def csv_form(text: bytes, contract: Contract, whole: bool, file: File = FOUND) -> Form:
    """`text` is the beginning of a file, `whole` says that it is all of it."""
    tried = [
        Form("csv", named(cells(line, separator, quote), contract), PLAIN, separator, quote, place)
        for line, separator, quote, place in ways(text, file)
    ]
    form = next((f for f in tried if set(contract.required) <= set(f.names)), None)
    form = form or max((f for f in tried if f.header_line == 0), key=lambda f: len(f.names))
    check_columns(form.names, contract)
    behind = text.split(b"\n", form.header_line + 1)[-1] if text.count(b"\n") > form.header_line else b""
    if whole and not behind.endswith(b"\n"):
        behind += b"\n"
    body = behind[: behind.rfind(b"\n") + 1]
    rows, _, _ = rows_of(body, form.shape, last=True, longest_line=len(body))
    if not file.quote and len(rows.faulty) and is_in_single_quotes(body, form.separator):
        single = replace(form, quote="'")
        read, _, _ = rows_of(body, single.shape, last=True, longest_line=len(body))
        if len(read.faulty) < len(rows.faulty):  # a separator stands within such quotes
            form, rows = single, read
    if not len(rows.lines) and body:
        wider = replace(form.shape, width=len(form.names) + 1)
        shifted, _, _ = rows_of(body, wider, last=True, longest_line=len(body))
        if len(shifted.lines) > len(shifted.faulty) and not any(shifted.cells[-1].to_pylist()):
            form = replace(form, surplus=True)
    return form


def is_in_single_quotes(body: bytes, separator: str) -> bool:
    """Whether every line has a cell in single quotes and none has a double one."""
    lines = [line.strip(b"\r") for line in body.split(b"\n") if line.strip()]
    edge = re.escape(separator.encode())
    quoted = re.compile(rb"(?:^|" + edge + rb")'[^']*'(?:" + edge + rb"|$)")
    return bool(lines) and b'"' not in body and all(quoted.search(line) for line in lines)


def ways(text: bytes, file: File = FOUND) -> Iterator[tuple[str, str, str, int]]:
    """Lines that may be the header with how they may be divided, the likeliest first. Raises Unreadable."""
    lines = text.split(b"\n", HEADER_WITHIN)[:HEADER_WITHIN]
    if b"\0" in lines[0]:
        raise Unreadable("has NUL bytes in its header; is it UTF-16 without a byte order mark? Expected UTF-8")
    if not lines[0].strip():
        raise Unreadable("begins with an empty line; expected a header line")
    try:
        lines[0].decode()
    except UnicodeDecodeError:
        raise Unreadable("has a header that is not UTF-8") from None
    for place, line in enumerate(lines):
        if line.strip():
            for separator in file.separator or SEPARATORS:
                for quote in file.quote or QUOTES:
                    yield line.decode("utf-8", "replace"), separator, quote, place


def cells(line: str, separator: str, quote: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, quotechar=quote), [])
    except csv.Error:
        return []


def named(names: Sequence[str], contract: Contract) -> tuple[str, ...]:
    """The contract's columns are known in any case; further columns keep their own, one without a name its place."""
    known = {column.name.lower(): column.name for column in contract.columns}
    stripped = [name.strip() or f"column_{place}" for place, name in enumerate(names, 1)]
    return tuple(known.get(name.lower(), name) for name in stripped)


def check_columns(names: Sequence[str], contract: Contract) -> None:
    """Names that could be card numbers are not repeated: in a file without a header they are cells."""
    shown = {name: name if not holds_card(name) else "(a card number)" for name in names}
    missing = [name for name in contract.required if name not in names]
    if missing:
        raise Unreadable(
            f"column {', '.join(missing)} is missing; {contract.entity} needs {', '.join(contract.required)}; "
            f"the file has {', '.join(shown[name] for name in names)}"
        )
    times = Counter(name.lower() for name in names)
    twice = [shown[name] for name in names if times[name.lower()] > 1]
    if twice:
        raise Unreadable(f"expected every column once, whatever its case; the file has {', '.join(twice)}")


# JSON lines


def json_form(text: bytes, contract: Contract, whole: bool) -> Form:
    lines = [line for line in text.split(b"\n")[: None if whole else -1] if line.strip()]
    objects = [found for line in lines if (found := json_object(line)) is not None]
    if not objects:
        raise Unreadable("expected a JSON object in each line, found none in its first lines")
    every = dict.fromkeys(name for found in objects for name in found)
    names = tuple(dict.fromkeys(named(list(every), contract)))
    check_columns(names, contract)
    return Form("jsonl", names)


class Number(str):
    """The text of what JSON knows as a number."""


def json_object(line: bytes | str) -> dict | None:
    """Numbers stay the text that they are; None of a line that is no JSON object, or has a name twice."""
    if isinstance(line, bytes):
        line = line.removeprefix(codecs.BOM_UTF8)
    try:
        found = json.loads(
            line,
            strict=False,
            parse_float=Number,
            parse_int=Number,
            parse_constant=lambda _: None,
            object_pairs_hook=once,
        )
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object; a name without letters gets one of ours. Raises ValueError for a name that comes twice."""
    found = {name.strip() or NAMELESS: value for name, value in pairs}
    if len(found) < len(pairs):
        raise ValueError("a name comes twice")
    return found


def json_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False)


# Parquet


def parquet_form(uri: str, contract: Contract) -> Form:
    try:
        with storage.seekable(uri) as file:
            opened = pq.ParquetFile(file)
            names = named(opened.schema_arrow.names, contract)
            resolved = (opened.metadata.metadata or {}).get(RESOLVED) is not None
            check_columns(names, contract)
    except (pa.ArrowException, OSError, ValueError, LookupError, OverflowError) as broken:
        if isinstance(broken, Unreadable):
            raise
        raise Unreadable(f"cannot be read as parquet: {said(broken)}") from None
    return Form("parquet", names, resolved=resolved)


def said(broken: Exception) -> str:
    """What a library found, in one line."""
    return next((line.strip() for line in str(broken).splitlines() if line.strip()), type(broken).__name__)[:200]
