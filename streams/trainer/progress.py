"""The trainer's progress: the online trainer, the offsets it has learned from, and the checkpoint of both."""

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
    """The stored progress: the online trainer, the offsets to read on from (by `topic-partition`), the last version."""

    offsets: dict[str, int]
    version: int
    online_trainer: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Checkpoint)


class TrainerProgress:
    """The online trainer, its offsets, and its checkpoint in one file that is replaced as a whole.

    `make` returns an untrained online trainer; `version` is that of the weights that serve already.
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
        """False while an untrained trainer knows less than the weights that serve: it publishes nothing."""
        self.published_at = 0.0
        self.kept_at = 0.0

    def begin(self) -> Mapping[str, int]:
        """Restore the checkpoint, or begin untrained, and return the offsets to read on from.

        Call it whenever the log is assigned to this process, before reading. Read a partition that is not named from
        its beginning. A checkpoint of another feature table or release gives the offsets alone: most entries before
        them cannot be learned from.
        """
        self.online_trainer = self._make()
        self.offsets = {}
        self.unpublished = self.unkept = 0
        if not self._path.is_file():
            self.caught_up = self.version == 0
            logger.info("no checkpoint at %s: the log is read from its beginning", self._path)
            return self.offsets
        checkpoint = _decoder.decode(self._path.read_bytes())
        self.offsets = dict(checkpoint.offsets)
        self.version = max(self.version, checkpoint.version)
        if not self._restored(checkpoint.online_trainer):
            self.online_trainer = self._make()
            logger.warning("the checkpoint at %s fits another feature table or release: learning anew", self._path)
        return self.offsets

    def _restored(self, checkpoint: bytes) -> bool:
        try:
            return online_trainer_checkpoint.restore(self.online_trainer, checkpoint)
        except msgspec.DecodeError:
            return False

    def read(self, record: Inbound) -> None:
        """Note that a record was learned from."""
        name = f"{record.topic}-{record.partition}"
        expected = self.offsets.get(name, 0)
        if record.offset != expected:
            logger.warning(
                "%s goes on at %d, not at %d: the records between were deleted", name, record.offset, expected
            )
        self.offsets[name] = record.offset + 1
        self.unpublished += 1
        self.unkept += 1

    def applied(self) -> dict[str, int]:
        """Return the last offset that was learned from, by source."""
        return {name: offset - 1 for name, offset in self.offsets.items()}

    def published(self, version: int, at: float) -> None:
        """Note that this version holds the present weights, published at this time."""
        self.version, self.published_at, self.unpublished = version, at, 0

    def keep(self, at: float) -> None:
        """Write the checkpoint: readers see the old file or the new one, never a part of one."""
        checkpoint = Checkpoint(
            offsets=self.offsets,
            version=self.version,
            online_trainer=online_trainer_checkpoint.checkpoint(self.online_trainer),
        )
        draft = self._path.with_suffix(".draft")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(_encoder.encode(checkpoint))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self.kept_at, self.unkept = at, 0
