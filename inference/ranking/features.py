"""The feature table of candidates: the ranker's input for each user-item pair.

A row is a group of columns with one function that fills them for a whole batch, so that an array operation serves all
users and candidates at once. Adding a feature is adding a row (or a column to one). Values are scale-free: logarithms,
ratios and ranks relative to the other candidates, squashed to a few units, so one model fits every domain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.decay import DAY
from features.half_lives import POPULARITY_HALF_LIVES, POPULARITY_SECONDS, SEGMENT_HALF_LIVES, SEGMENT_SECONDS, HalfLife
from features.item_table import Bools, Doubles, ItemTable, Numbers
from features.user_segment import SEGMENTS
from features.views import USER_FEATURES, External, feature_schema_id
from inference.candidates.pool import Pool
from inference.candidates.source import CandidateSource
from inference.candidates.sources import SOURCES
from inference.ranking.habits import at_this_time
from inference.ranking_context import RankingContext, age_days

Block = NDArray[np.floating]
POPULARITY_HALVING = np.array(POPULARITY_SECONDS)[:, None, None]
SEGMENT_HALVING = np.array(SEGMENT_SECONDS)[:, None, None]
"""Half-lives in seconds, `[half-life, 1, 1]`, beside `[users, candidates]`."""
LEVEL_INDEXES = [index for index, half_life in enumerate(POPULARITY_HALF_LIVES) if half_life.has_level]
"""At which half-lives the decayed count itself is a feature, not only its ratio to others."""
LOWEST_RELATIVE = -3.0
USERS_AT_ONCE = 8
"""How many users are filled at once: as many as keep the arrays in the processor's cache."""
VALUE_PRIOR = 5.0
"""How many values an item needs until its own mean counts as much as the overall mean."""
SEGMENT_PRIOR = 5.0
"""How many choices an item needs until its own share in a segment counts as much as the usual share."""
SEGMENT_MIN_COUNT = 0.05
"""The decayed count below which segment popularity does not distinguish items."""


class RankingBatch(Struct, frozen=True, kw_only=True):
    """The input of feature groups: `items` and `mask` `[users, candidates]`, `now` `[users, 1]`, and the items'
    `categories` `[most, users, candidates]` as `features.item_categories` numbers them.
    """

    table: ItemTable
    contexts: Sequence[RankingContext]
    pool: Pool
    items: Numbers
    mask: Bools
    now: Doubles
    categories: NDArray[np.int32]


class FeatureGroup(Struct, frozen=True, kw_only=True):
    """Features that are computed together: `fill(batch)` is `[len(names), users, candidates]`, column by column, so
    that arithmetic runs along candidates.
    """

    group: str
    names: tuple[str, ...]
    fill: Callable[[RankingBatch], Block]


def _relative(values: Block, mask: Bools) -> Block:
    """Return base-2 logarithms relative to the list's highest: 0 at the top, -3 at a 4,096th of it or less."""
    top = np.where(mask, values, -np.inf).max(axis=-1, keepdims=True)
    relative: Block = np.maximum((values - np.where(np.isfinite(top), top, 0.0)) / 4.0, LOWEST_RELATIVE)
    return relative


def _popularity(batch: RankingBatch) -> Block:
    logs = batch.table.log_popularity.take(batch.items, axis=1)
    counts = logs - batch.now / POPULARITY_HALVING
    ratios = np.clip(counts[:-1] - counts[1:], -12.0, 0.0) / 4.0
    level = np.clip(counts[LEVEL_INDEXES], -8.0, 12.0) / 8.0
    return np.concatenate([_relative(logs, batch.mask), ratios, level])


def _segment_popularity(batch: RankingBatch) -> Block:
    """Return popularity in the user's segment: new users, returning users, users within a session.

    Per half-life the lift of the item's share in the segment over the segment's share of all choices, in octaves,
    shrunk towards none; and how many of the segment chose it lately, relative to the list's highest.
    """
    table, items, now = batch.table, batch.items, batch.now
    own = [SEGMENTS.index(context.segment) for context in batch.contexts]
    rows = np.arange(len(own))
    counts = table.segments.take(items, axis=-1)  # [segment, half-life, users, candidates]
    decay = _segment_decay(table.last_at[items] - now)
    in_segment = counts[own, :, rows].swapaxes(0, 1) * decay  # [half-life, users, candidates]
    overall = counts.sum(axis=0) * decay
    totals = table.segment_totals[..., None, None] * _segment_decay(table.newest_at - now)
    usual = (totals[own, :, rows].swapaxes(0, 1) + 1.0) / (totals.sum(axis=0) + len(SEGMENTS))
    lift = np.log2((in_segment + SEGMENT_PRIOR * usual) / (overall + SEGMENT_PRIOR) / usual)
    level = _relative(np.log2(in_segment + SEGMENT_MIN_COUNT), batch.mask)
    return np.concatenate([np.clip(lift, -4.0, 4.0) / 2.0, level])


