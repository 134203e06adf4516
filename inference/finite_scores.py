"""Scores that are not finite are never published: such a list falls back to popularity, and its degradation says so."""

from __future__ import annotations

import logging

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from features.half_lives import FALLBACK_ORDER
from inference.items.table import ItemTable, Numbers
from inference.ports import Scores
from inference.signals.popularity import ItemPopularity

SCORES_NOT_FINITE = "scores-not-finite"
"""The degradation of a list whose scores were not finite: its items are in the order of their popularity."""
logger = logging.getLogger(__name__)


def unsound(scores: Scores, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which rows of scores hold a value that is not finite, `[users]`."""
    return np.asarray((~np.isfinite(scores.values) & mask).any(axis=1), np.bool_)


def by_popularity(scores: Scores, rows: NDArray[np.bool_], items: Numbers, table: ItemTable) -> Scores:
    """Return the scores with these rows in the order of popularity, from 0 downwards; `items` is `[users,
    candidates]`.
    """
    if not rows.any():
        return scores
    logger.error("scores of %d lists are not finite; they are ranked by popularity", int(rows.sum()))
    values = scores.values.copy()
    popularity = table.signal(ItemPopularity).log_counts[FALLBACK_ORDER]
    for row in np.flatnonzero(rows):
        order = (-popularity.take(items[row])).argsort(kind="stable")
        values[row, order] = -np.arange(len(order), dtype=np.float32)
    return replace(scores, values=values)
