"""One person out of a file: which rows are theirs, the file without them, and whether anything of them is left.

A row is theirs when a column of that name holds their `customer_id`, or a `transaction_id` or `loan_id` of theirs (the
training sets call both `identifier`). Columns are known as the lake knows them: whatever their case and the blanks
around. A row of which nobody knows the columns, because it has too many cells or too few, is theirs when any cell is
one of their identifiers. Elsewhere, in a cell of somebody else's row or in a report, an identifier that stands as a
word of its own is replaced by FORGOTTEN. An identifier of digits alone is looked for below those names only: anywhere
else it may as well be an amount.

Files are Parquet, CSV, JSON lines or one JSON document. Archives and models are searched, never rewritten. Where files
of text lie (`of_lines`), a NUL byte does not make one an archive: it is a byte of a line, and only that line is no row;
and what the lake reads there packed, or in another encoding, is taken out and put back in the same form.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as given
from functools import cached_property
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.values import BLANKS
from glue.transforms.wrapped import taken_out, unzipped
from raw.as_text import text_of
from raw.blocks import LEAST_CELLS, LONGEST_LINE, Shape, one_row, whole_lines
from raw.form import HEADER_WITHIN, QUOTES, SEPARATORS, json_object, json_text
from raw.form import cells as cells_in
from raw.packing import DAMAGED, packing_of

FORGOTTEN = "forgotten"
IDENTIFYING = ("customer_id", "transaction_id", "loan_id", "identifier")
WITHOUT_HEADER = ("customer_id", "loan_id")  # the first columns of the CSV files that Batch Transform reads and writes
LINE = "line"  # the quarantine's column with the text of what was no row
WORD = re.compile(r"[\w-]+")
BETWEEN_CELLS = re.compile(r"[,;|\t:{}\[\]\0]")  # of a CSV line, and of JSON that is cut off
NAMELESS = "no column of it has an identifying name, so nobody knows whose its rows are: delete it or name its columns"
ESCAPES = re.compile(r"(?<!\\)(?:\\+u[0-9a-fA-F]{4})+")  # letters as JSON may write them, at any depth of nesting

Row = Mapping[str, str | None]  # identifying columns of one row, as text


class CannotRewrite(ValueError):
    """A file holds the person and is of a kind that is never rewritten."""


@dataclass(frozen=True)
class Record:
    """One row: its identifying columns, and the cells of which nobody knows the column."""

    row: Row
    loose: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Person:
    """A customer, and the payments and loans that are theirs alone. `named` are identifiers of declared entities that
    only their payments name, by column (`glue.naming`): rows of feature groups are theirs by these, no others."""

    customer_id: str
    transactions: frozenset[str] = frozenset()
    loans: frozenset[str] = frozenset()
    named: Mapping[str, frozenset[str]] = given(default_factory=dict, hash=False)

    @cached_property
    def identifiers(self) -> dict[str, frozenset[str]]:
        """Whose row it is, by column."""
        own = {
            "customer_id": frozenset({self.customer_id}),
            "transaction_id": self.transactions,
            "loan_id": self.loans,
            "identifier": self.transactions | self.loans,
        }
        return {key: own.get(key, frozenset()) | self.named.get(key, frozenset()) for key in (*own, *self.named)}

    @cached_property
    def everything(self) -> frozenset[str]:
        return frozenset({self.customer_id}) | self.transactions | self.loans

    @cached_property
    def words(self) -> frozenset[str]:
        """Identifiers that are one word, and can be recognised wherever it stands."""
        return frozenset(i for i in self.everything if WORD.fullmatch(i) and not i.isdigit())

    @cached_property
    def phrases(self) -> dict[str, re.Pattern[str]]:
        """Identifiers of more than one word, and how they stand in a text."""
        many = (i for i in self.everything if not WORD.fullmatch(i))
        return {i: re.compile(rf"(?<![\w-]){re.escape(i)}(?![\w-])") for i in many}


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


def belongings(
    body: bytes, customer_id: str, without_header: Sequence[str] = WITHOUT_HEADER, of_lines: bool = False
) -> Belongings:
    """The payments and loans that the file's rows of a customer name. `without_header` are the first columns of a CSV
    file that has no header, none where it must have one; `of_lines` says that text lies in its place."""
    return named(row for row in rows_of(body, without_header, of_lines) if row.get("customer_id") == customer_id)


def of_others(
    body: bytes, person: Person, without_header: Sequence[str] = WITHOUT_HEADER, of_lines: bool = False
) -> Belongings:
    """Which of the person's payments and loans the file also names in a row of somebody else."""
    rows = rows_of(body, without_header, of_lines)
    others = named(row for row in rows if row.get("customer_id") not in (None, "", person.customer_id))
    return Belongings(others.transactions & person.transactions, others.loans & person.loans)


