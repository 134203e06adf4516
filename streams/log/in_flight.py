"""Records that end the process: found by what was in flight when it died, and set aside when they do it again.

A record that breaks its handler becomes a dead letter at once (`streams.log.guard`). This is for what nobody foresaw:
an exception elsewhere, a crash of a library, memory that runs out. Before records are handled they are noted in a small
file, and struck out when they are done. A process that finds a note of its predecessor

1. takes those records one by one, so that the next death names one of them
2. sets a record aside, as a dead letter with reason `crashed`, once two deaths speak against it: those by an exception
   while it was in flight, and those of any kind while it was alone in flight

So a process that is killed from outside while it handles a batch costs nothing but speed, and no record ends the
process more often than twice while it is alone. Nothing is to blame while a server is away and waited for, nor when the
state store went back: such waits are long, and processes are restarted in them.
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
DEATHS = 2
"""How many deaths speak against a record that is set aside."""
LONGEST_NOTE = 1_000_000
FILES = 64
KEPT = 200
"""How many suspicions are kept, the newest."""


class Span(Struct, frozen=True):
    """Records of one source partition, from the first offset to the last, and the deaths that speak against each."""

    source: str
    first: int
    last: int
    deaths: int = 0

    def holds(self, record: Inbound) -> bool:
        """Whether the record is one of them."""
        return self.first <= record.offset <= self.last and self.source == f"{record.log}-{record.partition}"

    @property
    def is_one(self) -> bool:
        """Whether it is a single record."""
        return self.first == self.last


class Note(Struct):
    """What the file holds: spans in flight, the exception that ended the process, and older suspicions."""

    in_flight: list[Span] = field(default_factory=list)
    error: str = ""
    suspects: list[Span] = field(default_factory=list)


def spans_of(records: Iterable[Inbound]) -> list[Span]:
    """The records as spans, one for each source partition."""
    spans: dict[str, Span] = {}
    for record in records:
        source = f"{record.log}-{record.partition}"
        known = spans.get(source, Span(source, record.offset, record.offset))
        spans[source] = Span(source, min(known.first, record.offset), max(known.last, record.offset))
    return list(spans.values())


def suspects_after(note: Note) -> list[Span]:
    """What is suspected once the process that left this note is dead.

    >>> suspects_after(Note([Span("interactions-0", 4, 9)]))
    [Span(source='interactions-0', first=4, last=9, deaths=0)]
    >>> suspects_after(Note([Span("interactions-0", 4, 4)], "ValueError", [Span("interactions-0", 4, 9, 1)]))[-1]
    Span(source='interactions-0', first=4, last=4, deaths=2)
    """
    alone = len(note.in_flight) == 1 and note.in_flight[0].is_one
    blame = int(bool(note.error) or alone)
    found = list(note.suspects)
    for span in note.in_flight:
        earlier = [one.deaths for one in note.suspects if one.source == span.source and _covers(one, span)]
        found.append(msgspec.structs.replace(span, deaths=blame + max(earlier, default=0)))
    return found[-KEPT:]


def _covers(one: Span, other: Span) -> bool:
    return one.first <= other.first and other.last <= one.last


_encode = msgspec.json.encode
_decoder = msgspec.json.Decoder(Note)


class InFlight:
    """The note of one process, in a file of this folder; without one nothing outlives the process.

    Processes of one `name` share the folder: each locks a file of its own, and a new one takes over the file of one
    that died. Writing costs a system call and is not synced: it is to outlive the process, not the machine.
    """

    def __init__(self, folder: Path | None = None, name: str = "process", *, suspects: Sequence[Span] = ()) -> None:
        self._note = Note(suspects=list(suspects))
        self._batches: list[list[Span]] = []
        self._file = -1
        self._written = 0
        self._rests = False
        if folder is not None:
            self._begin(folder, name)

    def _begin(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = _locked(folder, name)
        left = _left(os.pread(self._file, LONGEST_NOTE, 0))
        if left.in_flight:
            self._note.suspects = suspects_after(left)
            logger.error("the process before this one died (%s) with %s in flight", left.error or "?", left.in_flight)
        else:
            self._note.suspects = left.suspects
        self._written = os.fstat(self._file).st_size
        self._write()

    def is_set_aside(self, record: Inbound) -> bool:
        """Whether enough deaths speak against the record: it is not to be handled."""
        return any(span.deaths >= DEATHS and span.is_one and span.holds(record) for span in self._note.suspects)

    @property
    def is_wary(self) -> bool:
        """Whether anything is suspected that may still be handled: then nothing else is to be in flight beside it."""
        return any(one.deaths < DEATHS for one in self._note.suspects)

    def split(self, records: Sequence[Inbound]) -> Iterator[slice]:
        """Which of the records to handle together, in order: suspects one by one, all others as they come."""
        if not self._note.suspects:
            yield slice(0, len(records))
            return
        begun = 0
        for place, record in enumerate(records):
            if any(span.holds(record) for span in self._note.suspects):
                if begun < place:
                    yield slice(begun, place)
                yield slice(place, place + 1)
                begun = place + 1
        if begun < len(records):
            yield slice(begun, len(records))

    def begin(self, records: Sequence[Inbound]) -> list[Span]:
        """These are being handled from now on; what is returned is to be given to `end`."""
        spans = spans_of(records)
        self._batches.append(spans)
        self._write()
        return spans

    def rest(self) -> None:
        """A server is away: until something is done again, whatever ends the process is not what is in flight."""
        self._rests = True
        self._write()

    def end(self, spans: list[Span]) -> None:
        """These are done."""
        self._rests = False
        self._batches = [batch for batch in self._batches if batch is not spans]
        self._note.suspects = [one for one in self._note.suspects if one.deaths >= DEATHS or not _done(one, spans)]
        self._write()

    def handling(self, records: Sequence[Inbound]) -> AbstractContextManager[None]:
        """What is done inside handles these records; an exception that leaves it will end the process."""
        return _Handling(self, records)

    def failed(self, exc: BaseException) -> None:
        """This exception ends the process, because of something in flight."""
        self._note.error = f"{type(exc).__name__}: {exc}"[:500]
        self._write()

    def leave(self) -> None:
        """The process ends for a reason of its own: nothing that is in flight is to blame."""
        self._batches = []
        self._write()

    def _write(self) -> None:
        if self._file < 0:
            return
        rests = self._rests and not self._note.error
        self._note.in_flight = [] if rests else [span for batch in self._batches for span in batch]
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
    """The first file of this name that no other process holds, held by this one until it ends."""
    for number in range(FILES):
        file = os.open(folder / f"{name}-{number}.json", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
        else:
            return file
    raise OSError(f"{FILES} processes named {name!r} hold their files in {str(folder)!r}")


def _done(suspect: Span, done: list[Span]) -> bool:
    """Whether what is suspected has been handled to its last record."""
    return any(span.source == suspect.source and span.last >= suspect.last for span in done)


def _left(data: bytes) -> Note:
    """The note of the process before; one that cannot be read says nothing."""
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError:
        return Note()
