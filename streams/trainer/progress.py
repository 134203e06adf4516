"""How far the trainer is: what has been learned, up to which offset of the log, and the checkpoint that holds both."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from inference.learning import online_trainer_checkpoint
from inference.learning.online_trainer import OnlineTrainer
from streams.log.records import Inbound

logger = logging.getLogger(__name__)


class Checkpoint(Struct, frozen=True, kw_only=True, rename={"online_trainer": "course"}):
    """What is known, the offsets from which to read on (by `topic-partition`), and the version published last."""

    offsets: dict[str, int]
    version: int
    online_trainer: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Checkpoint)


class TrainerProgress:
    """The course, how far it has come, and its checkpoint in one file that is replaced as a whole.

    `make` makes a course that knows nothing; `version` is what serves already.
    """

    def __init__(self, path: Path, make: Callable[[], OnlineTrainer], *, version: int = 0) -> None:
        self._path = path
        self._make = make
        self.online_trainer = make()
        self.version = version
        self.offsets: dict[str, int] = {}
        self.unpublished = 0
        self.unkept = 0
        self.caught_up = True
        """False where nothing is known any longer of what serves: nothing is published until that is learned again."""
        self.published_at = 0.0
        self.kept_at = 0.0

    def begin(self) -> Mapping[str, int]:
        """Go back to the checkpoint, or to knowing nothing; the offsets from which to read on.

        To be called whenever the log is given to this process, before anything is read from it. A partition that is
        not named is to be read from its beginning. A checkpoint of another feature table or release says only where
        to read on: of what lies before it, most cannot be learned from.
        """
        self.online_trainer = self._make()
        self.offsets = {}
        self.unpublished = self.unkept = 0
        if not self._path.is_file():
            self.caught_up = self.version == 0
            logger.info("no checkpoint at %s: the log is read from its beginning", self._path)
            return self.offsets
        kept = _decoder.decode(self._path.read_bytes())
        self.offsets = dict(kept.offsets)
        self.version = max(self.version, kept.version)
        if not self._restored(kept.online_trainer):
            self.online_trainer = self._make()
            logger.warning("the checkpoint at %s fits another feature table or release: learning anew", self._path)
        return self.offsets

    def _restored(self, checkpoint: bytes) -> bool:
        try:
            return online_trainer_checkpoint.restore(self.online_trainer, checkpoint)
        except msgspec.DecodeError:
            return False

    def read(self, record: Inbound) -> None:
        """The record was learned from."""
        name = f"{record.topic}-{record.partition}"
        expected = self.offsets.get(name, 0)
        if record.offset != expected:
            logger.warning("%s goes on at %d, not at %d: that part of it is gone", name, record.offset, expected)
        self.offsets[name] = record.offset + 1
        self.unpublished += 1
        self.unkept += 1

    def applied(self) -> dict[str, int]:
        """The last offset that was learned from, by source."""
        return {name: offset - 1 for name, offset in self.offsets.items()}

    def published(self, version: int, at: float) -> None:
        """This version serves what is known now."""
        self.version, self.published_at, self.unpublished = version, at, 0

    def keep(self, at: float) -> None:
        """Write the checkpoint: readers see the old file or the new one, never a part of one."""
        kept = Checkpoint(
            offsets=self.offsets,
            version=self.version,
            online_trainer=online_trainer_checkpoint.checkpoint(self.online_trainer),
        )
        draft = self._path.with_suffix(".draft")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(_encoder.encode(kept))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self.kept_at, self.unkept = at, 0
