"""Bytes of a file without what it is packed in: gzip, ZIP, and encodings other than UTF-8."""

from __future__ import annotations

import codecs
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from raw import storage
from raw.refusal import Unreadable

Packing = Literal["", "gzip", "zip"]
CHUNK = 4 << 20  # bytes
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SPREADSHEET = ("xl/", "[Content_Types]")  # what names within a spreadsheet begin with
# What Python raises for a ZIP archive that is damaged, locked, or packed in a way that it does not know.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError)
FEW = 3  # rows in another encoding before the file is taken to be in it: one such row is a damaged row


@dataclass(frozen=True)
class Wrapping:
    packing: Packing = ""
    encoding: str = "utf-8"

    @property
    def none(self) -> bool:
        """Whether the bytes of the file are those of its lines."""
        return not self.packing and self.encoding in ("utf-8", "utf-8-sig")


PLAIN = Wrapping()


def packing_of(head: bytes) -> Packing:
    return "gzip" if head.startswith(GZIP) else "zip" if head.startswith(ZIP) else ""


def encoding_of(beginning: bytes, declared: str | None = None) -> str:
    """By its mark; without one as declared; else UTF-8, or Windows' when no line that needs to is UTF-8 and several are
    not."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if beginning.startswith(mark):
            return encoding
    if declared:
        return declared
    lines = [line for line in beginning.split(b"\n")[:-1] or [beginning] if not line.isascii()]
    damaged = sum(not _decodes(line) for line in lines)
    return "cp1252" if damaged == len(lines) and damaged >= FEW else "utf-8"


def _decodes(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def unpacked(uri: str, packing: Packing) -> Iterator[bytes]:
    """The file's bytes, chunk after chunk. Raises Unreadable for a damaged archive, or one of several files."""
    if packing == "zip":
        yield from _member(uri)
        return
    with storage.opened(uri) as file:
        yield from gunzipped(file) if packing == "gzip" else iter(lambda: file.read(CHUNK), b"")


def _member(uri: str) -> Iterator[bytes]:
    with storage.seekable(uri) as file:
        try:
            with zipfile.ZipFile(file) as archive, archive.open(only_member(archive)) as content:
                yield from iter(lambda: content.read(CHUNK), b"")
        except Unreadable:
            raise
        except DAMAGED as broken:
            raise Unreadable(f"is a damaged or locked ZIP archive ({type(broken).__name__}); pack it anew") from None


def only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one file in an archive. Raises Unreadable."""
    if any(name.startswith(SPREADSHEET) for name in archive.namelist()):
        raise Unreadable("is a spreadsheet; export the sheet as CSV, with one line of column names")
    members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        raise Unreadable(f"is a ZIP archive of {len(members)} files; expected one file in it")
    return members[0]


def gunzipped(file: BinaryIO) -> Iterator[bytes]:
    """Several gzip streams one behind another are one file, as `cat` makes them. Raises Unreadable."""
    engine, within = zlib.decompressobj(wbits=31), False
    try:
        while chunk := file.read(CHUNK):
            while chunk:
                within = True
                content = engine.decompress(chunk, CHUNK)
                if content:
                    yield content
                chunk = engine.unconsumed_tail
                if engine.eof:
                    chunk, engine, within = engine.unused_data, zlib.decompressobj(wbits=31), False
        yield engine.flush()
    except zlib.error:
        raise Unreadable("is damaged gzip; pack it anew") from None
    if within:
        raise Unreadable("is gzip that breaks off; bring the whole file")


def as_utf8(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The same text in UTF-8, without a mark. What an encoding does not have becomes U+FFFD."""
    if encoding in ("utf-8", "utf-8-sig"):
        first = next(chunks, b"")
        yield first.removeprefix(codecs.BOM_UTF8) if encoding == "utf-8-sig" else first
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for chunk in chunks:
        if encoding == "cp1252" and any(not line.isascii() and _decodes(line) for line in chunk.split(b"\n")[1:-1]):
            raise Unreadable("has letters of Windows-1252 in its first rows and of UTF-8 in later ones; bring one")
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def beginning(uri: str, packing: Packing, size: int) -> bytes:
    """The first bytes of what is packed, `size` at most."""
    found = io.BytesIO()
    for chunk in unpacked(uri, packing):
        found.write(chunk)
        if found.tell() >= size:
            break
    return found.getvalue()[:size]
