"""Decodes bytes as lines of text: byte order marks, UTF-8, UTF-16, and 8-bit encodings."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

from msgspec import Struct

from deploy.files.errors import UnreadableFile
from deploy.files.tables.opening import Opened

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
HEAD = 1 << 16
NOT_UTF8 = "bytes that are not UTF-8"


class Text(Struct, frozen=True):
    """A file's text. With `damaged`, some lines are not in `encoding`: see `is_damaged`."""

    opened: Opened
    encoding: str
    note: str = ""
    damaged: bool = False

    def lines(self) -> Iterator[str]:
        """Yield its lines with their ends, split at LF, CR LF or CR as in an editor."""
        errors = "surrogateescape" if self.encoding.startswith("utf-8") else "strict"
        with (
            self.opened.stream() as stream,
            io.TextIOWrapper(stream, self.encoding, errors=errors, newline="") as text,
        ):
            yield from text

    def is_damaged(self, line: str) -> bool:
        """Return whether the line holds bytes that are not text."""
        return self.damaged and not line.isascii() and any("\udc80" <= letter <= "\udcff" for letter in line)


def text_of(opened: Opened) -> Text:
    """Return the file as text.

    Raises:
        UnreadableFile: it is not text.
    """
    with opened.stream() as stream:
        head = stream.read(HEAD)
    marked = next((name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), None)
    if marked is not None and not marked.startswith("utf-8"):
        return Text(opened, marked, f"{marked.upper()}, by its byte order mark")
    if b"\0" in head:
        return _with_zeros(opened, head)
    return _eight_bit(opened, marked or "utf-8")


def _with_zeros(opened: Opened, head: bytes) -> Text:
    """Recognize UTF-16 without a mark by zeros in most second bytes; refuse other files as binary."""
    half = len(head) // 2 or 1
    for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[start::2].count(0) > 0.6 * half and head[1 - start :: 2].count(0) == 0:
            return Text(opened, name, f"{name.upper()}, by its bytes")
    raise UnreadableFile(f"{str(opened.path)!r} is binary: CSV, TSV, JSON, JSON lines and Parquet can be read")


def _eight_bit(opened: Opened, encoding: str) -> Text:
    """Choose UTF-8 if all lines beyond ASCII are, or most of them; else latin-1, with a note that it is assumed."""
    good, bad = _counts(opened)
    if bad == 0:
        return Text(opened, encoding)
    if good >= bad:
        return Text(opened, encoding, f"UTF-8, but for {bad} lines", damaged=True)
    return Text(opened, "latin-1", "latin-1, assumed: it is not UTF-8")


def _counts(opened: Opened) -> tuple[int, int]:
    """Return how many lines beyond ASCII are UTF-8, and how many are not."""
    good = bad = 0
    with opened.stream() as stream:
        for line in stream:
            if line.isascii():
                continue
            try:
                line.decode()
                good += 1
            except UnicodeDecodeError:
                bad += 1
    return good, bad
