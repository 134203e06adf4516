"""Co-occurrence: items that the same users chose as the recent ones (co-visitation), and directly after (transitions).

Co-visitation is item-based nearest neighbours by cosine-normalised counts (Deshpande and Karypis, TOIS 2004), with
recent items weighing more; transitions are a first-order chain over three steps.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from features.half_lives import COVISIT_HALF_LIFE, TRANSITION_HALF_LIFE
from features.statistics import NEIGHBOURS, PREDECESSORS, people_of
from inference.items.neighbours import Floats, Ints, Neighbours
from inference.items.scores import NO_SCORES, ItemScores, NeighbourFactors, UserItems
from inference.items.table import Doubles, ItemTable, Numbers, Signal
from inference.ranking_context import RECENT_ITEMS, TRACE, RankedTogether, RankingContext, once_per_batch
from inference.signals.columns import Block, FeatureGroup, RankingBatch, pick, relative
from inference.signals.landmark import Landmark
from inference.signals.source import CandidateSource, Evidence
from schemas.ids import ItemId
from schemas.statistics import ItemStatistics

SHRINK = 5.0
"""People added to each item's count: two rare items that co-occurred once prove little (Bell, Koren 2007)."""
PAIR_SHRINK = np.float32(1.0)
"""People added to each pair's count: a pair that few people made is worth less than its share of them. The weight of a
pair of n people is n x n / (n + 1) (Bell, Koren 2007), so that a handful of accounts forges none."""
FOLLOWERS = 64
NEAR_ITEMS = 12
NEAR_DECAY = 0.6
"""The weight of an item against that of the next newer one, for co-visitation with the newest few items."""
TRANSITION_STEPS = 3
"""How many of the newest items transitions start from."""
COVISIT_RANKS = np.zeros((2, RECENT_ITEMS))
COVISIT_RANKS[0] = TRACE
COVISIT_RANKS[1, :NEAR_ITEMS] = NEAR_DECAY ** np.arange(NEAR_ITEMS)
"""The weights of recent items by their rank, for all and for the newest few."""
TRANSITION_RANKS = np.array([[0.5**step for step in range(TRANSITION_STEPS)]])
NAMED_CAUSES = 8
"""How many of the newest items may be named as the cause of a co-visited one."""


class CoOccurrence(Signal):
    """Neighbours, as of a landmark for each half-life: `covisited` who comes before an item, `covisiting` who comes
    after, `followed` who comes directly after. `inverse_count` float64 `[items]` is 1 / the shrunk count, and
    `inverse_root` the root of that.
    """

    def __init__(self, *, capacity: int) -> None:
        self.covisited = Neighbours(width=NEIGHBOURS, capacity=capacity)
        self.covisiting = Neighbours(width=NEIGHBOURS, capacity=capacity)
        self.followed = Neighbours(width=FOLLOWERS, capacity=capacity)
        self._preceded = Neighbours(width=PREDECESSORS, capacity=capacity)
        self.covisit_landmark = Landmark(COVISIT_HALF_LIFE)
        self.transition_landmark = Landmark(TRANSITION_HALF_LIFE)
        self.inverse_root: Doubles = np.zeros(capacity)
        self.inverse_count: Doubles = np.zeros(capacity)
        self._scratch: Floats = np.zeros(capacity, np.float32)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        for neighbours in (self.covisited, self.covisiting, self.followed, self._preceded):
            neighbours.grow(capacity)
        spare = np.zeros(capacity - len(self.inverse_root))
        self.inverse_root = np.concatenate([self.inverse_root, spare])
        self.inverse_count = np.concatenate([self.inverse_count, spare])
        self._scratch = np.zeros(capacity, np.float32)

    def update(self, table: ItemTable, number: int, row: ItemStatistics) -> None:
        """Replace the item's predecessors, and update the rows of those whose weight changed."""
        root = (people_of(row) + SHRINK) ** -0.5
        self.inverse_root[number], self.inverse_count[number] = root, root * root
        self._follow(max(row.at, table.newest_at))
        others, weights = _named(table, row.covisits, self.covisit_landmark.scale(row.at))
        self._pair(self.covisited, self.covisiting, number, others, weights)
        others, weights = _named(table, row.transitions, self.transition_landmark.scale(row.at))
        self._pair(self._preceded, self.followed, number, others, weights)

    def _follow(self, newest: float) -> None:
        """Move the landmarks, and the weights with them."""
        for landmark, kinds in (
            (self.covisit_landmark, (self.covisited, self.covisiting)),
            (self.transition_landmark, (self._preceded, self.followed)),
        ):
            factor = landmark.follow(newest)
            if factor != 1.0:
                for kind in kinds:
                    kind.rescale(factor)

    def _pair(self, forward: Neighbours, backward: Neighbours, number: int, others: Ints, weights: Floats) -> None:
        changed, changed_weights = forward.changes(number, others, weights, self._scratch)
        forward.replace(number, others, weights)
        if len(changed):
            backward.tell(changed, number, changed_weights)


