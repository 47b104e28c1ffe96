"""One person out of a file: which rows are theirs, the file without them, and whether anything of them is left.

A row is theirs when a column of that name holds their `customer_id`, or a `transaction_id` or `loan_id` of theirs (the
training sets call both `identifier`). Elsewhere, in a cell of somebody else's row or in a report, an identifier that
stands as a word of its own is replaced by FORGOTTEN. An identifier of digits alone is looked for in those columns only:
anywhere else it may as well be an amount.

Files are Parquet, CSV, JSON lines or one JSON document. Archives and models are searched, never rewritten.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.values import BLANKS

FORGOTTEN = "forgotten"
IDENTIFYING = ("customer_id", "transaction_id", "loan_id", "identifier")
WITHOUT_HEADER = ("customer_id", "loan_id")  # the first columns of the CSV files that Batch Transform reads and writes
WORD = re.compile(r"[\w-]+")

Row = Mapping[str, str | None]  # identifying columns of one row, as text


class CannotRewrite(ValueError):
    """A file holds the person and is of a kind that is never rewritten."""


@dataclass(frozen=True)
class Person:
    """A customer, and the payments and loans that are theirs alone."""

    customer_id: str
    transactions: frozenset[str] = frozenset()
    loans: frozenset[str] = frozenset()

    @cached_property
    def identifiers(self) -> dict[str, frozenset[str]]:
        """Whose row it is, by column."""
        return {
            "customer_id": frozenset({self.customer_id}),
            "transaction_id": self.transactions,
            "loan_id": self.loans,
            "identifier": self.transactions | self.loans,
        }

    @cached_property
    def words(self) -> frozenset[str]:
        """Identifiers that are one word, and can be recognised wherever it stands."""
        everything = (self.customer_id, *self.transactions, *self.loans)
        return frozenset(i for i in everything if WORD.fullmatch(i) and not i.isdigit())

    @cached_property
    def phrases(self) -> dict[str, re.Pattern[str]]:
        """Identifiers of more than one word, and how they stand in a text."""
        everything = (self.customer_id, *self.transactions, *self.loans)
        return {i: re.compile(rf"(?<![\w-]){re.escape(i)}(?![\w-])") for i in everything if not WORD.fullmatch(i)}


@dataclass(frozen=True)
class Scrubbed:
    """A file without the person: its content, none when no row is left, and what was taken out."""

    content: bytes | None
    rows: int
    cells: int


@dataclass(frozen=True)
class Belongings:
    """Payments and loans by whose they are."""

    transactions: frozenset[str] = frozenset()
    loans: frozenset[str] = frozenset()


def belongings(body: bytes, customer_id: str) -> Belongings:
    """The payments and loans that the file's rows of a customer name."""
    return named(row for row in rows_of(body) if row.get("customer_id") == customer_id)


def of_others(body: bytes, person: Person) -> Belongings:
    """Which of the person's payments and loans the file also names in a row of somebody else."""
    others = named(row for row in rows_of(body) if row.get("customer_id") not in (None, "", person.customer_id))
    return Belongings(others.transactions & person.transactions, others.loans & person.loans)


def named(rows: Iterable[Row]) -> Belongings:
    found = [(row.get("transaction_id"), row.get("loan_id")) for row in rows]
    return Belongings(frozenset(t for t, _ in found if t), frozenset(loan for _, loan in found if loan))


def holds(body: bytes, person: Person) -> bool:
    """Whether the file holds the person, after decompression and decoding."""
    if is_opaque(body):
        return any(mentions(text(member), person) for member in members(body))
    done = scrubbed(body, person)
    return bool(done.rows or done.cells)


def scrubbed(body: bytes, person: Person) -> Scrubbed:
    """The file without the person. A file that does not hold them comes back byte for byte. Raises CannotRewrite."""
    if is_opaque(body):
        if holds(body, person):
            raise CannotRewrite("archives and models are never rewritten: make it again from data without the person")
        return Scrubbed(body, 0, 0)
    if is_parquet(body):
        return scrubbed_parquet(body, person)
    document = parsed(text(body)) if b"\n" in body.strip() and body.lstrip()[:1] in (b"{", b"[") else None
    if document is not None:
        if isinstance(document, dict) and theirs(cells_of(document), person):
            return Scrubbed(None, 1, 0)
        changed, cells = redacted(document, person)
        return Scrubbed(json.dumps(changed, indent=1, sort_keys=True).encode() if cells else body, 0, cells)
    return scrubbed_lines(body, person)


def theirs(row: Row, person: Person) -> bool:
    return any(row.get(name) in wanted for name, wanted in person.identifiers.items() if row.get(name) is not None)


def cells_of(document: Mapping[str, Any]) -> Row:
    return {name: trimmed(document[name]) for name in IDENTIFYING if document.get(name) is not None}


def trimmed(cell: object) -> str:
    return str(cell).strip(BLANKS)


# Parquet


def scrubbed_parquet(body: bytes, person: Person) -> Scrubbed:
    file = pq.ParquetFile(io.BytesIO(body))
    table = file.read()
    keep = pc.invert(belonging(table, person))
    rest = table.filter(keep)
    cells = 0
    for position, column in enumerate(rest.schema):
        if column.name in IDENTIFYING or not any(mentions(value, person) for value in texts(rest.column(position))):
            continue
        pairs = [redacted(value, person) for value in rest.column(position).to_pylist()]
        cells += sum(count for _, count in pairs)
        rest = rest.set_column(position, column, pa.array([value for value, _ in pairs], column.type))
    rows = table.num_rows - rest.num_rows
    if not rows and not cells:
        return Scrubbed(body, 0, 0)
    if not rest.num_rows:
        return Scrubbed(None, rows, cells)
    chunk = file.metadata.row_group(0).column(0)
    physical = {file.schema.column(n).physical_type for n in range(len(file.schema))}
    sink = io.BytesIO()
    pq.write_table(
        rest,
        sink,
        compression=chunk.compression if chunk.compression != "UNCOMPRESSED" else "none",
        use_deprecated_int96_timestamps="INT96" in physical,  # Spark does not read the nanoseconds they would become
    )
    return Scrubbed(sink.getvalue(), rows, cells)


