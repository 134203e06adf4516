"""Errors of reading files, and the counts of refused rows by reason."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pyarrow as pa
from msgspec import Struct

from schemas.errors import LifelongError

REFUSAL_EXAMPLES = 5
"""How many refused rows of each reason are kept as examples."""
MOST_REASONS = 200
"""How many different reasons are distinguished; a column of noise must not fill the memory with them."""
DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    MemoryError,
    RuntimeError,
    LookupError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    pa.ArrowException,
)
"""What decompressors, decoders and Arrow raise on damaged bytes. Too deep a recursion and an unknown method of
compression are runtime errors.
"""


class UnreadableFile(LifelongError):
    """A file has no readable format, or lacks a required column; the message says what to do."""


class BadCell(LifelongError):
    """A cell has no valid value for its field; the message is the reason, without the value."""


class Refusal(Struct):
    """A reason: the count of its rows, the numbers of the first ones, and their contents."""

    reason: str
    count: int = 0
    rows: list[int] = msgspec.field(default_factory=list)
    examples: list[str] = msgspec.field(default_factory=list)


class Refused(Struct):
    """Refused rows, counted by reason; row numbers are lines as an editor counts them.

    >>> refused = Refused()
    >>> refused.count("no time", 7, "ann,i1,")
    >>> refused.total, refused.reasons, refused.by_reason["no time"].rows
    (1, Counter({'no time': 1}), [7])
    """

    by_reason: dict[str, Refusal] = msgspec.field(default_factory=dict)

    def count(self, reason: str, row: int | None = None, example: str = "") -> None:
        """Count one more row."""
        reason = reason.encode(errors="replace").decode()
        if reason not in self.by_reason and len(self.by_reason) >= MOST_REASONS:
            reason = "other reasons"
        refusal = self.by_reason.setdefault(reason, Refusal(reason))
        refusal.count += 1
        if row is not None and len(refusal.rows) < REFUSAL_EXAMPLES:
            refusal.rows.append(row)
            refusal.examples.append(example[:200].encode(errors="replace").decode())

    @property
    def reasons(self) -> Counter[str]:
        """Return the number of rows by reason."""
        return Counter({reason: refusal.count for reason, refusal in self.by_reason.items()})

    @property
    def total(self) -> int:
        """Return the number of refused rows."""
        return sum(refusal.count for refusal in self.by_reason.values())

    def most_common(self) -> list[Refusal]:
        """Return the reasons, the most frequent first."""
        return sorted(self.by_reason.values(), key=lambda refusal: -refusal.count)


@contextmanager
def as_unreadable_file(path: Path) -> Iterator[None]:
    """Turn any error that a reader raises on damaged bytes into `UnreadableFile`, with a one-line message.

    Raises:
        UnreadableFile: in place of any of `DAMAGE`.
    """
    try:
        yield
    except DAMAGE as exc:
        message = " ".join(str(exc).split())[:200] or type(exc).__name__
        raise UnreadableFile(f"{str(path)!r} cannot be read, it seems damaged: {message}") from exc
