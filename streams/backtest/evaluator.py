"""Watches a replay: what was ranked for each choice just before it, and what the topic held."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.item_table import ItemTable
from inference.evaluation.baselines.evaluator import ChoiceRow
from inference.evaluation.metrics.baskets import BasketPosition, BasketRecall, Baskets
from inference.evaluation.metrics.coverage import CoverageCounter
from inference.ports import Ranker, Scores, Split
from inference.query import Ranking
from inference.recommender import Recommender
from schemas.ids import ItemId, UserId
from streams.backtest.evaluated_rows import FATES, Codes, EvaluatedRows
from streams.backtest.served_lists import KINDS, ServedList
from streams.log.ports import Unobserved
from streams.outcomes.batch_outcome import BatchOutcome
from streams.outcomes.record_outcome import PrequentialQuery


class LastScores:
    """A `Ranker` that keeps what it answered last, so that places below the list can be told."""

    def __init__(self, ranker: Ranker) -> None:
        self._ranker = ranker
        self.last = Scores(np.zeros((0, 0), np.float32), 0)

    def score(self, features: NDArray[np.float32], mask: NDArray[np.bool_], split: Split | None = None) -> Scores:
        """See `Ranker`."""
        self.last = self._ranker.score(features, mask, split)
        return self.last


class EvaluatedList(Struct, frozen=True, kw_only=True):
    """A choice that was judged: what it is called in the input, and the list that was made before it."""

    index: int
    user: UserId
    item: ItemId
    shown: tuple[ItemId, ...]


class PrequentialEvaluator(Unobserved):
    """An `Observer` that turns exams into rows, for ours and for the floors. `begin` announces each event.

    `seconds` is the time that this took, which is no part of what is observed.
    """

    def __init__(
        self,
        table: ItemTable,
        recommender: Recommender,
        scores: LastScores,
        *,
        on_row: Callable[[ChoiceRow], None],
        on_evaluated: Callable[[EvaluatedList], None],
    ) -> None:
        self._table = table
        self._recommender = recommender
        self._scores = scores
        self._on_row = on_row
        self._on_judged = on_evaluated
        self._users = Codes[UserId]()
        self._index, self._judges = 0, False
        self._served = ServedList("none")
        self.rows = EvaluatedRows()
        self.seconds = 0.0
        self.prequential_queries = 0
        self.hits = 0
        self.baskets = Baskets()
        self.recall = BasketRecall()
        self.exposure = CoverageCounter()
        self.topic_exposure = CoverageCounter()
        self.counts: Counter[tuple[str, str]] = Counter()

    def begin(self, index: int, served: ServedList, *, evaluates: bool) -> None:
        """The next event has this place in the input; the topic holds this list for its person."""
        self._index, self._served, self._judges = index, served, evaluates

    def batch_done(self, outcome: BatchOutcome, *, published: float, stored: float) -> None:
        """See `Observer`. Item statistics are still as they were before the event."""
        began = time.perf_counter()
        self.counts += outcome.counters.counts
        for prequential, ranking in outcome.evaluated:
            self._note(prequential, ranking)
        self.seconds += time.perf_counter() - began

    def _note(self, prequential: PrequentialQuery, ranking: Ranking) -> None:
        self.prequential_queries += 1
        user, item = prequential.query.user, prequential.event.item_id
        repeats = self._recommender.may_repeat(user)
        basket = self.baskets.place(
            user.user_id, getattr(prequential.event, "basket_id", ""), prequential.event.event_time
        )
        if self._judges:
            shown = tuple([placed.item_id for placed in ranking.slate])
            self._evaluate(prequential, ranking, basket, shown, repeats=repeats)
            self._on_judged(EvaluatedList(index=self._index, user=user.user_id, item=item, shown=shown))
        for exposure in (self.exposure, self.topic_exposure):
            exposure.learn(item)
        self.recall.add(basket.basket, item)
        self._on_row(
            ChoiceRow(
                user.user_id,
                item,
                prequential.event.event_time,
                self._judges,
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
        item, user, served = prequential.event.item_id, prequential.query.user, self._served
        number = self._table.number.get(item)
        values = self._scores.last.values[0, : len(ranking.items)]
        top_share, list_share = _shares(values, [placed.row for placed in ranking.slate if placed.row >= 0])
        self.hits += ranking.rank is not None
        self.exposure.add(shown)
        self.topic_exposure.add(served.items)
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
                KINDS.index(served.kind),
                served.age,
                _fate(ranking, values, known=number is not None, held_back=prequential.seen_before and not repeats),
                top_share,
                list_share,
                ranking.chosen is not None,
                basket.basket,
                basket.opens,
                basket.has_earlier,
            )
        )


def _fate(ranking: Ranking, values: NDArray[np.float32], *, known: bool, held_back: bool) -> int:
    """The number in `FATES` of what became of the choice."""
    if ranking.rank is not None:
        return FATES.index("hit")
    if ranking.chosen is not None:
        place = int((values > values[ranking.chosen]).sum()) + 1
        return FATES.index("11-50") if place <= 50 else FATES.index("below 50")
    if not known:
        return FATES.index("unseen")
    return FATES.index("held back") if held_back else FATES.index("not retrieved")


def _shares(values: NDArray[np.float32], rows: list[int]) -> tuple[float, float]:
    """The softmax's share of the first place and of all places of a list, over the candidates' scores."""
    if not len(values) or not rows:
        return 0.0, 0.0
    weights = np.exp(values - values.max())
    shares = weights[rows] / weights.sum()
    return float(shares[0]), float(shares.sum())
