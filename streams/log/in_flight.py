"""Records that end the process: detected by what was in flight when it died, and set aside when they do so again.

A record that breaks its handler becomes a dead letter at once (`streams.log.guard`). This module covers the rest: an
exception elsewhere, a crash of a library, memory that runs out. Records are noted in a small file before they are
handled, and removed from it afterwards. A process that reads a note of its predecessor

1. handles those records one by one, so that the next death names one of them
2. sets a record aside, as a dead letter with reason `crashed`, once it is blamed for two deaths: those by an exception
   while it was in flight, and those of any kind while it was alone in flight

So a process that is killed from outside while it handles a batch loses nothing but speed, and a record ends the process
at most twice while it is alone. No record is blamed while a server is away, nor when the state store was rewound: such
waits are long, and processes are restarted in them.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

import msgspec
from msgspec import Struct, field

from schemas.errors import Rewound, StoreUnavailable
from streams.log.records import Inbound

logger = logging.getLogger(__name__)
CRASH_LIMIT = 2
"""How many deaths a record is blamed for before it is set aside."""
NOTE_BYTES_LIMIT = 1_000_000
NOTE_FILES_LIMIT = 64
SUSPECTS_LIMIT = 200
"""How many suspects a note keeps, the newest."""


class Span(Struct, frozen=True):
    """Records of one source partition, from the first to the last offset, and how many deaths they are blamed for."""

    source: str
    first: int
    last: int
    deaths: int = 0

    def holds(self, record: Inbound) -> bool:
        """Return whether the record is one of them."""
        return self.first <= record.offset <= self.last and self.source == f"{record.log}-{record.partition}"

    @property
    def is_one(self) -> bool:
        """Return whether it is a single record."""
        return self.first == self.last


class Note(Struct):
    """The content of the file: spans in flight, the exception that ended the process, and older suspects."""

    in_flight: list[Span] = field(default_factory=list)
    error: str = ""
    suspects: list[Span] = field(default_factory=list)


def spans_of(records: Iterable[Inbound]) -> list[Span]:
    """Return the records as spans, one for each source partition."""
    spans: dict[str, Span] = {}
    for record in records:
        source = f"{record.log}-{record.partition}"
        span = spans.get(source, Span(source, record.offset, record.offset))
        spans[source] = Span(source, min(span.first, record.offset), max(span.last, record.offset))
    return list(spans.values())


def suspects_after(note: Note) -> list[Span]:
    """Return the suspects once the process that left this note is dead.

    >>> suspects_after(Note([Span("interactions-0", 4, 9)]))
    [Span(source='interactions-0', first=4, last=9, deaths=0)]
    >>> suspects_after(Note([Span("interactions-0", 4, 4)], "ValueError", [Span("interactions-0", 4, 9, 1)]))[-1]
    Span(source='interactions-0', first=4, last=4, deaths=2)
    """
    alone = len(note.in_flight) == 1 and note.in_flight[0].is_one
    blame = int(bool(note.error) or alone)
    suspects = list(note.suspects)
    for span in note.in_flight:
        earlier = [old.deaths for old in note.suspects if old.source == span.source and _covers(old, span)]
        suspects.append(msgspec.structs.replace(span, deaths=blame + max(earlier, default=0)))
    return suspects[-SUSPECTS_LIMIT:]


def _covers(outer: Span, inner: Span) -> bool:
    return outer.first <= inner.first and inner.last <= outer.last


_encode = msgspec.json.encode
_decoder = msgspec.json.Decoder(Note)


class InFlight:
    """The note of one process, in a file of a folder; without a folder nothing outlives the process.

    Processes of one `name` share the folder: each locks a file of its own, and a new process takes over the file of a
    dead one. A write costs one system call and is not synced: it outlives the process, not the machine.
    """

    def __init__(self, folder: Path | None = None, name: str = "process", *, suspects: Sequence[Span] = ()) -> None:
        self._note = Note(suspects=list(suspects))
        self._batches: list[list[Span]] = []
        self._file = -1
        self._written = 0
        self._resting = False
        if folder is not None:
            self._begin(folder, name)

    def _begin(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = _locked(folder, name)
        previous = _decoded(os.pread(self._file, NOTE_BYTES_LIMIT, 0))
        if previous.in_flight:
            self._note.suspects = suspects_after(previous)
            logger.error(
                "the process before this one died (%s) with %s in flight", previous.error or "?", previous.in_flight
            )
        else:
            self._note.suspects = previous.suspects
        self._written = os.fstat(self._file).st_size
        self._write()

    def is_set_aside(self, record: Inbound) -> bool:
        """Return whether the record is blamed for enough deaths: it is not handled any more."""
        return any(span.deaths >= CRASH_LIMIT and span.is_one and span.holds(record) for span in self._note.suspects)

    @property
    def has_suspects(self) -> bool:
        """Return whether there is a suspect that is still handled: it must be alone in flight."""
        return any(span.deaths < CRASH_LIMIT for span in self._note.suspects)

    def split(self, records: Sequence[Inbound]) -> Iterator[slice]:
        """Yield which of the records to handle together, in order: suspects one by one, all others as they come."""
        if not self._note.suspects:
            yield slice(0, len(records))
            return
        begun = 0
        for index, record in enumerate(records):
            if any(span.holds(record) for span in self._note.suspects):
                if begun < index:
                    yield slice(begun, index)
                yield slice(index, index + 1)
                begun = index + 1
        if begun < len(records):
            yield slice(begun, len(records))

    def begin(self, records: Sequence[Inbound]) -> list[Span]:
        """Note that these records are handled from now on; returns their spans, for `end`."""
        spans = spans_of(records)
        self._batches.append(spans)
        self._write()
        return spans

    def rest(self) -> None:
        """Note that a server is away: until a batch ends again, no record in flight is blamed for a death."""
        self._resting = True
        self._write()

    def end(self, spans: list[Span]) -> None:
        """Note that the records of these spans, from `begin`, are handled."""
        self._resting = False
        self._batches = [batch for batch in self._batches if batch is not spans]
        self._note.suspects = [
            suspect
            for suspect in self._note.suspects
            if suspect.deaths >= CRASH_LIMIT or not _is_handled(suspect, spans)
        ]
        self._write()

    def handling(self, records: Sequence[Inbound]) -> AbstractContextManager[None]:
        """Return a context in which these records are handled; an exception that leaves it ends the process."""
        return _Handling(self, records)

    def failed(self, exc: BaseException) -> None:
        """Note that this exception ends the process because of a record in flight."""
        self._note.error = f"{type(exc).__name__}: {exc}"[:500]
        self._write()

    def leave(self) -> None:
        """Note that the process ends for a reason of its own: no record in flight is to blame."""
        self._batches = []
        self._write()

    def close(self) -> None:
        """Leave the file to the next one of this name: it counts what is noted now as in flight when this one died."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _write(self) -> None:
        if self._file < 0:
            return
        blames_nothing = self._resting and not self._note.error
        self._note.in_flight = [] if blames_nothing else [span for batch in self._batches for span in batch]
        data = _encode(self._note)
        os.pwrite(self._file, data.ljust(self._written), 0)
        self._written = max(self._written, len(data))


class _Handling(AbstractContextManager[None]):
    def __init__(self, note: InFlight, records: Sequence[Inbound]) -> None:
        self._note = note
        self._records = records

    def __enter__(self) -> None:
        self._spans = self._note.begin(self._records)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc is None:
            self._note.end(self._spans)
        elif isinstance(exc, Exception) and not isinstance(exc, StoreUnavailable | Rewound):
            self._note.failed(exc)
        else:
            self._note.leave()


def _locked(folder: Path, name: str) -> int:
    """Open and lock the first file of this name that no other process has locked, until this process ends."""
    for number in range(NOTE_FILES_LIMIT):
        file = os.open(folder / f"{name}-{number}.json", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
        else:
            return file
    raise OSError(f"{NOTE_FILES_LIMIT} processes named {name!r} hold their files in {str(folder)!r}")


def _is_handled(suspect: Span, spans: list[Span]) -> bool:
    """Return whether a suspect has been handled to its last record."""
    return any(span.source == suspect.source and span.last >= suspect.last for span in spans)


def _decoded(data: bytes) -> Note:
    """Return the note of the previous process; one that cannot be read counts as empty."""
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError:
        return Note()
