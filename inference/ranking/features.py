"""The feature table of candidates: what the ranker sees of each person-item pair.

A row is a group of columns with one function that fills them for a whole batch, so that an array operation serves all
users and candidates at once. Adding a feature is adding a row (or a column to one). Values are scale-free: logarithms,
ratios and places relative to the other candidates, squashed to a few units, so one model fits every domain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.decay import DAY
from features.half_lives import POPULARITY_HALF_LIVES, POPULARITY_SECONDS, SEGMENT_HALF_LIVES, SEGMENT_SECONDS, HalfLife
from features.item_table import Bools, Doubles, ItemTable, Numbers
from features.user_segment import SEGMENTS, user_segment
from features.views import USER_FEATURES, External, feature_schema_id
from inference.candidates.pool import Pool
from inference.candidates.source import Source
from inference.candidates.sources import SOURCES
from inference.ranking.habits import at_this_time
from inference.ranking_context import RankingContext, age_days
from schemas.statistics import Segment

Block = NDArray[np.floating]
LEVELS = [row for row, half_life in enumerate(POPULARITY_HALF_LIVES) if half_life.has_level]
"""At which half-lives the decayed count itself is a feature, not only its ratio to others."""
LOW = -3.0
TOGETHER = 8
"""How many people are filled at once: as many as keep the arrays in the processor's cache."""
SHRINK = 5.0
"""How many values an item needs until its own mean counts as much as everybody's."""
ALIKE = 5.0
"""How many choices an item needs until its own share in a situation counts as much as the usual one."""
RARE = 0.05
"""The decayed count below which it makes no difference how few chose an item."""


class RankingBatch(Struct, frozen=True, kw_only=True):
    """What features read: `items` and `mask` `[users, candidates]`, `now` `[users, 1]`, and the items' `categories`
    `[most, users, candidates]` as `features.item_categories` numbers them.
    """

    table: ItemTable
    persons: Sequence[RankingContext]
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
    """Logarithms against the highest of the list: 0 at the top, -3 at a 4,096th of it or less."""
    top = np.where(mask, values, -np.inf).max(axis=-1, keepdims=True)
    relative: Block = np.maximum((values - np.where(np.isfinite(top), top, 0.0)) / 4.0, LOW)
    return relative


def _popularity(batch: RankingBatch) -> Block:
    logs = batch.table.log_popularity.take(batch.items, axis=1)
    counts = logs - batch.now / np.array(POPULARITY_SECONDS)[:, None, None]
    ratios = np.clip(counts[:-1] - counts[1:], -12.0, 0.0) / 4.0
    level = np.clip(counts[LEVELS], -8.0, 12.0) / 8.0
    return np.concatenate([_relative(logs, batch.mask), ratios, level])


def _segment_popularity(batch: RankingBatch) -> Block:
    """What people in the same situation choose: new ones, those who came back, those within a sitting.

    Per half-life the item's share among them against their share of all choices, in octaves, shrunk towards none; and
    how many of them chose it lately, relative to the most chosen of the list.
    """
    table, items, now = batch.table, batch.items, batch.now
    who = [SEGMENTS.index(_segment_of(person)) for person in batch.persons]
    rows = np.arange(len(who))
    each = table.segments.take(items, axis=-1)  # [situation, half, users, candidates]
    left = _left(table.last_at[items] - now)
    mine, everyone = each[who, :, rows].swapaxes(0, 1) * left, each.sum(axis=0) * left  # [half, users, candidates]
    totals = table.situations_all[..., None, None] * _left(table.newest_at - now)  # [situation, half, users, 1]
    usual = (totals[who, :, rows].swapaxes(0, 1) + 1.0) / (totals.sum(axis=0) + len(SEGMENTS))
    lift = np.log2((mine + ALIKE * usual) / (everyone + ALIKE) / usual)
    level = _relative(np.log2(mine + RARE), batch.mask)
    return np.concatenate([np.clip(lift, -4.0, 4.0) / 2.0, level])


def _segment_of(person: RankingContext) -> Segment:
    query = person.query
    return user_segment(query.user, query.now, query.session_id)


def _left(seconds: Doubles) -> Doubles:
    """What time has left of counts by situation, `[half, ..]`; an earlier time reads them as they are."""
    left: Doubles = np.exp2(np.minimum(0.0, seconds) / np.array(SEGMENT_SECONDS)[:, None, None])
    return left


def _age(batch: RankingBatch) -> Block:
    table, items = batch.table, batch.items
    known = table.count[items] > 0
    age = np.log1p(age_days(batch.now, table.first_at[items])) / 3.0
    idle = np.log1p(age_days(batch.now, table.last_at[items]) * 24.0) / 4.0
    count = np.log1p(table.count[items]) / 4.0
    return np.stack([np.where(known, age, 0.0), np.where(known, idle, 2.0), count])


def _value(batch: RankingBatch) -> Block:
    """Mean value against everybody's, shrunk, in thirds of that."""
    table, items = batch.table, batch.items
    mean = table.mean_value()
    count = table.value_count[items]
    own = (table.value_sum[items] + SHRINK * mean) / (count + SHRINK)
    return np.clip((own - mean) / max(abs(mean) / 3.0, 1e-9), -2.0, 2.0)[None]


