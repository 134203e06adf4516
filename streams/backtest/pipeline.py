"""The whole system in this process: the handlers of production over a log in memory, and the trainer beside them.

The wall clock of a replay is event time: it stands at the newest event. So lists expire, and stages are stamped, as
if the events happened now. Nothing else in the system knows that it is a replay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from features.item_table import ItemTable
from features.memory_state import MemoryStateStore
from inference.evaluation.ablation import features_without
from inference.evaluation.baselines.evaluator import ChoiceRow
from inference.learning.online_trainer import FIRST, OnlineTrainer, OnlineTrainerConfig
from inference.learning.weights_file import initial_weights
from inference.local_ranker import LocalRanker
from schemas.codec import encode
from schemas.ids import UserId
from schemas.interactions import Interaction
from schemas.items import Item
from schemas.topics import INTERACTIONS, ITEMS, RECOMMENDATIONS
from streams.backtest.config import BacktestConfig, SystemConfig
from streams.backtest.evaluator import EvaluatedList, LastScores, PrequentialEvaluator
from streams.backtest.in_memory_trainer import InMemoryTrainer
from streams.backtest.served_lists import ServedList, ServedLists
from streams.handlers.deps import Deps, Options
from streams.log.in_memory_log import EVERYTHING
from streams.routes import TRAINER
from streams.worker.in_memory_runner import InMemoryRunner, Subscriber
from streams.worker.lists import DefaultState


class EventClock:
    """A wall clock that stands at the time of the newest event."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time of the newest event."""
        return self.now

    def advance(self, at: float) -> None:
        """Move on to this time; never back."""
        self.now = max(self.now, at)


class BacktestPipeline:
    """One worker, the owner of the statistics and the trainer, one event at a time.

    Every choice is examined and learned from before the next event is looked at.
    """

    def __init__(
        self,
        system: SystemConfig,
        plan: BacktestConfig,
        *,
        on_row: Callable[[ChoiceRow], None],
        on_evaluated: Callable[[EvaluatedList], None],
    ) -> None:
        self.clock = EventClock()
        self.served = ServedLists()
        self._default_every = system.default_every_seconds
        self._default = DefaultState()
        table, features = ItemTable(), features_without(system.external, plan.without)
        self._local_ranker = LocalRanker(initial_weights(features.columns))
        scores = LastScores(self._local_ranker)
        self._recommender = system.make_recommender(table, scores, features)
        self.trainer = InMemoryTrainer(
            _online_trainer(system, features.columns, plan.seed),
            every=plan.take_up_every,
            clock=self.clock,
        )
        self.evaluator = PrequentialEvaluator(
            table, self._recommender, scores, on_row=on_row, on_evaluated=on_evaluated
        )
        deps = Deps(
            table=table,
            recommender=self._recommender,
            clock=self.clock,
            options=_options(system),
            load_weights=self._load_weights,
        )
        self._runner = InMemoryRunner(
            deps,
            MemoryStateStore(),
            subscribers=(
                Subscriber(tuple(TRAINER), lambda records: self.trainer.take(records, self._runner.log)),
                Subscriber((RECOMMENDATIONS,), self.served.take),
            ),
            observer=self.evaluator,
            forgets=True,
        )

    @property
    def model_version(self) -> int:
        """The version of the weights that rank now."""
        return self._local_ranker.version

    @property
    def kept_records(self) -> int:
        """How many records the log holds: none between events."""
        return self._runner.log.kept

    def put_items(self, items: list[Item]) -> None:
        """The catalogue, or a part of it that has become available."""
        for item in items:
            self._runner.send(ITEMS, item.item_id, item)
        self._runner.run()

    def play(self, event: Interaction) -> None:
        """Handle one event and everything that follows from it."""
        self.clock.advance(event.event_time)
        self._runner.log.append(INTERACTIONS, event.user_id, encode(event))
        self._runner.run()

    def look(self, user: UserId, now: float, locale: str = "") -> ServedList:
        """What the topic holds for this person at this time: their own list, or else that for people never seen.

        The latter is published by a timer, of whatever statistics there were at the newest event, and again before it
        expires. Where events have the very time at which it was published last, the log's clock is too coarse to tell,
        and the timer is taken to have gone off before whoever is shown that list.
        """
        self.clock.advance(now)
        deps, own = self._runner.deps, self.served.own(user, now)
        every = 0.0 if own is None and now == self._default.at else self._default_every
        if self._default.is_due(deps.table.version, now, every=every, lasts=deps.options.expires_seconds):
            self._runner.publish_default()
            self._runner.run()
            self._default = DefaultState(deps.table.version, now)
        return own or self.served.default(now, locale)

    def _load_weights(self, uri: str) -> None:
        weights = self.trainer.fetch(uri)
        if weights is not None and self._local_ranker.load_weights(weights):
            self._recommender.load_weights(weights)


def _options(system: SystemConfig) -> Options:
    """The settings that handlers see, but every choice is examined and counts: nothing crowds here."""
    return replace(system.options, prequential_rate=1.0, prequential_per_batch=EVERYTHING)


def _online_trainer(system: SystemConfig, columns: tuple[str, ...], seed: int) -> OnlineTrainer:
    """The champion's lineage alone: a replay judges what serves by default, and nothing challenges it."""
    recipe = structs.replace(system.learner, seed=seed)
    return OnlineTrainer(OnlineTrainerConfig(columns=columns, configs={FIRST: recipe}, vectors=system.item_vectors))