def _named(table: ItemTable, weights: dict[ItemId, float], scale: float) -> tuple[Ints, Floats]:
    """Return the numbers of these items, new ones for those that have none yet, and their scaled weights."""
    numbers = list(map(table.number.get, weights))
    if None in numbers:
        weights = {item: weight for item, weight in weights.items() if table.may_be_numbered(item)}
        numbers = [table.numbered(item) for item in weights]
    return np.array(numbers, np.int32), np.array(list(weights.values()), np.float32) * np.float32(scale)


class CoOccurrenceScores(Struct, frozen=True, kw_only=True):
    """The scores of one query, by all of the user's recent items, by the newest few, and directly after the last."""

    covisit: ItemScores = NO_SCORES
    near: ItemScores = NO_SCORES
    transition: ItemScores = NO_SCORES


@once_per_batch
def scores(queries: RankedTogether, table: ItemTable) -> list[CoOccurrenceScores]:
    """Return the scores of the neighbours of each user's recent items."""
    signal, size = table.signal(CoOccurrence), len(table)
    covisits = (signal.covisited.arrays, signal.covisiting.arrays)
    followed = (signal.followed.arrays,)
    by_root = NeighbourFactors(PAIR_SHRINK, COVISIT_RANKS, signal.inverse_root)
    by_count = NeighbourFactors(PAIR_SHRINK, TRANSITION_RANKS, signal.inverse_count)
    items, ends = np.concatenate(queries.recent), np.array(list(map(len, queries.recent))).cumsum()
    landmarks = (signal.covisit_landmark, signal.transition_landmark)
    now, after = (
        UserItems(items, ends, np.array(list(map(mark.decay, queries.now)), np.float32)) for mark in landmarks
    )
    together = table.summing.over_neighbours(covisits, now, by_root, size)
    next_ones = table.summing.over_neighbours(followed, after, by_count, size)
    root = signal.inverse_root
    return [
        CoOccurrenceScores(covisit=covisit.times(root), near=near.times(root), transition=transition)
        for (covisit, near), (transition,) in zip(together, next_ones, strict=True)
    ]


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items most co-visited with the user's recent ones."""
    return scores(context, table).covisit.best(context.blocked, size)


def propose_near(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items most co-visited with the user's newest few."""
    return scores(context, table).near.best(context.blocked, size)


def propose_next(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items that are most often chosen directly after the user's newest ones."""
    return scores(context, table).transition.best(context.blocked, size)


def fill(batch: RankingBatch) -> Block:
    """Return co-visitation and transition scores: relative to the list's best, and as they are."""
    picked = pick(
        batch,
        lambda context, table, items: scores(context, table).covisit.at(items),
        lambda context, table, items: scores(context, table).near.at(items),
        lambda context, table, items: scores(context, table).transition.at(items),
    )
    logs = np.log2(picked + 1e-4)
    return np.concatenate([relative(logs, batch.mask), np.clip(logs / 8.0 + 0.5, -1.5, 1.5)])


def _covisits(table: ItemTable) -> tuple[Neighbours, ...]:
    signal = table.signal(CoOccurrence)
    return signal.covisited, signal.covisiting


def _followers(table: ItemTable) -> tuple[Neighbours, ...]:
    return (table.signal(CoOccurrence).followed,)


CO_OCCURRENCE_SOURCES = (
    CandidateSource(
        name="covisitation",
        propose=propose,
        size=70,
        reason="goes with what you chose lately",
        evidence=Evidence(neighbours=_covisits, newest=NAMED_CAUSES),
    ),
    CandidateSource(
        name="covisitation-near",
        propose=propose_near,
        size=70,
        reason="goes with your last choice",
        evidence=Evidence(neighbours=_covisits, newest=TRANSITION_STEPS),
    ),
    CandidateSource(
        name="transitions",
        propose=propose_next,
        size=40,
        reason="often chosen next",
        evidence=Evidence(neighbours=_followers, newest=TRANSITION_STEPS),
    ),
)
CO_OCCURRENCE_COLUMNS = FeatureGroup(
    group="near",
    names=("covisit", "covisit_near", "transition", "covisit_level", "covisit_near_level", "transition_level"),
    fill=fill,
    initial={"covisit": 2.0, "transition": 1.0},
)
