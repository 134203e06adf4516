"""The trainer of a backtest: it learns after each event, deterministically, and writes nothing to disk."""

from __future__ import annotations

from collections.abc import Callable

from inference.learning.online_trainer import OnlineTrainer
from inference.learning.weights_file import Weights
from schemas.codec import encode
from schemas.model_updates import MODEL, ModelUpdate
from schemas.topics import MODEL_UPDATES
from streams.log.in_memory_log import InMemoryLog
from streams.log.records import Inbound
from streams.routes import TRAINER


class InMemoryTrainer:
    """Learns from the ranking log, and announces weights after every `every` prequential queries.

    Weights stay in memory: the announcement's `uri` names their version, and `fetch` returns the newest.
    """

    def __init__(self, online_trainer: OnlineTrainer, *, every: int, clock: Callable[[], float]) -> None:
        self.online_trainer = online_trainer
        self._every = every
        self._clock = clock
        self.version = 0
        self._published_at = 0
        self._newest: Weights | None = None

    def learn(self, records: list[Inbound], log: InMemoryLog) -> None:
        """Learn from these records of the ranking log; announce weights when they are due."""
        for record in records:
            TRAINER[record.topic](record, self.online_trainer)
        if self.online_trainer.first.prequential_queries - self._published_at >= self._every:
            self._published_at = self.online_trainer.first.prequential_queries
            self._publish(log)

    def fetch(self, uri: str) -> Weights | None:
        """Return the weights of an announcement, none if newer ones were announced."""
        return self._newest if self._newest is not None and uri == _uri(self._newest.version) else None

    def _publish(self, log: InMemoryLog) -> None:
        self.version += 1
        self._newest = self.online_trainer.export(self.version, moved_only=True)
        update = ModelUpdate(
            model=MODEL,
            version=self.version,
            uri=_uri(self.version),
            table=self._newest.table,
            score=self.online_trainer.first.score,
            metric="mrr",
            examples=self.online_trainer.first.examples,
            decision="continued",
            reason="replay",
            wall_time=self._clock(),
        )
        log.append(MODEL_UPDATES, MODEL, encode(update))


def _uri(version: int) -> str:
    return f"memory:{version}"