def _segment_decay(seconds: Doubles) -> Doubles:
    """Return what is left of segment counts after -`seconds`, `[half-life, ..]`; times in the future decay nothing."""
    decay: Doubles = np.exp2(np.minimum(0.0, seconds) / SEGMENT_HALVING)
    return decay


def _age(batch: RankingBatch) -> Block:
    table, items = batch.table, batch.items
    has_events = table.count[items] > 0
    age = np.log1p(age_days(batch.now, table.first_at[items])) / 3.0
    idle = np.log1p(age_days(batch.now, table.last_at[items]) * 24.0) / 4.0
    count = np.log1p(table.count[items]) / 4.0
    return np.stack([np.where(has_events, age, 0.0), np.where(has_events, idle, 2.0), count])


def _value(batch: RankingBatch) -> Block:
    """Return the item's mean value less the overall mean, shrunk, in thirds of the latter."""
    table, items = batch.table, batch.items
    mean = table.mean_value()
    count = table.value_count[items]
    own = (table.value_sum[items] + VALUE_PRIOR * mean) / (count + VALUE_PRIOR)
    return np.clip((own - mean) / max(abs(mean) / 3.0, 1e-9), -2.0, 2.0)[None]


def _pick(batch: RankingBatch, *names: str) -> Block:
    """Return the contexts' scores of these names for their candidates alone: `[len(names), users, candidates]`."""
    picked = np.empty((len(names), *batch.items.shape))
    for row, context in enumerate(batch.contexts):
        for column, name in enumerate(names):
            picked[column, row] = getattr(context, name).take(batch.items[row])
    return picked


def _near(batch: RankingBatch) -> Block:
    """Return co-visitation and transition scores: relative to the list's best, and as they are."""
    logs = np.log2(_pick(batch, "covisit", "covisit_near", "transition") + 1e-4)
    return np.concatenate([_relative(logs, batch.mask), np.clip(logs / 8.0 + 0.5, -1.5, 1.5)])


def _words(batch: RankingBatch) -> Block:
    """Return the score of words shared with the newest items: as it is, and relative to the list's best."""
    values = _pick(batch, "words")
    return np.concatenate([np.tanh(values), _relative(np.log2(values + 1e-2), batch.mask)])


def _affinity(batch: RankingBatch) -> Block:
    """Return the affinity by learned factors; see `features.item_factors`."""
    return np.clip(_pick(batch, "affinity"), -8.0, 8.0)


def _content(batch: RankingBatch) -> Block:
    profiles = np.stack([context.content_profile for context in batch.contexts])
    similarity: Block = (batch.table.content[batch.items] @ profiles[..., None])[..., 0]
    return similarity[None]


def _tastes(batch: RankingBatch) -> Block:
    """Return the user's share of choices in the item's categories: short-term, long-term, by reward."""
    categories = batch.categories
    size = np.maximum(1, np.count_nonzero(categories, axis=0))
    shares = np.empty((3, *batch.items.shape))
    for row, context in enumerate(batch.contexts):
        shares[:, row] = context.tastes.take(categories[:, row], axis=1).sum(axis=1)
    shares /= size
    return shares


def _category_weights(batch: RankingBatch, row: int) -> Doubles:
    """Return the weight of each category by plan and by memories for one user: `[2, categories + 1]`."""
    number_of = batch.table.by_category.number_of
    weights = np.zeros((2, len(batch.table.by_category) + 1))
    preferences = batch.contexts[row].query.preferences
    for source, named in enumerate((preferences.intent_weights, preferences.category_weights)):
        for category, weight in named:
            weights[source, number_of(category)] += weight
    weights[:, 0] = 0.0
    weights[1] = np.tanh(weights[1])
    return weights


def _agent(batch: RankingBatch) -> Block:
    """Return intent match x confidence, match with remembered categories, and with remembered items."""
    filled = np.zeros((3, *batch.items.shape))
    for row, context in enumerate(batch.contexts):
        if not context.query.preferences.is_weighted:
            continue
        match = _category_weights(batch, row).take(batch.categories[:, row], axis=1).sum(axis=1)
        filled[:2, row] = np.clip(match, -2.0, 2.0)
        filled[2, row] = _item_weights(context, batch.table, batch.items[row])
    return filled


