"""The trainer: learns from the ranking log as it grows, and publishes the weights that the ranker serves.

Its weights and decisions are a function of the log up to an offset. A checkpoint holds all of it together with that
offset, and the reader starts there whenever its partition is assigned: wherever a crash interrupts, the same log gives
the same weights and the same decisions.

Effects of a publication, in the order in which a crash may cut them: 1 the version's own file 2 the file that the
served model follows, replaced atomically 3 the announcement on `model-updates`. Effects of a checkpoint: 4 its file,
replaced atomically 5 the group's offset, which only shows others how far the trainer is. A promotion decision takes all
five before anything else is learned; a refusal takes the last three.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from msgspec.structs import replace

from inference.learning.online_trainer import OnlineTrainer
from inference.learning.promotion import PromotionDecision
from inference.learning.weights_file import write_weights
from inference.ranking.network import Arrays
from schemas.errors import DecodeError, ReasonCode
from schemas.ids import message_id
from schemas.model_updates import MODEL, Decided, ModelUpdate
from schemas.topics import MODEL_UPDATES
from streams.log.dead_letters import crashed, dead_letter
from streams.log.in_flight import InFlight
from streams.log.ports import LogReader, Publisher
from streams.log.records import Inbound, Message
from streams.routes import TRAINER
from streams.trainer.progress import TrainerProgress

logger = logging.getLogger(__name__)
KEPT_VERSIONS = 20
TRAINER_POLL_RECORDS = 500
CAUGHT_UP_SECONDS = 5.0
"""By how much the log may be ahead, beside the publication interval, of a trainer that has caught up."""
Point = Literal["own-file", "live-file", "announcement", "checkpoint", "commit"]


class TrainerObserver(Protocol):
    """Receives what the trainer did, for metrics."""

    def learned(self, online_trainer: OnlineTrainer, entries: int) -> None:
        """Observe that so many entries were learned from."""
        ...

    def announced(self, update: ModelUpdate) -> None:
        """Observe an announcement: new weights serve, or a decision was made."""
        ...

    def refused(self, topic: str, reason: ReasonCode) -> None:
        """Observe that a record became a dead letter."""
        ...


@dataclass(frozen=True)
class Trainer:
    """The dependencies of the trainer process, built by the wiring. `live` is the file that the served model follows.

    The reader starts at the offsets of `progress.begin`. `interrupt` is called before each effect: tests crash there.
    """

    reader: LogReader
    progress: TrainerProgress
    publisher: Publisher
    observer: TrainerObserver
    live: Path
    clock: Callable[[], float]
    publish_every_seconds: float
    checkpoint_every_seconds: float
    interrupt: Callable[[Point], None] = lambda point: None
    in_flight: InFlight = field(default_factory=InFlight)


def run(trainer: Trainer, *, until: Callable[[], bool]) -> None:
    """Learn, publish and write checkpoints until `until` holds; the last weights are published at the end."""
    progress = trainer.progress
    progress.published_at = progress.kept_at = trainer.clock()
    while not until():
        records = trainer.reader.poll(TRAINER_POLL_RECORDS, 0.2)
        for part in trainer.in_flight.split(records):
            with trainer.in_flight.handling(records[part]):
                learn(trainer, records[part])
        if not records:
            learn(trainer, ())
        now = trainer.clock()
        if progress.unpublished and progress.caught_up and now - progress.published_at >= trainer.publish_every_seconds:
            publish(trainer)
        if progress.unkept and now - progress.kept_at >= trainer.checkpoint_every_seconds:
            keep(trainer)
    if progress.unpublished:
        publish(trainer)
    if progress.unkept:
        keep(trainer)


def learn(trainer: Trainer, records: Sequence[Inbound]) -> None:
    """Learn from these records in order, and carry out each decision before the next record."""
    progress = trainer.progress
    for record in records:
        decisions = _learn_one(trainer, record)
        progress.read(record)
        for decision in decisions:
            carry_out(trainer, decision, record)
    if not records or trainer.clock() - records[-1].timestamp < trainer.publish_every_seconds + CAUGHT_UP_SECONDS:
        progress.caught_up = True
    if records:
        trainer.observer.learned(progress.online_trainer, len(records))


def _learn_one(trainer: Trainer, record: Inbound) -> tuple[PromotionDecision, ...]:
    """Learn from a record and return the decisions; a record that cannot be learned from becomes a dead letter."""
    if trainer.in_flight.is_set_aside(record):
        trainer.publisher.publish([crashed(record, trainer.clock())])
        trainer.observer.refused(record.topic, "crashed")
        return ()
    try:
        return TRAINER[record.topic](record, trainer.progress.online_trainer)
    except DecodeError as exc:
        trainer.publisher.publish([dead_letter(record, exc.reason, str(exc), trainer.clock())])
        trainer.observer.refused(record.topic, exc.reason)
        return ()


def carry_out(trainer: Trainer, decision: PromotionDecision, record: Inbound) -> None:
    """Carry out and announce a promotion decision that followed from this record."""
    decision_id = message_id(record.topic, record.partition, record.offset, f"decision/{decision.variant}")
    logger.info("%s %s against %s: %s", decision.decision, decision.variant, decision.against, decision.reason)
    uri = _serve(trainer) if decision.decision != "refused" else ""
    update = replace(
        _announcement(trainer, decision.decision, uri, decision.reason),
        decision_id=decision_id,
        by=decision.by,
        variant=decision.variant,
        against=decision.against,
        difference=decision.difference,
    )
    entry = Message(MODEL_UPDATES, f"{MODEL}:{decision_id}", update)
    _announce(trainer, [entry] if decision.decision == "refused" else [Message(MODEL_UPDATES, MODEL, update), entry])
    keep(trainer)


def publish(trainer: Trainer) -> None:
    """Publish the champion's present weights; the module docstring lists the effects."""
    uri = _serve(trainer)
    if uri:
        served = trainer.progress.online_trainer.first.hit_rate
        reason = f"the champion has learned on; lists held {served:.1%} of the last choices"
        _announce(trainer, [Message(MODEL_UPDATES, MODEL, _announcement(trainer, "continued", uri, reason))])