def belonging(table: pa.Table, person: Person) -> pa.Array:
    """A mask of the person's rows."""
    mask = pa.array([False] * table.num_rows)
    for name, wanted in person.identifiers.items():
        if name in table.column_names and wanted:
            mask = pc.or_(mask, pc.is_in(identifiers(table.column(name)), pa.array(sorted(wanted), pa.string())))
    return mask


def identifiers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.utf8_trim(pc.cast(column, pa.string()), BLANKS)


def texts(column: pa.ChunkedArray | pa.Array) -> Iterator[str]:
    """Every different text in a column, at whatever depth."""
    kind = column.type
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            yield from (value for value in chunk.unique().to_pylist() if value is not None)
        elif pa.types.is_dictionary(kind):
            yield from texts(chunk.dictionary)
        elif pa.types.is_map(kind):
            yield from texts(chunk.keys)
            yield from texts(chunk.items)
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
            yield from texts(chunk.flatten())
        elif pa.types.is_struct(kind):
            for part in chunk.flatten():
                yield from texts(part)


# Text


def scrubbed_lines(body: bytes, person: Person) -> Scrubbed:
    """CSV and JSON lines: every other line stays byte for byte."""
    kept, rows, cells, records = [], 0, 0, 0
    row_of = reader(body)
    for number, line in enumerate(body.splitlines(keepends=True)):
        row = row_of(number, line)
        records += row is not None
        if row is not None and theirs(row, person):
            rows += 1
            continue
        content = text(line)
        if mentions(content, person):
            content, count = redacted(content, person)
            cells += count
            line = content.encode("utf-8", "surrogateescape")
        kept.append(line)
    if not rows and not cells:
        return Scrubbed(body, 0, 0)
    return Scrubbed(b"".join(kept) if records > rows or not rows else None, rows, cells)


def reader(body: bytes) -> Callable[[int, bytes], Row | None]:
    """Reads a line by its number and bytes; none for a header, and for what is no record."""
    first = next(iter(body.splitlines()), b"")
    if first.lstrip()[:1] == b"{":
        return lambda _, line: cells_of(found) if isinstance(found := parsed(text(line)), dict) else None
    names = [trimmed(name) for name in next(csv.reader([text(first.removeprefix(codecs.BOM_UTF8))]), [])]
    header = any(name in IDENTIFYING for name in names)
    columns = names if header else list(WITHOUT_HEADER)

    def row(number: int, line: bytes) -> Row | None:
        if header and number == 0:
            return None
        try:
            cells = next(csv.reader([text(line)]), [])
        except csv.Error:  # a text of another kind: it is searched as one
            return None
        return cells_of(dict(zip(columns, cells, strict=False))) if cells else None

    return row


def rows_of(body: bytes) -> Iterator[Row]:
    """The identifying columns of every row of a file; archives and reports have no rows."""
    if is_opaque(body):
        return
    if is_parquet(body):
        file = pq.ParquetFile(io.BytesIO(body))
        names = [name for name in IDENTIFYING if name in file.schema_arrow.names]
        table = file.read(columns=names)
        columns = {name: identifiers(table.column(name)).to_pylist() for name in names}
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(names, values, strict=True))
        return
    row_of = reader(body)
    for number, line in enumerate(body.splitlines()):
        row = row_of(number, line)
        if row is not None:
            yield row


def parsed(content: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def text(content: bytes) -> str:
    """Bytes that are no UTF-8 come back as they were."""
    return content.decode("utf-8", "surrogateescape")


# Kinds of files


def is_parquet(body: bytes) -> bool:
    return body[:4] == b"PAR1"


def is_opaque(body: bytes) -> bool:
    """Packed, or binary of a kind that is not known here."""
    return body[:2] == b"\x1f\x8b" or (not is_parquet(body) and b"\0" in body)


def members(body: bytes) -> Iterator[bytes]:
    """The files of an archive, the content of a packed file, or the file itself."""
    content = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                if (opened := archive.extractfile(member)) is not None:
                    yield opened.read()
    except tarfile.ReadError:
        yield content


# Words


def mentions(content: str, person: Person) -> bool:
    """Whether an identifier stands in a text as a word of its own."""
    if not person.words.isdisjoint(WORD.findall(content)):
        return True
    return any(identifier in content and found.search(content) for identifier, found in person.phrases.items())


def redacted(value: Any, person: Person) -> tuple[Any, int]:
    """A value with the identifiers in its texts replaced, at whatever depth, and how many texts were changed."""
    if isinstance(value, str):
        if not mentions(value, person):
            return value, 0
        for found in person.phrases.values():
            value = found.sub(FORGOTTEN, value)
        return WORD.sub(lambda word: FORGOTTEN if word[0] in person.words else word[0], value), 1
    if isinstance(value, dict):
        pairs = [(redacted(k, person), redacted(v, person)) for k, v in value.items()]
        return {k[0]: v[0] for k, v in pairs}, sum(k[1] + v[1] for k, v in pairs)
    if isinstance(value, list | tuple):
        items = [redacted(item, person) for item in value]
        return type(value)(item for item, _ in items), sum(count for _, count in items)
    return value, 0
