"""A worker's own view of the catalogue and the item statistics: arrays by item number, updated record by record.

Popularity is kept as log2(decayed count) + at / half-life (forward decay: Cormode et al., ICDE 2009). Then an item's
key changes only with its own events, and the order of items stays right while time passes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.half_lives import (
    CATEGORY_ORDER,
    COVISIT_HALF_LIFE,
    POPULARITY_SECONDS,
    SEGMENT_SECONDS,
    TRANSITION_HALF_LIFE,
    HalfLife,
)
from features.item_categories import ItemCategories
from features.item_content import CONTENT_DIMENSIONS, content_vector
from features.item_factors import ItemFactors
from features.item_locales import ItemLocales
from features.item_neighbours import Floats, Ints, Neighbours
from features.item_order import Order
from features.item_words import ItemWords, words_of
from features.statistics import NEIGHBOURS, PREDECESSORS
from features.user_segment import SEGMENTS
from schemas.ids import ItemId
from schemas.items import Item
from schemas.statistics import ItemStatistics

LANDMARK = 1_577_836_800.0
"""2020-01-01: neighbour weights are stored as of this time; float32's exponent then spans 1995 to 2050."""
SHRINK = 5.0
"""Events added to each item's count: two rare items that co-occurred once prove little (Bell, Koren 2007)."""
FOLLOWERS = 64
COLD_ITEMS = 256
COLD_COUNT = 5
KNOWN_COUNT = 3
"""Events that an item outside a non-empty catalogue needs before it is recommended."""
WAITING_KEPT = 2_000
"""Statistics kept of items that are not known yet; the oldest is dropped, and comes again with its next event."""
NO_EVENTS = -1e6
"""Below every log popularity that decay can reach."""
_CAPACITY = 256
_POPULARITY_HALVING = np.array(POPULARITY_SECONDS)

Numbers = NDArray[np.int64]
Bools = NDArray[np.bool_]
Doubles = NDArray[np.float64]


