"""R(user, environment, agent) → list: the steps from a query to a slate, for a batch of people at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from features.item_table import ItemTable, Numbers
from features.user_state import UserState
from features.views import External
from inference.candidates.pool import Pool, gather
from inference.experiment import Experiment, places_of
from inference.exploration import Drawn, Exploration, draw_list
from inference.finite_scores import DEGRADATION, by_popularity, unsound
from inference.learning.weights_file import Weights
from inference.ports import Ranker, Scores, Split
from inference.query import Assigned, Candidates, Placed, Query, Ranking
from inference.ranking.features import FeatureTable
from inference.ranking_context import RankingContext, make_ranking_context
from inference.reasons import reasons
from inference.slate import SlateRules, compose, rules_of
from schemas.ids import ItemId

Repeats = Literal["allow", "forbid", "learn"]
RARE = 0.01
"""Below this share of repeats among choices, consumed items are not candidates."""
PATIENCE = 5.0
"""How many choices of a person count as much as what the stream says of repeats."""
AS_CHAMPION = "arm-as-champion"
"""The degradation of a list whose arm's own weights are not there (yet): the champion's ranked."""


class Recommender:
    """Ranks batches of people. A list is a pure function of (state, item table, weights).

    `repeats` says whether consumed items may come again; "learn" lets the share of repeats decide that the stream
    (through the weights) and the person have shown. Without `exploration` every list is the best one, whatever a plan
    says; with it, a list that explores is drawn by its query's seed. Candidates come from the sources of the features.
    An `experiment` has people's lists ranked, and explored, as their arm says.

    >>> from inference.learning.weights_file import initial_weights
    >>> from inference.local_ranker import LocalRanker
    >>> from schemas.ids import UserId
    >>> from schemas.items import Item
    >>> table, features = ItemTable(), FeatureTable()
    >>> table.put_item(Item(item_id="i1", available_from=0.0))
    >>> recommender = Recommender(table, LocalRanker(initial_weights(features.columns)), features=features)
    >>> [ranking] = recommender.rank([Query(user=UserState(user_id=UserId("u1")), now=1e9)])
    >>> [place.item_id for place in ranking.slate]
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
        self._sources = self.features.sources
        self._slate_size = slate_size
        self._width = candidates
        self._repeats = repeats
        self._exploration = exploration
        self._experiment = experiment
        self._repeat_rate = 0.0
        self.list_ttl = 0.0
        """For how many seconds a list is worth keeping, as the learner has seen it; 0 while that is not known."""

    def load_weights(self, weights: Weights) -> None:
        """Use what the learner found beside the network: the items' factors, and what the stream has shown.

        The network itself is taken up by the rankers.
        """
        self._repeat_rate = weights.repeat_rate
        self.list_ttl = weights.list_ttl
        if len(weights.vector_ids):
            self.table.put_factors(weights.vector_ids, weights.vectors)

    def rank(self, queries: Sequence[Query]) -> list[Ranking]:
        """One ranking per query, in order; one call of the ranker for all of them.

        An exam (`Query.target`) is ranked as if nothing were known of the item, then marked; nobody reads its reasons.

        Raises:
            RankerUnavailable: the ranker did not answer and nothing stood in for it.
        """
        if not queries:
            return []
        persons = [make_ranking_context(query, self.table, repeats=self.may_repeat(query.user)) for query in queries]
        pool = gather(persons, self.table, self._sources, self._width)
        features = self.features.fill(persons, self.table, pool)
        split = self._experiment.split(queries) if self._experiment else None
        scores = self._ranker.score(features, pool.mask, split) if split else self._ranker.score(features, pool.mask)
        broken = unsound(scores, pool.mask)
        if broken.any():
            scores = by_popularity(scores, broken, pool.items, self.table)
            features[broken] = np.nan_to_num(features[broken], nan=0.0, posinf=0.0, neginf=0.0)
        rankings = [self._answer(row, person, pool, features, scores) for row, person in enumerate(persons)]
        rankings = [_degraded(each, DEGRADATION) if bad else each for each, bad in zip(rankings, broken, strict=True)]
        return self._assigned(queries, rankings, split, scores)

    def may_repeat(self, state: UserState) -> bool:
        """Whether consumed items are candidates for this person now."""
        if self._repeats != "learn":
            return self._repeats == "allow"
        expected = (state.repeats + PATIENCE * self._repeat_rate) / (state.choices + PATIENCE)
        return expected >= RARE

    def _answer(
        self, row: int, person: RankingContext, pool: Pool, features: NDArray[np.float32], scores: Scores
    ) -> Ranking:
        size = int(pool.mask[row].sum())
        values = scores.values[row, :size]
        order = (-values).argsort(kind="stable")
        numbers = pool.items[row, order]
        ranked = Candidates(self.table.ids, numbers.tolist())
        hold = self.table.by_category.hold
        rules = rules_of(ranked, person.query.plan, lambda name: hold(name, numbers), self._slate_size)
        drawn = self._drawn(person.query, ranked, order, values, features[row], rules)
        places = drawn.rows if drawn else compose(rules)
        chosen, rows = [ranked[place] for place in places], order[places].tolist()
        slate = self._slate(chosen, rows, row, values, person, pool)
        if drawn:
            slate = tuple(replace(place, propensity=p) for place, p in zip(slate, drawn.propensities, strict=True))
        target = person.query.target
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
        """Where among the candidates the item is, if there is one and it is among them."""
        if item is None or item not in self.table.number:
            return None
        found = np.flatnonzero(numbers == self.table.number[item])
        return int(found[0]) if len(found) else None

    def _assigned(
        self, queries: Sequence[Query], rankings: list[Ranking], split: Split | None, scores: Scores
    ) -> list[Ranking]:
        """The rankings with what the experiment, if there is one, has to do with each."""
        if self._experiment is None:
            return rankings
        found = []
        for row, (query, ranking) in enumerate(zip(queries, rankings, strict=True)):
            places = places_of(split, scores, row, ranking.chosen, len(ranking.items))
            found.append(_told(ranking, self._experiment.assigned(query.user.user_id, scores.absent, places)))
        return found

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
        """The list that explores, if this is one; exams are none."""
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
        person: RankingContext,
        pool: Pool,
    ) -> tuple[Placed, ...]:
        """The places with their main source and its reason; an item that no source proposed was pinned."""
        votes = pool.votes[:, row, rows]
        proposed = votes.max(axis=0) > 0.0
        main = [self._sources[best] for best in votes.argmax(axis=0).tolist()]
        prequential = person.query.target is not None
        why = [""] * len(rows) if prequential else reasons(main, pool.items[row, rows], person, self.table)
        return tuple(
            [
                Placed(item, score, source.name, told, place)
                if found
                else Placed(item, score, "pinned", "you asked for it to stay", place)
                for item, score, place, source, told, found in zip(
                    chosen, values[rows].tolist(), rows, main, why, proposed.tolist(), strict=True
                )
            ]
        )


def _degraded(ranking: Ranking, why: str) -> Ranking:
    return replace(ranking, degradations=(*ranking.degradations, why))


def _told(ranking: Ranking, assigned: Assigned | None) -> Ranking:
    degradations = ranking.degradations
    if assigned is not None and assigned.as_champion:
        degradations = (*degradations, AS_CHAMPION)
    return replace(ranking, assigned=assigned, degradations=degradations)
