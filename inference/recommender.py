"""R(user, environment, agent) → list: the steps from a query to a slate, for a batch of users at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from features.user_state import UserState
from features.views import External
from inference.experiment import Experiment, variant_ranks
from inference.exploration import Drawn, Exploration, draw_list
from inference.finite_scores import SCORES_NOT_FINITE, by_popularity, unsound
from inference.intent_lift import lift_intents
from inference.items.goal_steps import GOAL_SOURCE, best_steps, leftovers
from inference.items.table import Bools, ItemTable, Numbers
from inference.learning.weights_file import Weights
from inference.ports import Ranker, Scores, Split
from inference.query import Assigned, Candidates, Placed, Query, Ranking
from inference.ranking.features import FeatureTable
from inference.ranking.pool import gather
from inference.ranking_context import RankingContext, make_ranking_contexts
from inference.reasons import reasons
from inference.signals.columns import Pool
from inference.signals.content_map import ContentMap
from inference.signals.factors import Factors
from inference.signals.registry import SOURCES_OF_INTENTS
from inference.slate import SlateRules, compose, rules_of
from inference.support import strangers_supported_first
from schemas.ids import ItemId
from schemas.plans import Plan

Repeats = Literal["allow", "forbid", "learn"]
MIN_REPEAT_RATE = 0.01
"""Below this share of repeats among choices, consumed items are not candidates."""
REPEAT_RATE_PRIOR = 5.0
"""How many choices of a user count as much as the repeat rate of the stream."""
AS_CHAMPION = "arm-as-champion"
"""The degradation of a list whose arm's own weights are not loaded (yet): the champion's ranked."""


class Recommender:
    """Ranks batches of users. A list is a pure function of (state, item table, weights).

    `repeats` says whether consumed items may be recommended again; with "learn" the share of repeats in the stream
    (through the weights) and of the user decides. Without `exploration` every list is the best one, whatever a plan
    says; with it, a list that explores is drawn by its query's seed. Candidates come from the sources of the features.
    With an `experiment` the user's arm decides which weights rank and how the list explores.

    >>> from inference.learning.weights_file import initial_weights
    >>> from inference.local_ranker import LocalRanker
    >>> from inference.signals.registry import make_item_table
    >>> from schemas.ids import UserId
    >>> from schemas.items import Item
    >>> table, features = make_item_table(), FeatureTable()
    >>> table.put_item(Item(item_id="i1", available_from=0.0))
    >>> recommender = Recommender(table, LocalRanker(initial_weights(features.columns)), features=features)
    >>> [ranking] = recommender.rank([Query(user=UserState(user_id=UserId("u1")), now=1e9)])
    >>> [placed.item_id for placed in ranking.slate]
    ['i1']
    """

    def __init__(
        self,
        table: ItemTable,
        ranker: Ranker,
        *,
        features: FeatureTable | None = None,
        external: Sequence[External] = (),
        slate_size: int = 10,
        candidates: int = 150,
        repeats: Repeats = "learn",
        exploration: Exploration | None = None,
        experiment: Experiment | None = None,
    ) -> None:
        self.table = table
        self.features = features or FeatureTable(external)
        self._ranker = ranker
        self._sources = (*self.features.sources, *SOURCES_OF_INTENTS)
        self._slate_size = slate_size
        self._width = candidates
        self._repeats = repeats
        self._exploration = exploration
        self._experiment = experiment
        self._repeat_rate = 0.0
        self.list_ttl = 0.0
        """The list time-to-live in seconds that the learner measured; 0 while that is unknown."""

    def load_weights(self, weights: Weights) -> None:
        """Load what the learner publishes beside the network: item factors, repeat rate and list time-to-live.

        The network itself is loaded by the rankers.
        """
        self._repeat_rate = weights.repeat_rate
        self.list_ttl = weights.list_ttl
        if len(weights.vector_ids):
            self.table.signal(Factors).load(self.table, weights.vector_ids, weights.vectors)
            self.table.signal(ContentMap).changed(self.table, weights.vector_ids)

    def rank(self, queries: Sequence[Query]) -> list[Ranking]:
        """Return one ranking per query, in order; one call of the ranker scores all of them.

        A prequential query (`Query.target`) is ranked without regard to its target, then evaluated; it gets no reasons.

        Raises:
            RankerUnavailable: the ranker did not answer and there is no fallback.
        """
        if not queries:
            return []
        contexts = make_ranking_contexts(queries, self.table, self.may_repeat)
        pool = gather(contexts, self.table, self._sources, self._width)
        features = self.features.fill(contexts, self.table, pool)
        split = self._experiment.split(queries) if self._experiment else None
        scores = self._ranker.score(features, pool.mask, split) if split else self._ranker.score(features, pool.mask)
        broken = unsound(scores, pool.mask)
        if broken.any():
            scores = by_popularity(scores, broken, pool.items, self.table)
            features[broken] = np.nan_to_num(features[broken], nan=0.0, posinf=0.0, neginf=0.0)
        scores = strangers_supported_first(scores, contexts, pool, self.table, split)
        scores, lifted = lift_intents(scores, contexts, pool, pool.votes[-1], self._slate_size)
        rankings = [self._answer(row, context, pool, features, scores, lifted) for row, context in enumerate(contexts)]
        rankings = [
            _degraded(ranking, SCORES_NOT_FINITE) if bad else ranking
            for ranking, bad in zip(rankings, broken, strict=True)
        ]
        return self._assigned(queries, rankings, split, scores)

    def may_repeat(self, state: UserState) -> bool:
        """Return whether consumed items are candidates for this user now."""
        if self._repeats != "learn":
            return self._repeats == "allow"
        expected = (state.repeats + REPEAT_RATE_PRIOR * self._repeat_rate) / (state.choices + REPEAT_RATE_PRIOR)
        return expected >= MIN_REPEAT_RATE

    def _answer(
        self,
        row: int,
        context: RankingContext,
        pool: Pool,
        features: NDArray[np.float32],
        scores: Scores,
        lifted: Bools | None,
    ) -> Ranking:
        size = np.count_nonzero(pool.mask[row])
        values = scores.values[row, :size]
        order = _without_leftovers((-values).argsort(kind="stable"), row, context, pool, self.table)
        numbers = pool.items[row, order]
        ranked = Candidates(self.table.ids, numbers.tolist())
        hold = self.table.by_category.hold
        steps = best_steps(context.steps, numbers)
        rules = rules_of(ranked, context.query.plan, lambda name: hold(name, numbers), self._slate_size, list(steps))
        drawn = self._drawn(context.query, ranked, order, values, features[row], rules)
        ranks = drawn.rows if drawn else compose(rules)
        chosen, rows = [ranked[rank] for rank in ranks], order[ranks].tolist()
        own = None if lifted is None else lifted[row]
        slate = self._slate(chosen, rows, row, values, context, pool, own)
        if steps:
            slate = tuple(_as_step(placed, steps.get(rank)) for placed, rank in zip(slate, ranks, strict=True))
        if drawn:
            slate = tuple(replace(placed, propensity=p) for placed, p in zip(slate, drawn.propensities, strict=True))
        target = context.query.target
        return Ranking(
            slate=slate,
            items=Candidates(self.table.ids, pool.items[row, :size].tolist()),
            features=features[row, :size],
            model_version=scores.model_version,
            statistics_version=self.table.version,
            table=self.features.id,
            degradations=(scores.degradation,) if scores.degradation else (),
            chosen=self._row_of(target, pool.items[row, :size]),
            rank=chosen.index(target) + 1 if target in chosen else None,
            draw=drawn.log if drawn else None,
        )

    def _row_of(self, item: ItemId | None, numbers: Numbers) -> int | None:
        """Return the item's row among the candidates, if there is an item and it is a candidate."""
        if item is None or item not in self.table.number:
            return None
        rows = np.flatnonzero(numbers == self.table.number[item])
        return int(rows[0]) if len(rows) else None

    def _assigned(
        self, queries: Sequence[Query], rankings: list[Ranking], split: Split | None, scores: Scores
    ) -> list[Ranking]:
        """Return the rankings with the arm of each, if there is an experiment."""
        if self._experiment is None:
            return rankings
        assigned = []
        for row, (query, ranking) in enumerate(zip(queries, rankings, strict=True)):
            ranks = variant_ranks(split, scores, row, ranking.chosen, len(ranking.items))
            arm = self._experiment.assigned(query.user.user_id, scores.absent, ranks)
            assigned.append(_with_arm(ranking, arm))
        return assigned

    def _exploration_of(self, query: Query) -> Exploration | None:
        arm = self._experiment.arm_of(query.user.user_id) if self._experiment else None
        return arm.exploration if arm else self._exploration

    def _drawn(
        self,
        query: Query,
        ranked: Sequence[ItemId],
        order: NDArray[np.intp],
        values: NDArray[np.float32],
        features: NDArray[np.float32],
        rules: SlateRules,
    ) -> Drawn | None:
        """Return the drawn list if this query explores; prequential queries never do."""
        how, seed = self._exploration_of(query), query.seed
        if how is None or seed is None or query.target is not None:
            return None
        rng = how.rng(seed, query.plan.exploration if query.plan else 0.0)
        return draw_list(how, seed, ranked, values[order], features[order], rules, rng) if rng else None

    def _slate(
        self,
        chosen: Sequence[ItemId],
        rows: list[int],
        row: int,
        values: NDArray[np.float32],
        context: RankingContext,
        pool: Pool,
        lifted: Bools | None,
    ) -> tuple[Placed, ...]:
        """Return the slots with their main source and its reason; an item that no source proposed was pinned, or is a
        candidate of the plan.

        What was lifted for an intent is there for its sake.
        """
        votes = pool.votes[:, row].take(rows, axis=1)
        proposed = votes.max(axis=0) > 0.0
        if lifted is not None:
            votes[-1, lifted[rows]] = np.inf
        main = [self._sources[best] for best in votes.argmax(axis=0).tolist()]
        prequential = context.query.target is not None
        why = [("", None)] * len(rows) if prequential else reasons(main, pool.items[row, rows], context, self.table)
        return tuple(
            [
                Placed(item, score, source.name, text, slot_row, cause=cause)
                if is_proposed
                else Placed(item, score, *_unproposed(item, context.query.plan), slot_row)
                for item, score, slot_row, source, (text, cause), is_proposed in zip(
                    chosen, values[rows].tolist(), rows, main, why, proposed.tolist(), strict=True
                )
            ]
        )