def named(rows: Iterable[Row]) -> Belongings:
    found = [(row.get("transaction_id"), row.get("loan_id")) for row in rows]
    return Belongings(frozenset(t for t, _ in found if t), frozenset(loan for _, loan in found if loan))


def holds(body: bytes, person: Person, without_header: Sequence[str] = WITHOUT_HEADER, of_lines: bool = False) -> bool:
    """Whether the file holds the person, after decompression and decoding."""
    try:
        done = scrubbed(body, person, without_header, of_lines)
    except CannotRewrite:
        return True
    return bool(done.rows or done.cells)


def scrubbed(
    body: bytes, person: Person, without_header: Sequence[str] = WITHOUT_HEADER, of_lines: bool = False
) -> Scrubbed:
    """The file without the person. A file that does not hold them comes back byte for byte. Raises CannotRewrite."""
    if is_parquet(body):
        return scrubbed_parquet(body, person, without_header)
    if of_lines and (wrapped := taken_out(body)) is not None and wrapped[0] != body:
        content, again = wrapped
        done = scrubbed(content, person, without_header, of_lines)
        if done.content is content:
            return Scrubbed(body, 0, 0)
        return Scrubbed(None if done.content is None else again(done.content), done.rows, done.cells)
    if is_opaque(body, of_lines):
        if any(mentions(text(member), person) for member in members(body)):
            raise CannotRewrite("archives and models are never rewritten: make it again from data without the person")
        return Scrubbed(body, 0, 0)
    document = parsed(text(body)) if is_document(body) else None
    if document is not None:
        if isinstance(document, dict) and theirs(record_of(document), person):
            return Scrubbed(None, 1, 0)
        changed, cells = redacted(document, person)
        return Scrubbed(json.dumps(changed, indent=1, sort_keys=True).encode() if cells else body, 0, cells)
    return scrubbed_lines(body, person, without_header)


def theirs(record: Record, person: Person) -> bool:
    row = record.row
    return not person.everything.isdisjoint(record.loose) or any(
        row.get(name) in wanted for name, wanted in person.identifiers.items() if row.get(name) is not None
    )


def column(name: str) -> str:
    """A column's name as the lake knows it."""
    return name.strip().lower()


def record_of(document: Mapping[str, Any]) -> Record:
    """A JSON object as a row. What the quarantine keeps of a row that was none is a text: its cells have no columns."""
    line = document.get(LINE)
    return Record(cells_of(document), loose(line) if isinstance(line, str) else frozenset())


def cells_of(cells: Mapping[str, Any]) -> Row:
    found = {column(name): cell for name, cell in cells.items() if cell is not None}
    return {name: trimmed(found[name]) for name in IDENTIFYING if name in found}


def loose(line: str) -> frozenset[str]:
    """The cells of a text that may be a line of a table, or an object, and is neither."""
    return frozenset(cell.strip(BLANKS + "\\\"'") for cell in BETWEEN_CELLS.split(unescaped(line)))


def trimmed(cell: object) -> str:
    return str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip(BLANKS)


# Parquet


def scrubbed_parquet(body: bytes, person: Person, without_header: Sequence[str]) -> Scrubbed:
    file = pq.ParquetFile(io.BytesIO(body))
    table = file.read()
    identifying = [n for n, name in enumerate(table.column_names) if column(name) in IDENTIFYING]
    if not (identifying or without_header) and pc.any(anywhere(table, person)).as_py():
        raise CannotRewrite(NAMELESS)
    rest = table.filter(pc.invert(belonging(table, person)))
    cells = 0
    for position, field in enumerate(rest.schema):
        if is_plain(field.type) and position in identifying:
            continue
        if not any(mentions(value, person) or column(value) in IDENTIFYING for value in texts(rest.column(position))):
            continue
        pairs = [redacted(value, person) for value in rest.column(position).to_pylist()]
        cells += sum(count for _, count in pairs)
        if any(count for _, count in pairs):
            rest = rest.set_column(position, field, pa.array([value for value, _ in pairs], field.type))
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
    for position, name in enumerate(table.column_names):
        wanted = person.identifiers.get(column(name))
        if wanted and is_plain(table.schema.field(position).type):
            mask = pc.or_(mask, pc.is_in(identifiers(table.column(position)), among(wanted)))
    return mask