def _item_weights(context: RankingContext, table: ItemTable, items: Numbers) -> Doubles:
    """Return the weight of each of the items by memories: `[items]`."""
    weighted = [
        (table.number[item], weight) for item, weight in context.query.preferences.item_weights if item in table.number
    ]
    if not weighted:
        return np.zeros(len(items))
    numbers, weights = zip(*weighted, strict=True)
    summed = np.bincount(np.array(numbers, np.int64), np.tanh(weights), minlength=len(table))
    return summed[items].astype(np.float64, copy=False)


def _repeats(batch: RankingBatch) -> Block:
    """Return, for consumed items: a flag, how often, gap over personal interval, gap, whether in this session, and how
    often at about this time of day and of the week; for items that were only skipped, disliked or viewed: the reward.
    """
    filled = np.zeros((8, *batch.items.shape))
    for row, context in enumerate(batch.contexts):
        if context.unchosen_rewards:
            reward = np.zeros(len(batch.table))
            reward[list(context.unchosen_rewards)] = list(context.unchosen_rewards.values())
            filled[7, row] = reward[batch.items[row]]
        if context.repeats and len(context.consumed):
            consumed = np.zeros(len(batch.table), np.bool_)
            consumed[context.consumed] = True
            repeated = np.flatnonzero(batch.mask[row] & consumed[batch.items[row]])
            filled[:7, row, repeated] = _of_consumed(context, batch.table, batch.items[row, repeated])
    return filled


def _of_consumed(context: RankingContext, table: ItemTable, items: Numbers) -> Block:
    """Return the first seven columns of `_repeats` for consumed items: `[7, items]`."""
    state = context.query.user
    statistics = [state.user_item_statistics[table.ids[item]] for item in items.tolist()]
    rows = [(own.first_at, own.last_at, own.count) for own in statistics]
    first, last, count = np.array(rows, np.float64).reshape(-1, 3).T
    gap = np.maximum(0.0, context.query.now - last)
    usual_gap = state.gap_sum / max(1, state.repeats) or DAY
    interval = np.where(last > first, (last - first) / np.maximum(1.0, count - 1.0), usual_gap)
    columns = (
        np.ones(len(items)),
        np.log1p(count) / 2.0,
        np.clip(np.log2((gap + 3_600.0) / (interval + 3_600.0)) / 4.0, -2.0, 2.0),
        np.log1p(gap / DAY) / 3.0,
        last >= state.session.began_at,
    )
    query = context.query
    return np.stack([*columns, *at_this_time(query.user, query.now, items, table.number).T])


def _user(batch: RankingBatch) -> Block:
    """Return the user's own features, the same for every candidate; the network crosses them with the others."""
    rows = np.array([[feature.value(context.query.user) for feature in USER_FEATURES] for context in batch.contexts])
    return _spread(np.sign(rows) * np.log1p(np.abs(rows)) / 2.0, batch)


def _segment(batch: RankingBatch) -> Block:
    """Return how long the user was away, whether they have no recent items, and their best co-visitation score."""
    rows = np.array(
        [
            (
                np.log1p(max(0.0, context.query.now - context.query.user.last_at) / 3_600.0) / 4.0
                if context.query.user.version
                else 0.0,
                float(not len(context.recent)),
                float(np.log2(context.covisit.max(initial=0.0) + 1e-3)) / 8.0,
            )
            for context in batch.contexts
        ]
    )
    return _spread(rows, batch)


def _spread(rows: Doubles, batch: RankingBatch) -> Block:
    """Broadcast `rows [users, columns]` to all candidates of a user: `[columns, users, candidates]`."""
    return np.broadcast_to(rows.T[..., None], (rows.shape[-1], *batch.items.shape))


def _at_half_lives(prefix: str, half_lives: Sequence[HalfLife]) -> tuple[str, ...]:
    """Return the names of one column per half-life."""
    return tuple(f"{prefix}_{half_life.name}" for half_life in half_lives)


def _of_sources(sources: Sequence[CandidateSource]) -> FeatureGroup:
    names = tuple(f"from_{source.name}" for source in sources)
    return FeatureGroup(group="sources", names=names, fill=lambda batch: batch.pool.votes)