def _without_leftovers(
    order: NDArray[np.intp], row: int, context: RankingContext, pool: Pool, table: ItemTable
) -> NDArray[np.intp]:
    """Return the candidates, best first, without the options of a step that are neither the step, nor proposed by a
    source, nor pinned, nor the plan's.
    """
    if not context.steps:
        return order
    numbers, plan = pool.items[row, order], context.query.plan
    own = (*plan.constraints.pinned_items, *plan.candidates) if plan is not None else ()
    named = [table.number[ItemId(name)] for name in own if name in table.number]
    wanted = (pool.votes[:, row, order].max(axis=0) > 0.0) | np.isin(numbers, named)
    kept: NDArray[np.intp] = order[~leftovers(context.steps, numbers, best_steps(context.steps, numbers), wanted)]
    return kept


def _unproposed(item: ItemId, plan: Plan | None) -> tuple[str, str]:
    """Return the source and the reason of an item that no source proposed and that is no step of a goal."""
    if plan is not None and item in plan.constraints.pinned_items:
        return "pinned", "you asked for it to stay"
    return "plan", "new in the catalogue"


def _as_step(placed: Placed, reason: str | None) -> Placed:
    """Return the slot as the step of a goal, if there is a reason of one."""
    return placed if reason is None else replace(placed, source=GOAL_SOURCE, reason=reason, cause=None)


def _degraded(ranking: Ranking, why: str) -> Ranking:
    return replace(ranking, degradations=(*ranking.degradations, why))


def _with_arm(ranking: Ranking, assigned: Assigned | None) -> Ranking:
    degradations = ranking.degradations
    if assigned is not None and assigned.as_champion:
        degradations = (*degradations, AS_CHAMPION)
    return replace(ranking, assigned=assigned, degradations=degradations)
