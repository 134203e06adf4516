"""Support: how many people chose an item lately. Without enough of it, no item is first for strangers.

What strangers are shown is the same for all of them, so that a handful of made-up people who begin with an unknown item
would buy the first place of every new user.
"""

from __future__ import annotations

from math import log2

import numpy as np
from numpy.typing import NDArray

from features.half_lives import POPULARITY_SECONDS, SUPPORT_ORDER
from inference.items.table import Bools, ItemTable, Numbers
from inference.signals.popularity import ItemPopularity

LEADING_ITEMS = 10
"""The support of this many-th most chosen item is what others are measured by."""
SUPPORT_SHARE = 0.2
"""The share of it that an item needs, unless it is one of the `MOST_CHOSEN`."""
MOST_CHOSEN = 300
"""So many items have support at any rate: where choices are spread over many items, few people are enough."""
LEAST_SUPPORT = 1.0
"""The decayed count of people that an item needs at any rate, by the weight of their accounts."""
DEMOTION = 20.0
"""By how much more than their range unsupported scores fall: a list that explores draws them next to never."""


def supported(items: Numbers, table: ItemTable, now: float) -> Bools:
    """Return which of the items `[items]` are chosen by enough people for strangers to be shown them first."""
    popularity = table.signal(ItemPopularity)
    leading = popularity.leading(SUPPORT_ORDER, LEADING_ITEMS)
    if not len(leading):
        return np.zeros(len(items), np.bool_)
    keys = popularity.log_counts[SUPPORT_ORDER]
    needed = float(keys[leading[-1]]) + log2(SUPPORT_SHARE)
    most_chosen = popularity.leading(SUPPORT_ORDER, MOST_CHOSEN)
    if len(most_chosen) == MOST_CHOSEN:
        needed = min(needed, float(keys[most_chosen[-1]]))
    needed = max(needed, log2(LEAST_SUPPORT) + now / POPULARITY_SECONDS[SUPPORT_ORDER])
    enough: Bools = keys[items] >= needed
    return enough


def supported_first(values: NDArray[np.float32], items: Numbers, table: ItemTable, now: float) -> NDArray[np.float32]:
    """Return the scores `[items]` with those of unsupported items below all others; their order stays as it is."""
    enough = supported(items, table, now)
    if enough.all() or not enough.any():
        return values
    fall = float(values.max() - values.min()) + DEMOTION
    return np.where(enough, values, values - np.float32(fall)).astype(np.float32, copy=False)
