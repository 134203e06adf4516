"""What can go wrong with a file, and the words for it."""

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

EXAMPLES = 5
"""How many refused rows of each reason are kept to be shown."""
MOST_REASONS = 200
"""How many different reasons are told apart; a column of noise must not fill the memory with them."""
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
"""What decompressors, decoders and Arrow raise on bytes that are not what they promise to be. Recursion that is too
deep, and a method of compression that is unknown, are runtime errors.
"""


class UnreadableFile(LifelongError):
    """A file is of no kind that can be read, or lacks a column that is needed; the message says what to do."""


class BadCell(LifelongError):
    """A cell cannot be what its field asks for; the message is the reason, without the value."""


class Refusal(Struct):
    """One reason: how many rows, the numbers of the first of them, and what stood there."""

    reason: str
    count: int = 0
    rows: list[int] = msgspec.field(default_factory=list)
    examples: list[str] = msgspec.field(default_factory=list)


class Refused(Struct):
    """Rows that could not be used, counted by reason; row numbers are lines as an editor counts them.

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
        found = self.by_reason.setdefault(reason, Refusal(reason))
        found.count += 1
        if row is not None and len(found.rows) < EXAMPLES:
            found.rows.append(row)
            found.examples.append(example[:200].encode(errors="replace").decode())

    @property
    def reasons(self) -> Counter[str]:
        """How many rows each reason took."""
        return Counter({reason: one.count for reason, one in self.by_reason.items()})

    @property
    def total(self) -> int:
        """How many rows were refused."""
        return sum(one.count for one in self.by_reason.values())

    def most_common(self) -> list[Refusal]:
        """The reasons, the most frequent first."""
        return sorted(self.by_reason.values(), key=lambda one: -one.count)


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn whatever a reader raises on damaged bytes into `UnreadableFile`, as one line.

    Raises:
        UnreadableFile: in place of any of `DAMAGE`.
    """
    try:
        yield
    except DAMAGE as exc:
        said = " ".join(str(exc).split())[:200] or type(exc).__name__
        raise UnreadableFile(f"{str(path)!r} cannot be read, it seems damaged: {said}") from exc
