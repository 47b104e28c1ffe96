"""What a CSV file is before Spark reads it: the columns of its header, and no line longer than memory takes."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable

LONGEST_LINE = 1 << 20  # bytes; Spark holds a line whole, and a file without line ends would be one
LINE_END = re.compile(rb"[\r\n]")

# What files of other kinds begin with: each would be read as one very odd CSV.
OTHER_KINDS = {
    b"PAR1": "is a Parquet file; name it .parquet",
    b"\x1f\x8b": "is compressed; expected plain text",
    b"PK\x03\x04": "is a ZIP archive or a spreadsheet; expected plain text",
    b"\xff\xfe": "is UTF-16; expected UTF-8",
    b"\xfe\xff": "is UTF-16; expected UTF-8",
}


class NotReadable(ValueError):
    """The file is no CSV that can be read. The text says what was expected and what came, and repeats no cell."""


def columns_of(read: Callable[[int], bytes], longest_line: int = LONGEST_LINE) -> list[str]:
    """The header's names, without blanks around them. Reads the whole file once, `read(size)` after `read(size)`."""
    chunk = beginning = read(longest_line)  # a chunk is no longer than a line may be: only its ends need a look
    if not beginning:
        raise NotReadable("is empty; expected a header line")
    for mark, said in OTHER_KINDS.items():
        if beginning.startswith(mark):
            raise NotReadable(said)
    line, length = 1, 0
    while chunk:
        ends = [m.start() for m in (LINE_END.search(chunk),) if m]
        if length + (ends[0] if ends else len(chunk)) > longest_line:
            raise NotReadable(f"line {line} is longer than {longest_line} bytes; is its line end missing?")
        line += chunk.count(b"\n")
        last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        length = len(chunk) - last - 1 if ends else length + len(chunk)
        chunk = read(longest_line)
    return names_in(LINE_END.split(beginning, maxsplit=1)[0])


def names_in(header: bytes) -> list[str]:
    try:
        text = header.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotReadable("has a header that is not UTF-8") from None
    if "\0" in text:
        raise NotReadable("has NUL bytes in its header; is it UTF-16? Expected UTF-8")
    names = [name.strip() for name in next(csv.reader([text]), [])]
    if not any(names):
        raise NotReadable("begins with an empty line; expected a header line")
    return [name or f"column_{position}" for position, name in enumerate(names, 1)]