def anywhere(table: pa.Table, person: Person) -> pa.Array:
    """A mask of the rows that have an identifier in any cell."""
    mask = pa.array([False] * table.num_rows)
    for values in table.columns:
        if is_plain(values.type):
            mask = pc.or_(mask, pc.is_in(identifiers(values), among(person.everything)))
    return mask


def among(wanted: frozenset[str]) -> pa.Array:
    return pa.array(sorted(wanted), pa.string())


def is_plain(kind: pa.DataType) -> bool:
    """A column of which a cell can be an identifier."""
    if pa.types.is_dictionary(kind):
        return is_plain(kind.value_type)
    texts_or_numbers = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_floating)
    return is_binary(kind) or pa.types.is_decimal(kind) or any(is_one(kind) for is_one in texts_or_numbers)


def identifiers(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column's cells as the lake reads them: a number that came as a float is the whole number that it is."""
    return pc.utf8_trim(text_of(values), BLANKS)


def is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def texts(values: pa.ChunkedArray | pa.Array) -> Iterator[str]:
    """Every different text in a column, at whatever depth, and the names of what it holds."""
    kind = values.type
    for chunk in values.chunks if isinstance(values, pa.ChunkedArray) else [values]:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            yield from (value for value in chunk.unique().to_pylist() if value is not None)
        elif is_binary(kind):
            yield from (text(value) for value in chunk.to_pylist() if value is not None)
        elif pa.types.is_dictionary(kind):
            yield from texts(chunk.dictionary)
        elif pa.types.is_map(kind):
            yield from texts(chunk.keys)
            yield from texts(chunk.items)
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
            yield from texts(chunk.flatten())
        elif pa.types.is_struct(kind):
            yield from (field.name for field in kind)
            for part in chunk.flatten():
                yield from texts(part)


# Text


def scrubbed_lines(body: bytes, person: Person, without_header: Sequence[str]) -> Scrubbed:
    """CSV and JSON lines: every other line stays byte for byte."""
    kept, rows, cells, records = [], 0, 0, 0
    layout = layout_of(body)
    record_in = reader(body, without_header, layout)
    nameless = not (holds_objects(body) or layout.names or without_header)
    for number, line in enumerate(rows_in(body, layout)):
        record = record_in(number, line)
        records += record is not None
        if record is not None and theirs(record, person):
            if nameless:
                raise CannotRewrite(NAMELESS)
            rows += 1
            continue
        line, count = redacted_line(line, person)
        cells += count
        kept.append(line)
    if not rows and not cells:
        return Scrubbed(body, 0, 0)
    return Scrubbed(b"".join(kept) if records > rows or not rows else None, rows, cells)


@dataclass(frozen=True)
class Layout:
    """How a CSV file's lines are divided. No names where no header has an identifying one: its line may be a row."""

    names: tuple[str, ...] = ()
    header_line: int = 0
    separator: str = ","
    quote: str = '"'


def holds_objects(body: bytes) -> bool:
    """Whether lines are JSON objects: one of the first is, whatever stands beside it."""
    first = body[: 1 << 20].removeprefix(codecs.BOM_UTF8).splitlines()[:HEADER_WITHIN]
    return any(line.lstrip().startswith(b"{") for line in first)


def object_of(line: bytes) -> Record | None:
    """A JSON object as a row: its cells are the texts that the lake reads in them, and of whole numbers that a tool has
    written as floats the numbers, too. One that the lake cannot read is looked through as any other text."""
    found = json_object(line.removeprefix(codecs.BOM_UTF8))
    if found is None:
        document = parsed(text(line))
        return record_of(document) if isinstance(document, dict) else None
    record = record_of({name: json_text(value) for name, value in found.items()})
    whole = frozenset(cell.removesuffix(".0") for cell in record.row.values() if cell is not None)
    return Record(record.row, record.loose | whole)


def layout_of(body: bytes) -> Layout:
    """By the first of the lines in which a header may stand that has an identifying name, as the lake finds it."""
    lines = body[: 1 << 20].splitlines()[:HEADER_WITHIN]
    for number, line in enumerate(lines):
        for separator in SEPARATORS:
            for quote in QUOTES:
                names = cells_in(text(line.removeprefix(codecs.BOM_UTF8)), separator, quote)
                known = tuple(column(name) for name in names)
                if any(name in IDENTIFYING for name in known):
                    return Layout(known, number, separator, quote)
    return Layout()


def rows_in(body: bytes, layout: Layout) -> Iterator[bytes]:
    """Line after line, and those together that are one row: a cell in quotes may hold line ends."""
    lines = body.splitlines(keepends=True)
    quote = layout.quote.encode()
    odd = [n for n, line in enumerate(lines) if line.count(quote) % 2] if layout.names else []
    closing_of = {}
    taken = -1
    for opening, closing in pairwise(odd):
        if opening > taken and is_one_row(b"".join(lines[opening : closing + 1]), layout):
            closing_of[opening] = taken = closing
    number = 0
    while number < len(lines):
        end = closing_of.get(number, number)
        yield b"".join(lines[number : end + 1])
        number = end + 1


def is_one_row(content: bytes, layout: Layout) -> bool:
    """As the lake sees it: not when a line within is a row of its own, nor beyond the longest line."""
    if len(content) > LONGEST_LINE + 2:
        return False
    within = content.splitlines()[1:-1]
    if len(layout.names) >= LEAST_CELLS and any(cells_over_lines(line, layout) for line in within):
        return False
    return cells_over_lines(content, layout) is not None


def cells_over_lines(content: bytes, layout: Layout) -> list[str] | None:
    """The cells of a row, with or without a separator behind it."""
    line = whole_lines(content).removesuffix(b"\n")
    shapes = (Shape(len(layout.names), layout.separator, layout.quote, surplus) for surplus in (False, True))
    return next((cells for shape in shapes if (cells := one_row(line, shape)) is not None), None)


def redacted_line(line: bytes, person: Person) -> tuple[bytes, int]:
    """A line is the very same when nothing in it had to be replaced."""
    content = text(line)
    document = parsed(content) if is_json(line) else None
    changed, count = redacted(content if document is None else document, person)
    if not count:
        return line, 0
    if document is not None:
        changed = json.dumps(changed) + content[len(content.rstrip("\r\n")) :]
    return changed.encode("utf-8", "surrogateescape"), count


def reader(body: bytes, without_header: Sequence[str], layout: Layout) -> Callable[[int, bytes], Record | None]:
    """Reads a row by its number and bytes; none for a header and what stands before it, and for what is no record."""
    if holds_objects(body):
        return lambda _, line: object_of(line)
    names = layout.names

    def record(number: int, row: bytes) -> Record | None:
        if names and number <= layout.header_line:
            return None
        content = text(row)
        cells: list[str] | None
        if names and b"\n" in row.rstrip(b"\r\n"):
            cells = cells_over_lines(row, layout)
        else:
            cells = cells_in(content, layout.separator, layout.quote)
        if not cells:
            return None
        if not names and without_header:
            return Record(cells_of(dict(zip(without_header, cells, strict=False))))
        if len(cells) == len(names) + 1 and not cells[-1].strip(BLANKS):
            cells = cells[:-1]  # a separator behind the row
        if len(cells) != len(names) or content.count(layout.quote) % 2 or "\0" in content:
            return Record({}, loose(content))
        return Record(cells_of(dict(zip(names, cells, strict=True))))

    return record


def rows_of(body: bytes, without_header: Sequence[str], of_lines: bool) -> Iterator[Row]:
    """The identifying columns of every row of a file; archives and reports have no rows."""
    if of_lines and not is_parquet(body) and (wrapped := taken_out(body)) is not None:
        body = wrapped[0]
    if is_opaque(body, of_lines):
        return
    if is_parquet(body):
        file = pq.ParquetFile(io.BytesIO(body))
        plain = [f for f in file.schema_arrow if column(f.name) in IDENTIFYING and is_plain(f.type)]
        table = file.read(columns=[field.name for field in plain])
        columns = [identifiers(values).to_pylist() for values in table.columns]
        names = [column(name) for name in table.column_names]
        for values in zip(*columns, strict=True):
            yield dict(zip(names, values, strict=True))
        return
    layout = layout_of(body)
    record_in = reader(body, without_header, layout)
    for number, line in enumerate(rows_in(body, layout)):
        record = record_in(number, line)
        if record is not None:
            yield record.row


def parsed(content: str) -> Any:
    try:
        return json.loads(content, strict=False)  # a control character in a text is no reason not to read the rest
    except (ValueError, RecursionError):
        return None


def text(content: bytes) -> str:
    """Bytes that are no UTF-8 come back as they were."""
    return content.decode("utf-8", "surrogateescape")


# Kinds of files


def is_parquet(body: bytes) -> bool:
    return body[:4] == b"PAR1"


def is_json(body: bytes) -> bool:
    return body.lstrip()[:1] == b"{"


def is_document(body: bytes) -> bool:
    """One JSON document rather than a line of its own for every record."""
    return body.lstrip()[:1] == b"[" or (is_json(body) and b"\n" in body.strip())


def is_opaque(body: bytes, of_lines: bool) -> bool:
    """Packed, or binary of a kind that is not known here. Among files of lines it is what the lake refuses as no text,
    by its beginning or its header."""
    if is_parquet(body):
        return False
    if of_lines:
        named = b"" if is_json(body) or is_document(body) else next(iter(body.splitlines()), b"")
        return taken_out(body) is None or b"\0" in named
    return packing_of(body) == "gzip" or b"\0" in body


def members(body: bytes) -> Iterator[bytes]:
    """The files of an archive, the content of a packed file, or the file itself."""
    content = unzipped(body) or body if packing_of(body) == "gzip" else body
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            yield from (packed.read(name) for name in packed.namelist())
        return
    except DAMAGED:
        pass  # no archive of this kind, or one that is damaged: its bytes are searched as they are
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
    content = unescaped(content)
    if not person.words.isdisjoint(WORD.findall(content)):
        return True
    return any(identifier in content and found.search(content) for identifier, found in person.phrases.items())


def unescaped(content: str) -> str:
    """A text with its letters where JSON wrote their numbers: a text may be JSON that holds JSON."""
    return ESCAPES.sub(letters, content) if "\\u" in content else content


def letters(escaped: re.Match[str]) -> str:
    """What would change the JSON around it, or is no whole letter, stays a number."""
    numbers = re.findall(r"u([0-9a-fA-F]{4})", escaped[0])
    written = bytes.fromhex("".join(numbers)).decode("utf-16-be", "replace")
    return written if written.isprintable() and not {'"', "\\", "\ufffd"} & set(written) else escaped[0]


def redacted(value: Any, person: Person) -> tuple[Any, int]:
    """A value with the identifiers in its texts replaced, at whatever depth, and how many texts were changed. What has
    the name of an identifying column is compared whole, digits too."""
    if isinstance(value, bytes):
        changed, count = redacted(text(value), person)
        return (changed.encode("utf-8", "surrogateescape"), count) if count else (value, 0)
    if isinstance(value, str):
        if not mentions(value, person):
            return value, 0
        value = unescaped(value)
        for found in person.phrases.values():
            value = found.sub(FORGOTTEN, value)
        return WORD.sub(lambda word: FORGOTTEN if word[0] in person.words else word[0], value), 1
    if isinstance(value, dict):
        pairs = [redacted_pair(pair, person) for pair in value.items()]
        return dict(pair for pair, _ in pairs), sum(count for _, count in pairs)
    if isinstance(value, tuple) and len(value) == 2:  # an entry of a map, as Arrow gives it
        return redacted_pair(value, person)
    if isinstance(value, list | tuple):
        items = [redacted(item, person) for item in value]
        return type(value)(item for item, _ in items), sum(count for _, count in items)
    return value, 0


def redacted_pair(pair: tuple[Any, Any], person: Person) -> tuple[tuple[Any, Any], int]:
    name, value = pair
    wanted = person.identifiers.get(column(name), frozenset()) if isinstance(name, str) else frozenset()
    if isinstance(value, str | int | float) and trimmed(value) in wanted:
        return (name, FORGOTTEN), 1
    (new_name, in_name), (new_value, in_value) = redacted(name, person), redacted(value, person)
    return (new_name, new_value), in_name + in_value
