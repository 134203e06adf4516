"""Decayed popularity at one half-life."""

from __future__ import annotations

from features.decay import DAY
from features.half_lives import POPULARITY_SECONDS
from features.item_table import ItemTable, Numbers
from inference.candidates.source import Propose, Reason
from inference.ranking_context import RankingContext


def popular(half_life_index: int) -> Propose:
    """Return the source of the most popular items at `POPULARITY_HALF_LIVES[half_life_index]`."""

    def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
        depth = 2 * size
        while True:
            numbers = table.popular(half_life_index, depth)
            allowed = numbers[~context.blocked[numbers]]
            if len(allowed) >= size or len(numbers) < depth:
                return allowed[:size]
            depth *= 4

    return propose


def span(seconds: float) -> str:
    """Return a duration in words.

    >>> span(0.05 * DAY), span(DAY), span(40 * DAY)
    ('hour', 'day', '40 days')
    """
    days = seconds / DAY
    number, unit = (round(days), "day") if days >= 1 else (round(days * 24), "hour")
    return unit if number == 1 else f"{number} {unit}s"


def popular_lately(half_life_index: int) -> Reason:
    """Return the reason that names the time in which the item was popular: the half-life at this index, or else the
    first longer one within which any user chose it.
    """

    def reason(context: RankingContext, table: ItemTable, item: int) -> str:
        idle = context.query.reason_time - float(table.last_at[item])
        within = next((half_life for half_life in POPULARITY_SECONDS[half_life_index:] if idle <= half_life), None)
        return f"popular in the last {span(within)}" if within else "popular for long"

    return reason
