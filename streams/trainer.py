"""The trainer: learns from the ranking log as it grows, and publishes weights that the ranker takes up.

Effects of a publication, in the order in which a crash may cut them: 1 the version's own file 2 the file that the
served model follows, replaced atomically 3 the announcement on `model-updates` 4 the checkpoint 5 the offsets. Cut
before 4, the same records are learned from again, from the last checkpoint on; cut between 4 and 5, those of one
publication are learned from twice.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from inference.learning.learner import Learner
from inference.learning.weights_file import Weights, write_weights
from schemas.model_updates import ModelUpdate
from schemas.topics import MODEL_UPDATES
from streams.on_ranking_log import on_ranking_log
from streams.ports import LogReader, Publisher
from streams.records import Message

logger = logging.getLogger(__name__)
MODEL = "ranker"
KEPT_VERSIONS = 20


class TrainerObserver(Protocol):
    """Told what the trainer did, for metrics."""

    def learned(self, learner: Learner, entries: int) -> None:
        """So many entries were learned from."""
        ...

    def published(self, update: ModelUpdate) -> None:
        """New weights serve."""
        ...


@dataclass(frozen=True)
class Trainer:
    """Everything that the trainer process runs on; the wiring fills it. `live` is what the served model follows."""

    reader: LogReader
    learner: Learner
    publisher: Publisher
    observer: TrainerObserver
    live: Path
    checkpoint: Path
    clock: Callable[[], float]
    publish_every_seconds: float
    first_version: int


def run(trainer: Trainer, *, until: Callable[[], bool]) -> None:
    """Learn and publish until told to stop; what was learned last is published on the way out."""
    version = trainer.first_version
    published_at = trainer.clock()
    fresh = 0
    while not until():
        records = trainer.reader.poll(500, 0.2)
        if records:
            fresh += on_ranking_log(records, trainer.learner, now=trainer.clock())
            trainer.observer.learned(trainer.learner, len(records))
        if fresh and trainer.clock() - published_at >= trainer.publish_every_seconds:
            version += 1
            publish(trainer, version)
            published_at, fresh = trainer.clock(), 0
    if fresh:
        publish(trainer, version + 1)


def publish(trainer: Trainer, version: int) -> None:
    """Publish what has been learned; see the module's first lines for the order."""
    weights = trainer.learner.export(version)
    own = trainer.live.parent / "versions" / f"{version}.npz"
    write_weights(own, weights)
    write_weights(trainer.live, weights)
    update = _announcement(trainer, weights, own)
    trainer.publisher.publish([Message(MODEL_UPDATES, MODEL, update)])
    save_checkpoint(trainer)
    trainer.reader.commit()
    trainer.observer.published(update)
    for old in sorted(own.parent.glob("*.npz"), key=lambda path: int(path.stem))[:-KEPT_VERSIONS]:
        old.unlink()


def _announcement(trainer: Trainer, weights: Weights, uri: Path) -> ModelUpdate:
    learner = trainer.learner
    return ModelUpdate(
        model=MODEL,
        version=weights.version,
        uri=str(uri.absolute()),
        table=weights.table,
        score=learner.score,
        metric="mrr",
        examples=learner.examples,
        decision="promoted",
        reason=f"published on schedule; prequential hr {learner.hit_rate:.4f} over the last exams",
        wall_time=trainer.clock(),
    )


def save_checkpoint(trainer: Trainer) -> None:
    """Keep the learner whole: weights, optimiser, ring buffers and random state."""
    draft = trainer.checkpoint.with_suffix(".draft")
    trainer.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    with draft.open("wb") as file:
        file.write(trainer.learner.checkpoint())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(trainer.checkpoint)
