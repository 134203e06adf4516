"""What is learned from the ranking log, entry by entry: a function of the entries and their order, and nothing else."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import assert_never

import msgspec
from msgspec import Struct

from inference.learning.learner import Learner
from inference.learning.shown_lists import Kept, ShownLists
from schemas.ranking_log import Choice, Outcome, Ranked, RankingLogEntry

REMEMBERED = 16_384
"""How many entries back a repeated one is recognised: a worker that died publishes its last batches again."""


class CourseSnapshot(Struct, frozen=True, kw_only=True):
    """A course with everything in it."""

    learner: bytes
    lists: list[Kept]
    seen: list[str]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CourseSnapshot)


class Seen:
    """The ids of the last entries."""

    def __init__(self, ids: Iterable[str] = (), size: int = REMEMBERED) -> None:
        self._size = size
        self.ids = OrderedDict.fromkeys(ids)

    def is_new(self, entry_id: str) -> bool:
        """Whether the id comes for the first time; it is remembered.

        >>> seen = Seen(["a"])
        >>> seen.is_new("a"), seen.is_new("b"), seen.is_new("b")
        (False, True, False)
        """
        if entry_id in self.ids:
            return False
        self.ids[entry_id] = None
        if len(self.ids) > self._size:
            self.ids.popitem(last=False)
        return True


class Course:
    """Leads a learner through the log: joins lists with their outcomes, passes repeated entries over."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self._lists = ShownLists()
        self._seen = Seen()

    def learn(self, entry: RankingLogEntry) -> None:
        """Test, then train, on the next entry; one that was learned from already changes nothing."""
        if not self._seen.is_new(entry.entry_id):
            return
        match entry:
            case Ranked():
                self._lists.add(entry)
            case Outcome():
                pair = self._lists.settle(entry)
                if pair is not None:
                    self.learner.learn(pair)
            case Choice():
                self.learner.learn((entry,))
            case _:
                assert_never(entry)

    def checkpoint(self) -> bytes:
        """Everything that this course is, for `restore`."""
        snapshot = CourseSnapshot(
            learner=self.learner.checkpoint(), lists=self._lists.snapshot(), seen=list(self._seen.ids)
        )
        return _encoder.encode(snapshot)

    def restore(self, checkpoint: bytes) -> bool:
        """Become the course that made the checkpoint; refused, with False, if it is of another feature table.

        Raises:
            msgspec.DecodeError: these are not the bytes of a course.
        """
        kept = _decoder.decode(checkpoint)
        if not self.learner.restore(kept.learner):
            return False
        self._lists.restore(kept.lists)
        self._seen = Seen(kept.seen)
        return True