def _pick(batch: RankingBatch, *names: str) -> Block:
    """The persons' scores of these names, of their candidates alone: `[len(names), users, candidates]`."""
    picked = np.empty((len(names), *batch.items.shape))
    for row, person in enumerate(batch.persons):
        for place, name in enumerate(names):
            picked[place, row] = getattr(person, name).take(batch.items[row])
    return picked


def _near(batch: RankingBatch) -> Block:
    """Co-visitation and transition scores: relative to the best of the list, and as they are."""
    logs = np.log2(_pick(batch, "covisit", "covisit_near", "transition") + 1e-4)
    return np.concatenate([_relative(logs, batch.mask), np.clip(logs / 8.0 + 0.5, -1.5, 1.5)])


def _words(batch: RankingBatch) -> Block:
    """Words shared with the newest items: as they are, and relative to the best of the list."""
    values = _pick(batch, "words")
    return np.concatenate([np.tanh(values), _relative(np.log2(values + 1e-2), batch.mask)])


def _affinity(batch: RankingBatch) -> Block:
    """What the learned factors add to the score; see `features.item_factors`."""
    return np.clip(_pick(batch, "affinity"), -8.0, 8.0)


def _content(batch: RankingBatch) -> Block:
    profiles = np.stack([person.profile for person in batch.persons])
    closeness: Block = (batch.table.content[batch.items] @ profiles[..., None])[..., 0]
    return closeness[None]


def _tastes(batch: RankingBatch) -> Block:
    """How far the item's categories are the person's: lately, in the long run, by reward."""
    held = batch.categories
    size = np.maximum(1, np.count_nonzero(held, axis=0))
    shares = np.empty((3, *batch.items.shape))
    for row, person in enumerate(batch.persons):
        shares[:, row] = person.tastes.take(held[:, row], axis=1).sum(axis=1)
    shares /= size
    return shares


def _category_weights(batch: RankingBatch, row: int) -> Doubles:
    """What plan and memories weigh each category for one person: `[2, categories + 1]`."""
    number_of = batch.table.by_category.number_of
    weights = np.zeros((2, len(batch.table.by_category) + 1))
    preferences = batch.persons[row].query.preferences
    for source, named in enumerate((preferences.intent_weights, preferences.category_weights)):
        for category, weight in named:
            weights[source, number_of(category)] += weight
    weights[:, 0] = 0.0
    weights[1] = np.tanh(weights[1])
    return weights


def _agent(batch: RankingBatch) -> Block:
    """Intent match x confidence, match with remembered categories, and with remembered items."""
    filled = np.zeros((3, *batch.items.shape))
    for row, person in enumerate(batch.persons):
        if not person.query.preferences.is_weighted:
            continue
        match = _category_weights(batch, row).take(batch.categories[:, row], axis=1).sum(axis=1)
        filled[:2, row] = np.clip(match, -2.0, 2.0)
        filled[2, row] = _remembered(person, batch.table, batch.items[row])
    return filled


def _remembered(person: RankingContext, table: ItemTable, items: Numbers) -> Doubles:
    """What is remembered of each of the items."""
    weighted = [
        (table.number[item], weight) for item, weight in person.query.preferences.item_weights if item in table.number
    ]
    if not weighted:
        return np.zeros(len(items))
    numbers, weights = zip(*weighted, strict=True)
    remembered = np.bincount(np.array(numbers, np.int64), np.tanh(weights), minlength=len(table))
    return remembered[items].astype(np.float64, copy=False)


def _repeats(batch: RankingBatch) -> Block:
    """Of consumed items: that they are, how often, gap over personal interval, whether in this sitting, and how often
    at about this time of day and of the week.

    Of items that were only skipped, disliked or looked at: the reward that this shows.
    """
    filled = np.zeros((8, *batch.items.shape))
    for row, person in enumerate(batch.persons):
        if person.judged:
            reward = np.zeros(len(batch.table))
            reward[list(person.judged)] = list(person.judged.values())
            filled[7, row] = reward[batch.items[row]]
        if person.repeats and len(person.consumed):
            consumed = np.zeros(len(batch.table), np.bool_)
            consumed[person.consumed] = True
            held = np.flatnonzero(batch.mask[row] & consumed[batch.items[row]])
            filled[:7, row, held] = _of_consumed(person, batch.table, batch.items[row, held])
    return filled


def _of_consumed(person: RankingContext, table: ItemTable, items: Numbers) -> Block:
    """The first seven columns of `_repeats` for consumed items: `[7, items]`."""
    state = person.query.user
    touched = [state.user_item_statistics[table.ids[item]] for item in items.tolist()]
    rows = [(touch.first_at, touch.last_at, touch.count) for touch in touched]
    first, last, count = np.array(rows, np.float64).reshape(-1, 3).T
    gap = np.maximum(0.0, person.query.now - last)
    habit = state.gap_sum / max(1, state.repeats) or DAY
    own = np.where(last > first, (last - first) / np.maximum(1.0, count - 1.0), habit)
    columns = (
        np.ones(len(items)),
        np.log1p(count) / 2.0,
        np.clip(np.log2((gap + 3_600.0) / (own + 3_600.0)) / 4.0, -2.0, 2.0),
        np.log1p(gap / DAY) / 3.0,
        last >= state.session.began_at,
    )
    query = person.query
    return np.stack([*columns, *at_this_time(query.user, query.now, items, table.number).T])