FEATURE_GROUPS: tuple[FeatureGroup, ...] = (
    FeatureGroup(
        group="popularity",
        names=(
            *_at_half_lives("popular", POPULARITY_HALF_LIVES),
            *_at_half_lives("accelerating", POPULARITY_HALF_LIVES[:-1]),
            *_at_half_lives("level", [POPULARITY_HALF_LIVES[index] for index in LEVEL_INDEXES]),
        ),
        fill=_popularity,
    ),
    FeatureGroup(group="age", names=("age", "idle", "events"), fill=_age),
    FeatureGroup(group="value", names=("value",), fill=_value),
    FeatureGroup(
        group="near",
        names=("covisit", "covisit_near", "transition", "covisit_level", "covisit_near_level", "transition_level"),
        fill=_near,
    ),
    FeatureGroup(group="words", names=("words", "words_relative"), fill=_words),
    FeatureGroup(group="affinity", names=("affinity",), fill=_affinity),
    FeatureGroup(group="content", names=("content",), fill=_content),
    FeatureGroup(group="tastes", names=("taste_now", "taste_long", "taste_liked"), fill=_tastes),
    FeatureGroup(group="agent", names=("intent", "memory_category", "memory_item"), fill=_agent),
    FeatureGroup(
        group="repeats",
        names=(
            "consumed",
            "consumed_count",
            "gap_over_interval",
            "gap",
            "this_sitting",
            "at_this_hour",
            "at_this_time_of_week",
            "judged",
        ),
        fill=_repeats,
    ),
    _of_sources(SOURCES),
    FeatureGroup(group="user", names=tuple(f"user_{feature.name}" for feature in USER_FEATURES), fill=_user),
    FeatureGroup(group="situation", names=("away", "nothing_known", "best_covisit"), fill=_segment),
    FeatureGroup(
        group="company",
        names=(*_at_half_lives("company", SEGMENT_HALF_LIVES), *_at_half_lives("company_popular", SEGMENT_HALF_LIVES)),
        fill=_segment_popularity,
    ),
)


class FeatureTable:
    """The feature columns of one deployment: the groups above and the features that other teams own.

    `sources` are those whose candidates it describes. Columns of the groups in `without` stay zero.

    >>> FeatureTable(()).columns[:2]
    ('popular_0.05d', 'popular_0.25d')
    """

    def __init__(
        self,
        external: Sequence[External] = (),
        *,
        sources: Sequence[CandidateSource] = SOURCES,
        without: Collection[str] = (),
    ) -> None:
        self.external = tuple(external)
        self.sources = tuple(sources)
        self._rows = tuple(_of_sources(sources) if row.group == "sources" else row for row in FEATURE_GROUPS)
        self._without = frozenset(without)
        names = [name for block in self._rows for name in block.names]
        self.columns: tuple[str, ...] = (*names, *(f"external_{row.view}:{row.name}" for row in self.external))
        self.id = feature_schema_id(self.columns)

    def fill(self, contexts: Sequence[RankingContext], table: ItemTable, pool: Pool) -> NDArray[np.float32]:
        """Return the ranker's input, float32 `[users, candidates, features]`; zero where there is no candidate."""
        features = np.empty((*pool.items.shape, len(self.columns)), np.float32)
        for start in range(0, len(contexts), USERS_AT_ONCE):
            part = slice(start, start + USERS_AT_ONCE)
            now = np.array([[context.query.now] for context in contexts[part]])
            part_pool = Pool(items=pool.items[part], mask=pool.mask[part], votes=pool.votes[:, part])
            batch = RankingBatch(
                table=table,
                contexts=contexts[part],
                pool=part_pool,
                items=part_pool.items,
                mask=part_pool.mask,
                now=now,
                categories=table.by_category.at(part_pool.items),
            )
            columns = np.concatenate(self._blocks(batch), dtype=np.float32, casting="same_kind")
            features[part] = np.moveaxis(columns, 0, -1)
        features[~pool.mask] = 0.0
        return features

    def _blocks(self, batch: RankingBatch) -> list[Block]:
        blocks = [self._block(batch, block) for block in self._rows]
        if self.external:
            rows = np.array([[self._read(context, row) for row in self.external] for context in batch.contexts])
            blocks.append(_spread(np.sign(rows) * np.log1p(np.abs(rows)) / 2.0, batch))
        return blocks

    def _block(self, batch: RankingBatch, block: FeatureGroup) -> Block:
        if block.group in self._without:
            return np.zeros((len(block.names), *batch.items.shape), np.float32)
        return block.fill(batch)

    def _read(self, context: RankingContext, row: External) -> float:
        values = context.query.external
        return values.get(f"{row.view}:{row.name}", values.get(row.name, row.default))
