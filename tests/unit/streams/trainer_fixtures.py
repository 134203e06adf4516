"""A ranking log in memory, and trainers on it that can crash anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from features.views import feature_schema_id
from inference.learning.model_variant import VariantConfig
from inference.learning.online_trainer import OnlineTrainer, OnlineTrainerConfig
from inference.learning.promotion import PromotionRules
from inference.learning.weights_file import read_weights
from schemas.codec import encode
from schemas.ids import EventId, ItemId, ListId, UserId
from schemas.model_updates import ModelUpdate
from schemas.ranking_log import Choice, Command, ListOutcome, Ranked, RankingLogEntry, RankingLogValue
from schemas.topics import RANKING_LOG
from streams.log.in_memory_log import InMemoryLog
from streams.log.in_memory_reader import InMemoryLogReader
from streams.trainer.process import Point, Trainer
from streams.trainer.progress import TrainerProgress
from streams.worker.in_memory_runner import Crash
from tests.builders import START
from tests.unit.streams.doubles import Shelf

COLUMNS = ("covisit", "age", "popular_1d", "noise")
ROWS = 12


def choice(number: int, *, user: str = "", column: int = -1) -> Choice:
    """Return a choice of the candidate that is highest in one column."""
    features = np.random.default_rng(number).standard_normal((ROWS, len(COLUMNS))).astype("<f4")
    return Choice(
        entry_id=f"choice-{number}",
        user_id=UserId(user or f"u{number % 5}"),
        event_time=START + number,
        event_id=EventId(f"e{number}"),
        item_id=ItemId(f"i{number % 17}"),
        table=feature_schema_id(COLUMNS),
        items=tuple(ItemId(f"i{row}") for row in range(ROWS)),
        features=features.tobytes(),
        chosen=int(features[:, column].argmax()),
        rank=1 + number % 12 if number % 3 else None,
        seen_before=number % 4 == 0,
        model_version=0,
    )


def ranked(number: int) -> Ranked:
    base = choice(number)
    return Ranked(
        entry_id=f"ranked-{number}",
        user_id=base.user_id,
        event_time=base.event_time,
        list_id=ListId(f"l{number}"),
        table=base.table,
        items=base.items,
        features=base.features,
        propensities=(None,) * ROWS,
        feature_time=base.event_time,
        user_features={"user_choices": 3.0},
        model_version=0,
    )


def outcome(number: int, *clicked: int, late: bool = False) -> ListOutcome:
    base = choice(number)
    return ListOutcome(
        entry_id=f"{'late' if late else 'outcome'}-{number}-{clicked}",
        user_id=base.user_id,
        event_time=base.event_time,
        list_id=ListId(f"l{number}"),
        shown=() if late else base.items,
        clicked=tuple(ItemId(f"i{row}") for row in clicked),
        late=late,
    )


def entries(number: int) -> list[RankingLogEntry]:
    """Return choices, lists with later outcomes, late clicks, and repeated entries."""
    log: list[RankingLogEntry] = []
    for at in range(number):
        log += [choice(at), ranked(at)]
        if at >= 5:
            log.append(outcome(at - 5, at % ROWS))
        if at >= 9 and at % 3 == 0:
            log.append(outcome(at - 9, (at + 1) % ROWS, late=True))
        if at % 11 == 10:
            log += log[-4:]
    return log


def command(number: int, action: str = "promote", variant: str = "", **more: str) -> Command:
    return Command(entry_id=f"command-{number}", event_time=START + number, action=action, variant=variant, **more)  # type: ignore[arg-type]


def append(log: InMemoryLog, entry: RankingLogValue) -> None:
    log.append(RANKING_LOG, getattr(entry, "user_id", None), encode(entry))


def log_of(work: Sequence[RankingLogValue]) -> InMemoryLog:
    log = InMemoryLog(person_partitions=4, item_partitions=4, clock=lambda: START + 1e6)
    for entry in work:
        append(log, entry)
    return log


class Ticks:
    """A clock that advances by a second with each call."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


class Unwatched:
    """An observer that ignores everything."""

    def learned(self, trainer: OnlineTrainer, entries: int) -> None: ...

    def announced(self, update: ModelUpdate) -> None: ...

    def refused(self, topic: str, reason: str) -> None: ...


def crash_at(point: Point, time: int) -> Callable[[Point], None]:
    """Return an interrupt that crashes the process at a point, after `time` passes of it."""
    passes_left = [time]

    def interrupt(reached: Point) -> None:
        passes_left[0] -= reached == point
        if reached == point and passes_left[0] < 0:
            raise Crash(point)

    return interrupt


RULES = PromotionRules(level=0.2, minimum_effect=0.005, horizon=80, cool_down=40)
CONFIGS = {
    "default": VariantConfig(rate=0.02),
    "quick": VariantConfig(rate=1.0, seed=1),
    "still": VariantConfig(rate=1e-6, seed=2),
}


def make_online_trainer(
    configs: Mapping[str, VariantConfig] = CONFIGS,
    rules: PromotionRules = RULES,
    block: int = 8,
    served: tuple[str, ...] = (),
) -> OnlineTrainer:
    return OnlineTrainer(OnlineTrainerConfig(columns=COLUMNS, configs=configs, rules=rules, block=block, served=served))


def make_trainer(
    log: InMemoryLog,
    folder: Path,
    *,
    most: int = 7,
    interrupt: Callable[[Point], None] = lambda point: None,
    make: Callable[[], OnlineTrainer] = make_online_trainer,
    shelf: Shelf | None = None,
) -> Trainer:
    live = folder / "models" / "ranker" / "weights.npz"
    progress = TrainerProgress(
        folder / "progress.bin", make, version=read_weights(live).version if live.is_file() else 0
    )
    return Trainer(
        reader=InMemoryLogReader(log, RANKING_LOG, start=progress.begin, most=most),
        progress=progress,
        publisher=shelf or Shelf(),  # type: ignore[arg-type]
        observer=Unwatched(),
        live=live,
        clock=Ticks(),
        publish_every_seconds=3.0,
        checkpoint_every_seconds=7.0,
        interrupt=interrupt,
    )