def _user(batch: RankingBatch) -> Block:
    """The person's own row, the same for every candidate; the network crosses it with the others."""
    rows = np.array([[feature.value(person.query.user) for feature in USER_FEATURES] for person in batch.persons])
    return _spread(np.sign(rows) * np.log1p(np.abs(rows)) / 2.0, batch)


def _segment(batch: RankingBatch) -> Block:
    """How long the person was away, whether they are new, and how well the sources know what is near them."""
    rows = np.array(
        [
            (
                np.log1p(max(0.0, person.query.now - person.query.user.last_at) / 3_600.0) / 4.0
                if person.query.user.version
                else 0.0,
                float(not len(person.recent)),
                float(np.log2(person.covisit.max(initial=0.0) + 1e-3)) / 8.0,
            )
            for person in batch.persons
        ]
    )
    return _spread(rows, batch)


def _spread(rows: Doubles, batch: RankingBatch) -> Block:
    """What is the same for all candidates of a person (`rows` is `[users, columns]`)."""
    return np.broadcast_to(rows.T[..., None], (rows.shape[-1], *batch.items.shape))


def _names(prefix: str, half_lives: Sequence[HalfLife]) -> tuple[str, ...]:
    """Return the names of one column per half-life."""
    return tuple(f"{prefix}_{half_life.name}" for half_life in half_lives)


def _of_sources(sources: Sequence[Source]) -> FeatureGroup:
    names = tuple(f"from_{source.name}" for source in sources)
    return FeatureGroup(group="sources", names=names, fill=lambda batch: batch.pool.votes)


COLUMNS: tuple[FeatureGroup, ...] = (
    FeatureGroup(
        group="popularity",
        names=(
            *_names("popular", POPULARITY_HALF_LIVES),
            *_names("accelerating", POPULARITY_HALF_LIVES[:-1]),
            *_names("level", [POPULARITY_HALF_LIVES[row] for row in LEVELS]),
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
        names=(*_names("company", SEGMENT_HALF_LIVES), *_names("company_popular", SEGMENT_HALF_LIVES)),
        fill=_segment_popularity,
    ),
)


class FeatureTable:
    """The columns of one deployment: the table above and the features that other teams own.

    `sources` are those whose candidates it describes. The columns of the groups in `without` stay zero.

    >>> FeatureTable(()).columns[:2]
    ('popular_0.05d', 'popular_0.25d')
    """

    def __init__(
        self,
        external: Sequence[External] = (),
        *,
        sources: Sequence[Source] = SOURCES,
        without: Collection[str] = (),
    ) -> None:
        self.external = tuple(external)
        self.sources = tuple(sources)
        self._rows = tuple(_of_sources(sources) if row.group == "sources" else row for row in COLUMNS)
        self._without = frozenset(without)
        names = [name for block in self._rows for name in block.names]
        self.columns: tuple[str, ...] = (*names, *(f"external_{row.view}:{row.name}" for row in self.external))
        self.id = feature_schema_id(self.columns)

    def fill(self, persons: Sequence[RankingContext], table: ItemTable, pool: Pool) -> NDArray[np.float32]:
        """The ranker's input, float32 `[users, candidates, features]`; zero where there is no candidate."""
        features = np.empty((*pool.items.shape, len(self.columns)), np.float32)
        for start in range(0, len(persons), TOGETHER):
            part = slice(start, start + TOGETHER)
            now = np.array([[person.query.now] for person in persons[part]])
            held = Pool(items=pool.items[part], mask=pool.mask[part], votes=pool.votes[:, part])
            batch = RankingBatch(
                table=table,
                persons=persons[part],
                pool=held,
                items=held.items,
                mask=held.mask,
                now=now,
                categories=table.by_category.at(held.items),
            )
            columns = np.concatenate(self._blocks(batch), dtype=np.float32, casting="same_kind")
            features[part] = np.moveaxis(columns, 0, -1)
        features[~pool.mask] = 0.0
        return features

    def _blocks(self, batch: RankingBatch) -> list[Block]:
        blocks = [self._block(batch, block) for block in self._rows]
        if self.external:
            rows = np.array([[self._read(person, row) for row in self.external] for person in batch.persons])
            blocks.append(_spread(np.sign(rows) * np.log1p(np.abs(rows)) / 2.0, batch))
        return blocks

    def _block(self, batch: RankingBatch, block: FeatureGroup) -> Block:
        if block.group in self._without:
            return np.zeros((len(block.names), *batch.items.shape), np.float32)
        return block.fill(batch)

    def _read(self, person: RankingContext, row: External) -> float:
        given = person.query.external
        return given.get(f"{row.view}:{row.name}", given.get(row.name, row.default))
