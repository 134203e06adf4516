"""The trainer: learns from the ranking log as it grows, and publishes weights that the ranker takes up.

What it knows is a function of the log up to an offset. A checkpoint holds all of it together with that offset, and
the reader starts there whenever the log is given to this process: whatever is cut and wherever, the same log gives
the same weights.

Effects of a publication, in the order in which a crash may cut them: 1 the version's own file 2 the file that the
served model follows, replaced atomically 3 the announcement on `model-updates`. Of a checkpoint: 4 its file, replaced
atomically 5 the group's offset, which only says to others how far the trainer is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from inference.learning.course import Course
from inference.learning.learner import Learner
from inference.learning.weights_file import Weights, write_weights
from schemas.model_updates import ModelUpdate
from schemas.topics import MODEL_UPDATES
from streams.on_ranking_log import on_ranking_log
from streams.ports import LogReader, Publisher
from streams.records import Inbound, Message
from streams.trainer_progress import Progress

logger = logging.getLogger(__name__)
MODEL = "ranker"
KEPT_VERSIONS = 20
BATCH = 500
Point = Literal["own-file", "live-file", "announcement", "checkpoint", "commit"]


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
    """Everything that the trainer process runs on; the wiring fills it. `live` is what the served model follows.

    The reader starts where `progress.begin` says. `interrupt` is called before each effect: tests end there what
    could die there.
    """

    reader: LogReader
    progress: Progress
    publisher: Publisher
    observer: TrainerObserver
    live: Path
    clock: Callable[[], float]
    publish_every_seconds: float
    checkpoint_every_seconds: float
    interrupt: Callable[[Point], None] = lambda point: None


def run(trainer: Trainer, *, until: Callable[[], bool]) -> None:
    """Learn, publish and keep checkpoints until told to stop; what was learned last is published on the way out."""
    progress = trainer.progress
    progress.published_at = progress.kept_at = trainer.clock()
    while not until():
        learn(trainer, trainer.reader.poll(BATCH, 0.2))
        now = trainer.clock()
        if progress.unpublished and now - progress.published_at >= trainer.publish_every_seconds:
            publish(trainer)
        if progress.unkept and now - progress.kept_at >= trainer.checkpoint_every_seconds:
            keep(trainer)
    if progress.unpublished:
        publish(trainer)
    if progress.unkept:
        keep(trainer)


def learn(trainer: Trainer, records: Sequence[Inbound]) -> None:
    """Learn from these records, in their order."""
    progress = trainer.progress
    for record in records:
        on_ranking_log(record, progress.course)
        progress.read(record)
    if records:
        trainer.observer.learned(progress.course.learner, len(records))


def publish(trainer: Trainer) -> None:
    """Have what has been learned serve; see the module's first lines for the order."""
    progress = trainer.progress
    weights = progress.course.learner.export(progress.version + 1)
    own = trainer.live.parent / "versions" / f"{weights.version}.npz"
    trainer.interrupt("own-file")
    write_weights(own, weights)
    trainer.interrupt("live-file")
    write_weights(trainer.live, weights)
    progress.published(weights.version, trainer.clock())
    trainer.interrupt("announcement")
    update = _announcement(trainer, weights, own)
    trainer.publisher.publish([Message(MODEL_UPDATES, MODEL, update)])
    trainer.observer.published(update)
    for old in sorted(own.parent.glob("*.npz"), key=lambda path: int(path.stem))[:-KEPT_VERSIONS]:
        old.unlink()


def _announcement(trainer: Trainer, weights: Weights, uri: Path) -> ModelUpdate:
    course: Course = trainer.progress.course
    learner = course.learner
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
        offsets=trainer.progress.applied(),
        wall_time=trainer.clock(),
    )


def keep(trainer: Trainer) -> None:
    """Keep a checkpoint; see the module's first lines for the order."""
    trainer.interrupt("checkpoint")
    trainer.progress.keep(trainer.clock())
    trainer.interrupt("commit")
    trainer.reader.commit()
