"""Text that a RAW file holds packed, or in another encoding than UTF-8: taken out, and put back as it was."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable

from raw.blocks import LONGEST_LINE
from raw.packing import DAMAGED, encoding_of, gunzipped, only_member, packing_of
from raw.refusal import Unreadable

Again = Callable[[bytes], bytes]


def taken_out(body: bytes) -> tuple[bytes, Again] | None:
    """UTF-8 text without a mark, and what makes a file of the same form of it; None of what the lake refuses."""
    packing = packing_of(body)
    if packing == "gzip":
        return behind(unzipped(body), lambda content: gzip.compress(content, mtime=0))
    if packing == "zip":
        return of_archive(body)
    encoding = encoding_of(body[:LONGEST_LINE])  # by as much as the reader looks at
    if encoding in ("utf-8", "utf-8-sig"):
        return body, lambda content: content
    return body.decode(encoding, "replace").encode(), lambda content: content.decode().encode(encoding)


def behind(content: bytes | None, pack: Again) -> tuple[bytes, Again] | None:
    """What was packed may have an encoding of its own."""
    inner = taken_out(content) if content is not None and not packing_of(content) else None
    if inner is None:
        return None
    text, again = inner
    return text, lambda changed: pack(again(changed))


def unzipped(body: bytes) -> bytes | None:
    """What gzip has packed, as the reader unpacks it."""
    try:
        return b"".join(gunzipped(io.BytesIO(body)))
    except Unreadable:
        return None


def of_archive(body: bytes) -> tuple[bytes, Again] | None:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            member = only_member(archive)
            content = archive.read(member)
    except DAMAGED:  # and Unreadable, which is a ValueError
        return None

    def packed(changed: bytes) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(member.filename), changed, zipfile.ZIP_DEFLATED)
        return target.getvalue()

    return behind(content, packed)