def _serve(trainer: Trainer) -> str:
    """Write the champion's weights with those of an experiment's arms (effects 1 and 2); returns their path.

    The path is empty, and nothing is written, if the champion's weights are not finite.
    """
    progress = trainer.progress
    weights = progress.online_trainer.export(progress.version + 1)
    unsound = [name for name, arrays in weights.others.items() if not _is_sound(arrays)]
    if unsound:
        logger.error("weights of %s are not finite; the champion serves their arms", unsound)
        sound = {name: arrays for name, arrays in weights.others.items() if name not in unsound}
        weights = replace(weights, others=sound)
    if not _is_sound(weights.arrays):
        logger.error("weights of %s are not finite and do not serve", progress.online_trainer.promotion.champion)
        progress.published(progress.version, trainer.clock())
        return ""
    own = trainer.live.parent / "versions" / f"{weights.version}.npz"
    trainer.interrupt("own-file")
    write_weights(own, weights)
    trainer.interrupt("live-file")
    write_weights(trainer.live, weights)
    progress.published(weights.version, trainer.clock())
    for old in sorted(own.parent.glob("*.npz"), key=lambda path: int(path.stem))[:-KEPT_VERSIONS]:
        old.unlink()
    return str(own.absolute())


def _is_sound(arrays: Arrays) -> bool:
    return all(np.isfinite(part).all() for part in arrays.values())


def _announcement(trainer: Trainer, decision: Decided, uri: str, reason: str) -> ModelUpdate:
    """Return the announcement: the status of every model variant, and the offsets that were learned from."""
    progress = trainer.progress
    online_trainer = progress.online_trainer
    return ModelUpdate(
        model=MODEL,
        version=progress.version,
        uri=uri,
        table=online_trainer.table,
        score=online_trainer.first.score,
        metric="mrr",
        examples=online_trainer.first.examples,
        decision=decision,
        reason=reason,
        offsets=progress.applied(),
        wall_time=trainer.clock(),
        variant=online_trainer.promotion.champion,
        variant_statuses=online_trainer.variant_statuses(),
    )


def _announce(trainer: Trainer, messages: Sequence[Message]) -> None:
    """Publish the announcement (effect 3)."""
    trainer.interrupt("announcement")
    trainer.publisher.publish(messages)
    update = messages[0].value
    assert isinstance(update, ModelUpdate)
    trainer.observer.announced(update)


def keep(trainer: Trainer) -> None:
    """Write a checkpoint and commit the group's offset (effects 4 and 5)."""
    trainer.interrupt("checkpoint")
    trainer.progress.keep(trainer.clock())
    trainer.interrupt("commit")
    trainer.reader.commit()