class ItemTable:
    """Items by number, in the order in which they became known as choosable.

    `version` counts the contributions that all rows hold, so it goes on where it was after a restart; `newest_at` is
    the newest event time among them.

    An item gets its number with its first statistics, or with a catalogue entry that says from when it is available.
    Before that its entry only waits: an item that nobody has met and that nobody has released changes no list. Where
    there is a catalogue, an item that is not in it waits for `KNOWN_COUNT` events, so that made-up ids cost nothing.

    Arrays have one row per number; those beyond `len(table)` are spare. `half` counts `POPULARITY_HALF_LIVES`:
    `log_popularity` float64 `[half, items]`, `covisited` who comes before an item, `covisiting` who comes after,
    `followed` who comes directly after, `content` float32 `[items, 64]`. `words`, `factors` and `by_category` have
    rows by number too; within a category items are in the order of their popularity at `CATEGORY_ORDER`.

    `segments` float64 `[segment, half-life, items]` are counts as of `last_at`, where `half` counts
    `SEGMENT_HALF_LIVES`, and `segment_totals` `[segment, half-life]` their sums over all items as of `newest_at`.
    Neither changes as time passes: who reads them decays them.

    >>> table = ItemTable()
    >>> table.put_item(Item(item_id="i1", title="A teapot", available_from=0.0))
    >>> len(table), table.title(ItemId("i1"))
    (1, 'A teapot')
    """

    def __init__(self) -> None:
        self.version = 0
        self.newest_at = 0.0
        self.ids: list[ItemId] = []
        self.number: dict[ItemId, int] = {}
        self.catalogue: dict[ItemId, Item] = {}
        self._waiting: dict[ItemId, ItemStatistics] = {}
        self._cold: dict[int, None] = {}
        self._cold_array: Numbers | None = None
        self.order = [Order() for _ in POPULARITY_SECONDS]
        self.value_sum_all = 0.0
        self.value_count_all = 0.0
        self.segment_totals: Doubles = np.zeros((len(SEGMENTS), len(SEGMENT_SECONDS)))
        self._leaders: dict[tuple[int, int], Numbers] = {}
        self._has_windows = False
        self._make_arrays(_CAPACITY)
        self.covisited = Neighbours(width=NEIGHBOURS, capacity=_CAPACITY)
        self.covisiting = Neighbours(width=NEIGHBOURS, capacity=_CAPACITY)
        self._preceded = Neighbours(width=PREDECESSORS, capacity=_CAPACITY)
        self.followed = Neighbours(width=FOLLOWERS, capacity=_CAPACITY)
        self.by_category = ItemCategories(capacity=_CAPACITY)
        self.words = ItemWords(capacity=_CAPACITY)
        self.locales = ItemLocales(capacity=_CAPACITY)
        self.factors = ItemFactors(capacity=_CAPACITY)

    def _make_arrays(self, size: int) -> None:
        halves = len(POPULARITY_SECONDS)
        self.log_popularity: Doubles = np.full((halves, size), NO_EVENTS)
        self.last_at: Doubles = np.zeros(size)
        self.first_at: Doubles = np.zeros(size)
        self.count: Doubles = np.zeros(size)
        self.inverse_root: Doubles = np.zeros(size)
        self.value_sum: Doubles = np.zeros(size)
        self.value_count: Doubles = np.zeros(size)
        self.segments: Doubles = np.zeros((*self.segment_totals.shape, size))
        self.from_time: Doubles = np.full(size, -np.inf)
        self.until_time: Doubles = np.full(size, np.inf)
        self.closed: Bools = np.zeros(size, np.bool_)
        self.content: Floats = np.zeros((size, CONTENT_DIMENSIONS), np.float32)
        self._scratch: Floats = np.zeros(size, np.float32)

    def __len__(self) -> int:
        """Return how many items have a number."""
        return len(self.ids)

    def title(self, item: ItemId) -> str:
        """Return the item's title, empty if the catalogue does not know it."""
        entry = self.catalogue.get(item)
        return entry.title if entry else ""

    def categories(self, item: ItemId) -> tuple[str, ...]:
        """Return the item's categories, each in its first spelling; none if the catalogue does not know it."""
        entry = self.catalogue.get(item)
        return tuple(map(self.by_category.spelled, entry.categories)) if entry else ()

    def available(self, item: ItemId, now: float, locale: str = "") -> bool:
        """Return whether the item may be shown at this time, to a user of this locale."""
        number = self.number.get(item)
        if number is None or self.closed[number] or not self.locales.shows(number, locale):
            return False
        return bool(self.from_time[number] <= now < self.until_time[number])

    def unavailable(self, now: float, locale: str = "") -> Bools:
        """Return which items may not be shown at this time, to a user of this locale, `[items]`; a fresh array."""
        size = len(self.ids)
        blocked = self.closed[:size].copy()
        if self._has_windows:
            blocked |= self.from_time[:size] > now
            blocked |= self.until_time[:size] <= now
        if locale:
            blocked |= self.locales.excluded(locale, size)
        return blocked

    def put_item(self, item: Item) -> None:
        """Take the newest catalogue entry of an item."""
        self.catalogue[item.item_id] = item
        number = self.number.get(item.item_id)
        waiting = self._waiting.pop(item.item_id, None)
        if number is not None:
            self._describe(number, item)
        elif waiting is not None:
            self.put_statistics(waiting)
        elif item.available_from is not None:
            self._numbered(item.item_id)

    def withdraw(self, item: ItemId) -> None:
        """Stop showing the item until a new catalogue entry brings it back."""
        self.catalogue.pop(item, None)
        number = self._numbered(item)
        self.closed[number] = True
        self._describe_categories(number, ())
        self.locales.put(number, ())
        self._warm(number)

    def put_statistics(self, row: ItemStatistics) -> None:
        """Take the newest statistics of an item; the same row again changes nothing."""
        if not self._is_known(row):
            self._waiting.pop(row.item_id, None)
            self._waiting[row.item_id] = row
            if len(self._waiting) > WAITING_KEPT:
                del self._waiting[next(iter(self._waiting))]
            return
        self._waiting.pop(row.item_id, None)
        self._leaders.clear()
        number = self._numbered(row.item_id)
        self._segments(number, row)
        self._count(number, row)
        self._popularity(number, row)
        self._pair(self.covisited, self.covisiting, number, row.covisits, _scale(row.at, COVISIT_HALF_LIFE))
        self._pair(self._preceded, self.followed, number, row.transitions, _scale(row.at, TRANSITION_HALF_LIFE))

    def _is_known(self, row: ItemStatistics) -> bool:
        known = not self.catalogue or row.item_id in self.number or row.item_id in self.catalogue
        return known or row.count >= KNOWN_COUNT

    def put_factors(self, ids: Sequence[ItemId], rows: Floats) -> None:
        """Take the newest learned factors, `[len(ids), FACTOR_WIDTH]`; other items keep theirs.

        Ids that have no number yet are passed over: nobody can be shown them.
        """
        known = [index for index, item in enumerate(ids) if item in self.number]
        self.factors.put([self.number[ids[index]] for index in known], rows[known])

    def mean_value(self) -> float:
        """Return the mean of all values given (0 if there are none)."""
        return self.value_sum_all / self.value_count_all if self.value_count_all else 0.0

    def popular(self, half: int, size: int) -> NDArray[np.int64]:
        """Return the numbers of the most popular items at this half-life, best first, at most `size`; read-only."""
        known = self._leaders.get((half, size))
        if known is None:
            known = self.order[half].first(size)
            self._leaders[half, size] = known
        return known

    def cold(self) -> Numbers:
        """Return the numbers of the newest items with hardly any event, oldest first, at most `COLD_ITEMS`."""
        if self._cold_array is None:
            self._cold_array = np.fromiter(self._cold, np.int64, len(self._cold))
        return self._cold_array

    def _warm(self, number: int) -> None:
        if number in self._cold:
            del self._cold[number]
            self._cold_array = None

    def _numbered(self, item: ItemId) -> int:
        number = self.number.get(item)
        if number is not None:
            return number
        number = len(self.ids)
        if number == len(self.closed):
            self._grow()
        self.ids.append(item)
        self.number[item] = number
        self._cold[number] = None
        self._cold_array = None
        if len(self._cold) > COLD_ITEMS:
            del self._cold[next(iter(self._cold))]
        if item in self.catalogue:
            self._describe(number, self.catalogue[item])
        return number

    def _grow(self) -> None:
        """Double the capacity; arrays have their items axis first, those of counts by half-life last."""
        size = len(self.closed)
        arrays = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        del arrays["segment_totals"]
        self._make_arrays(2 * size)
        for name in ("log_popularity", "segments"):
            getattr(self, name)[..., :size] = arrays.pop(name)
        for name, value in arrays.items():
            getattr(self, name)[:size] = value
        for neighbours in (self.covisited, self.covisiting, self._preceded, self.followed):
            neighbours.grow(2 * size)
        self.by_category.grow(2 * size)
        self.words.grow(2 * size)
        self.locales.grow(2 * size)
        self.factors.grow(2 * size)

    def _describe(self, number: int, item: Item) -> None:
        self.closed[number] = False
        self.from_time[number] = -np.inf if item.available_from is None else item.available_from
        self.until_time[number] = np.inf if item.available_until is None else item.available_until
        self._has_windows |= item.available_from is not None or item.available_until is not None
        self.content[number] = content_vector(item)
        self.words.put(number, words_of(item))
        self.locales.put(number, item.locales)
        self._describe_categories(number, item.categories)

    def _describe_categories(self, number: int, names: Sequence[str]) -> None:
        self.by_category.put(number, names, float(self.log_popularity[CATEGORY_ORDER, number]))

    def _count(self, number: int, row: ItemStatistics) -> None:
        self.version += row.count - int(self.count[number])
        self.value_sum_all += row.value_sum - self.value_sum[number]
        self.value_count_all += row.value_count - self.value_count[number]
        self.last_at[number] = row.at
        self.first_at[number] = row.first_at
        self.count[number] = row.count
        self.inverse_root[number] = ((row.people or row.count) + SHRINK) ** -0.5
        self.value_sum[number] = row.value_sum
        self.value_count[number] = row.value_count
        if row.count > COLD_COUNT:
            self._warm(number)

    def _popularity(self, number: int, row: ItemStatistics) -> None:
        keys = np.log2(np.maximum(row.popularity, 1e-300)) + row.at / _POPULARITY_HALVING
        previous = self.log_popularity[:, number].tolist()
        for order, old, new in zip(self.order, previous, keys.tolist(), strict=True):
            order.put(number, old if old > NO_EVENTS else None, new)
        self.by_category.moved(number, previous[CATEGORY_ORDER], float(keys[CATEGORY_ORDER]))
        self.log_popularity[:, number] = keys

    def _segments(self, number: int, row: ItemStatistics) -> None:
        """Decay the totals to the newest time, and replace the item's former counts in them."""
        newest = max(self.newest_at, row.at)
        counts = np.zeros(self.segment_totals.shape)
        for index, name in enumerate(SEGMENTS):
            if name in row.segments:
                counts[index] = row.segments[name]
        previous = self.segments[..., number]
        clocks = np.array(((self.newest_at,), (row.at,), (self.last_at[number],)))
        before, new, old = np.exp2((clocks - newest) / SEGMENT_SECONDS)
        self.segment_totals = np.maximum(0.0, self.segment_totals * before + counts * new - previous * old)
        self.segments[..., number] = counts
        self.newest_at = newest

    def _pair(
        self, forward: Neighbours, backward: Neighbours, number: int, row: dict[ItemId, float], scale: float
    ) -> None:
        """Replace the item's neighbours, and update the reverse rows of those whose weight changed."""
        others, weights = self._named(row, scale)
        changed, changed_weights = forward.changes(number, others, weights, self._scratch)
        forward.replace(number, others, weights)
        if len(changed):
            backward.tell(changed, number, changed_weights)

    def _named(self, weights: dict[ItemId, float], scale: float) -> tuple[Ints, Floats]:
        numbers = list(map(self.number.get, weights))
        if None in numbers:
            catalogue = self.catalogue
            known = {
                item: weight
                for item, weight in weights.items()
                if not catalogue or item in self.number or item in catalogue
            }
            weights, numbers = known, [self._numbered(item) for item in known]
        return np.array(numbers, np.int32), np.array(list(weights.values()), np.float32) * np.float32(scale)


def _scale(at: float, half_life: HalfLife) -> float:
    """Return the factor that carries weights as of `at` to the landmark."""
    return float(np.exp2((at - LANDMARK) / half_life.seconds))
