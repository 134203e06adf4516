"""The pipeline of a backtest: the handlers of production over a log in memory, and the trainer beside them.

The wall clock of a backtest is event time: it stands at the newest event. So lists expire, and stages are stamped, as
if the events happened now. Nothing else in the system knows that it is a backtest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf

from msgspec import structs

from features.memory_state import MemoryStateStore
from inference.evaluation.ablation import features_without
from inference.evaluation.baselines.evaluator import ChoiceRow
from inference.items.table import ItemTable
from inference.learning.online_trainer import FIRST, OnlineTrainer, OnlineTrainerConfig
from inference.learning.weights_file import initial_weights
from inference.local_ranker import LocalRanker
from inference.query import Query, Ranking
from inference.ranking.features import FeatureTable
from inference.signals.registry import make_item_table
from schemas.codec import encode
from schemas.ids import UserId
from schemas.instructions import Say
from schemas.interactions import Interaction
from schemas.item_perceptions import ItemPerception
from schemas.items import Item
from schemas.signals import ExternalSignal, signal_key
from schemas.topics import EXTERNAL_SIGNALS, INSTRUCTIONS, INTERACTIONS, ITEM_PERCEPTIONS, ITEMS, RECOMMENDATIONS
from streams.backtest.config import BacktestConfig, SystemConfig
from streams.backtest.evaluator import EvaluatedList, LastScores, PrequentialEvaluator
from streams.backtest.in_memory_trainer import InMemoryTrainer
from streams.backtest.served_lists import ServedList, ServedLists
from streams.handlers.deps import Deps, Options
from streams.log.in_memory_log import NO_LIMIT
from streams.outcomes.batch_outcome import BatchOutcome
from streams.routes import TRAINER
from streams.worker.in_memory_runner import InMemoryRunner, Subscriber
from streams.worker.lists import DefaultState


class EventClock:
    """A wall clock that stands at the time of the newest event."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time of the newest event."""
        return self.now

    def advance(self, at: float) -> None:
        """Move forward to this time; never back."""
        self.now = max(self.now, at)


class BacktestPipeline:
    """A worker, an item-statistics aggregator and a trainer, which handle one event at a time.

    Every choice is evaluated and learned from before the next event is read.
    """

    def __init__(
        self,
        system: SystemConfig,
        plan: BacktestConfig,
        *,
        on_row: Callable[[ChoiceRow], None],
        on_evaluated: Callable[[EvaluatedList], None],
        on_batch: Callable[[BatchOutcome], None] = lambda outcome: None,
    ) -> None:
        self.clock = EventClock()
        self.served = ServedLists()
        self._default_every = system.default_every_seconds
        self._default = DefaultState()
        table, features = make_item_table(), _features(system, plan)
        self._local_ranker = LocalRanker(initial_weights(features.columns))
        scores = LastScores(self._local_ranker)
        self._recommender = system.make_recommender(table, scores, features)
        trainer = _online_trainer(system, features.columns, plan.seed)
        self.trainer = InMemoryTrainer(trainer, every=plan.load_weights_every, clock=self.clock)
        self.evaluator = PrequentialEvaluator(
            table, self._recommender, scores, on_row=on_row, on_evaluated=on_evaluated, on_batch=on_batch
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
                Subscriber(tuple(TRAINER), lambda records: self.trainer.learn(records, self._runner.log)),
                Subscriber((RECOMMENDATIONS,), self.served.read),
            ),
            observer=self.evaluator,
            forgets=True,
        )

    @property
    def table(self) -> ItemTable:
        """Return the items that the worker knows."""
        return self._runner.deps.table

    @property
    def model_version(self) -> int:
        """Return the version of the weights that rank now."""
        return self._local_ranker.version

    def put_items(self, items: list[Item]) -> None:
        """Add items to the catalogue."""
        for item in items:
            self._runner.send(ITEMS, item.item_id, item)
        self._runner.run()

    def put_signals(self, signals: Sequence[ExternalSignal]) -> None:
        """Take what sources outside say; their validity decides when it counts."""
        for signal in signals:
            self._runner.send(EXTERNAL_SIGNALS, str(signal_key(signal)), signal)
        self._runner.run()

    def put_perceptions(self, perceptions: Sequence[ItemPerception]) -> None:
        """Take what was perceived of items; it waits until an item is known."""
        for perception in perceptions:
            self._runner.send(ITEM_PERCEPTIONS, perception.item_id, perception)
        self._runner.run()

    def play(self, event: Interaction, *, produced: float | None = None) -> None:
        """Handle one event and all that follows from it; it is produced at its own time unless another one is given."""
        self.clock.advance(event.event_time if produced is None else produced)
        self._runner.log.append(INTERACTIONS, event.user_id, encode(event))
        self._runner.run()

    def say(self, said: Say) -> None:
        """Handle an instruction in words, at its own time, and all that follows from it."""
        self.clock.advance(said.event_time)
        self._runner.log.append(INSTRUCTIONS, said.user_id, encode(said))
        self._runner.run()

    def rank(self, queries: Sequence[Query]) -> list[Ranking]:
        """Rank by the weights and statistics of now; nothing is learned from it, and nothing published."""
        return self._recommender.rank(queries)

    def look(self, user: UserId, now: float, locale: str = "") -> ServedList:
        """Return the list that the topic holds for a user at this time: their own, else the non-personalised one.

        A timer publishes the latter, by the statistics at the newest event, and again before it expires. Where events
        have the very time at which it was published last, the log's clock is too coarse to order them, and the timer
        counts as the earlier.
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


def _features(system: SystemConfig, plan: BacktestConfig) -> FeatureTable:
    return features_without(system.external, plan.without, knowledge=system.knowledge, content_map=system.content_map)


def _options(system: SystemConfig) -> Options:
    """Return the settings that handlers see, with every choice evaluated: a backtest is never overloaded."""
    return replace(system.options, prequential_rate=1.0, prequential_per_batch=NO_LIMIT, overload_seconds=inf)


def _online_trainer(system: SystemConfig, columns: tuple[str, ...], seed: int) -> OnlineTrainer:
    """Return an online trainer of the champion alone: a backtest evaluates what serves by default."""
    config = structs.replace(system.learner, seed=seed)
    return OnlineTrainer(OnlineTrainerConfig(columns=columns, configs={FIRST: config}, vectors=system.item_vectors))
