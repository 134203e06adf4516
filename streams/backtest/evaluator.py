"""The prequential evaluator: the list that was ranked just before each choice, and the one that the topic held."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.evaluation.baselines.evaluator import ChoiceRow
from inference.evaluation.metrics.baskets import BasketPosition, BasketRecall, Baskets
from inference.evaluation.metrics.coverage import CoverageCounter
from inference.items.table import ItemTable
from inference.ports import Ranker, Scores, Split
from inference.query import Ranking
from inference.recommender import Recommender
from schemas.ids import ItemId, UserId
from streams.backtest.evaluated_rows import FATES, Codes, EvaluatedRows
from streams.backtest.served_lists import LIST_KINDS, ServedList
from streams.log.ports import Unobserved
from streams.outcomes.batch_outcome import BatchOutcome
from streams.outcomes.record_outcome import PrequentialQuery


class LastScores:
    """A `Ranker` that keeps its last scores, so that ranks below the list are known."""

    def __init__(self, ranker: Ranker) -> None:
        self._ranker = ranker
        self.last = Scores(np.zeros((0, 0), np.float32), 0)

    def score(self, features: NDArray[np.float32], mask: NDArray[np.bool_], split: Split | None = None) -> Scores:
        """See `Ranker`."""
        self.last = self._ranker.score(features, mask, split)
        return self.last


class EvaluatedList(Struct, frozen=True, kw_only=True):
    """An evaluated choice: its index in the input, its user and item, and the list that was ranked before it."""

    index: int
    user: UserId
    item: ItemId
    shown: tuple[ItemId, ...]


def _ignore(outcome: BatchOutcome) -> None:
    """Do nothing: nobody else looks at batches."""


class PrequentialEvaluator(Unobserved):
    """An `Observer` that turns prequential queries into evaluated rows and baseline rows. `begin` announces each event.

    `on_batch` is called with every batch after it was evaluated. `seconds` is the time of all that, which is no part of
    the system under test.
    """

    def __init__(
        self,
        table: ItemTable,
        recommender: Recommender,
        scores: LastScores,
        *,
        on_row: Callable[[ChoiceRow], None],
        on_evaluated: Callable[[EvaluatedList], None],
        on_batch: Callable[[BatchOutcome], None] = _ignore,
    ) -> None:
        self._table = table
        self._recommender = recommender
        self._scores = scores
        self._on_row = on_row
        self._on_evaluated = on_evaluated
        self._on_batch = on_batch
        self._users = Codes[UserId]()
        self._index, self._evaluates = 0, False
        self._served = ServedList("none")
        self.rows = EvaluatedRows()
        self.seconds = 0.0
        self.prequential_queries = 0
        self.hits = 0
        self.baskets = Baskets()
        self.recall = BasketRecall()
        self.coverage = CoverageCounter()
        self.topic_coverage = CoverageCounter()
        self.counts: Counter[tuple[str, str]] = Counter()

    def begin(self, index: int, served: ServedList, *, evaluates: bool) -> None:
        """Announce the next event: its index in the input, and the list that the topic holds for its user."""
        self._index, self._served, self._evaluates = index, served, evaluates

    def batch_done(self, outcome: BatchOutcome, *, published: float, stored: float) -> None:
        """See `Observer`. Item statistics are still as they were before the event."""
        began = time.perf_counter()
        self.counts += outcome.counters.counts
        for prequential, ranking in outcome.evaluated:
            self._add(prequential, ranking)
        self._on_batch(outcome)
        self.seconds += time.perf_counter() - began

    def _add(self, prequential: PrequentialQuery, ranking: Ranking) -> None:
        self.prequential_queries += 1
        user, item = prequential.record.user, prequential.event.item_id
        repeats = self._recommender.may_repeat(user)
        basket = self.baskets.assign(
            user.user_id, getattr(prequential.event, "basket_id", ""), prequential.event.event_time
        )
        if self._evaluates:
            shown = tuple([placed.item_id for placed in ranking.slate])
            self._evaluate(prequential, ranking, basket, shown, repeats=repeats)
            self._on_evaluated(EvaluatedList(index=self._index, user=user.user_id, item=item, shown=shown))
        for coverage in (self.coverage, self.topic_coverage):
            coverage.learn(item)
        self.recall.add(basket.basket, item)
        self._on_row(
            ChoiceRow(
                user.user_id,
                item,
                prequential.event.event_time,
                self._evaluates,
                repeats,
                user.hidden,
                basket.basket,
                basket.opens,
            )
        )

    def _evaluate(
        self,
        prequential: PrequentialQuery,
        ranking: Ranking,
        basket: BasketPosition,
        shown: tuple[ItemId, ...],
        *,
        repeats: bool,
    ) -> None:
        item, user, served = prequential.event.item_id, prequential.record.user, self._served
        number, is_held_back = self._table.number.get(item), prequential.seen_before and not repeats
        values = self._scores.last.values[0, : len(ranking.items)]
        top_share, list_share = _shares(values, [placed.row for placed in ranking.slate if placed.row >= 0])
        self.hits += ranking.rank is not None
        self.coverage.add(shown)
        self.topic_coverage.add(served.items)
        if basket.opens:
            self.recall.open(basket.basket, shown)
        self.rows.add(
            (
                self._index,
                self._users.of(user.user_id),
                prequential.event.event_time,
                user.choices,
                int(self._table.count[number]) if number is not None else 0,
                ranking.rank or 0,
                served.items.index(item) + 1 if item in served.items else 0,
                LIST_KINDS.index(served.kind),
                served.age,
                _fate(ranking, values, is_known=number is not None, is_held_back=is_held_back),
                top_share,
                list_share,
                ranking.chosen is not None,
                basket.basket,
                basket.opens,
                basket.has_earlier,
            )
        )


def _fate(ranking: Ranking, values: NDArray[np.float32], *, is_known: bool, is_held_back: bool) -> int:
    """Return the index in `FATES` of the choice's fate."""
    if ranking.rank is not None:
        return FATES.index("hit")
    if ranking.chosen is not None:
        rank = int((values > values[ranking.chosen]).sum()) + 1
        return FATES.index("11-50") if rank <= 50 else FATES.index("below 50")
    if not is_known:
        return FATES.index("unseen")
    return FATES.index("held back") if is_held_back else FATES.index("not retrieved")


def _shares(values: NDArray[np.float32], rows: list[int]) -> tuple[float, float]:
    """Return the softmax's share of the first rank and of all ranks of a list, over the candidates' scores."""
    if not len(values) or not rows:
        return 0.0, 0.0
    weights = np.exp(values - values.max())
    shares = weights[rows] / weights.sum()
    return float(shares[0]), float(shares.sum())
