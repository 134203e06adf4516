"""The trainer's step within a replay: after each event, deterministic, with nothing written to disk."""

from __future__ import annotations

from collections.abc import Callable

from inference.learning.learner import Learner
from inference.learning.weights_file import Weights
from schemas.codec import encode
from schemas.model_updates import ModelUpdate
from schemas.topics import MODEL_UPDATES
from streams.memory_log import MemoryLog
from streams.on_ranking_log import on_ranking_log
from streams.records import Inbound
from streams.trainer import MODEL


class MemoryTrainer:
    """Reads the ranking log, learns, and announces weights on `model-updates` after every so many exams.

    Weights stay in memory: the announcement's `uri` is their version, and `fetch` has the newest.
    """

    def __init__(self, learner: Learner, *, every: int, clock: Callable[[], float]) -> None:
        self.learner = learner
        self._every = every
        self._clock = clock
        self.version = 0
        self._published_at = 0
        self._newest: Weights | None = None

    def take(self, records: list[Inbound], log: MemoryLog) -> None:
        """Test, then train on these entries of the ranking log; announce weights when they are due."""
        on_ranking_log(records, self.learner, now=self._clock())
        if self.learner.exams - self._published_at >= self._every:
            self._published_at = self.learner.exams
            self._publish(log)

    def fetch(self, uri: str) -> Weights | None:
        """The weights that were announced under this name, unless newer ones have been since."""
        return self._newest if self._newest is not None and uri == _uri(self._newest.version) else None

    def _publish(self, log: MemoryLog) -> None:
        self.version += 1
        self._newest = self.learner.export(self.version)
        update = ModelUpdate(
            model=MODEL,
            version=self.version,
            uri=_uri(self.version),
            table=self._newest.table,
            score=self.learner.score,
            metric="mrr",
            examples=self.learner.examples,
            decision="promoted",
            reason="replay",
            wall_time=self._clock(),
        )
        log.append(MODEL_UPDATES, MODEL, encode(update))


def _uri(version: int) -> str:
    return f"memory:{version}"
