"""What many people chose lately: decayed popularity at one half-life."""

from __future__ import annotations

from features.decay import DAY
from features.half_lives import POPULARITY_SECONDS
from features.item_table import ItemTable, Numbers
from inference.candidates.source import Propose, Reason
from inference.ranking_context import RankingContext


def popular(half: int) -> Propose:
    """The source of the most popular items at the half-life of this place in `POPULARITY_HALF_LIVES`."""

    def propose(person: RankingContext, table: ItemTable, size: int) -> Numbers:
        depth = 2 * size
        while True:
            numbers = table.popular(half, depth)
            allowed = numbers[~person.blocked[numbers]]
            if len(allowed) >= size or len(numbers) < depth:
                return allowed[:size]
            depth *= 4

    return propose


def span(seconds: float) -> str:
    """A time in words.

    >>> span(0.05 * DAY), span(DAY), span(40 * DAY)
    ('hour', 'day', '40 days')
    """
    days = seconds / DAY
    number, unit = (round(days), "day") if days >= 1 else (round(days * 24), "hour")
    return unit if number == 1 else f"{number} {unit}s"


def popular_lately(half: int) -> Reason:
    """Says in which time the item was popular: within the half-life at this place, or else within the first longer one
    in which somebody chose it at all.
    """

    def reason(person: RankingContext, table: ItemTable, item: int) -> str:
        idle = person.query.told_at - float(table.last_at[item])
        within = next((each for each in POPULARITY_SECONDS[half:] if idle <= each), None)
        return f"popular in the last {span(within)}" if within else "popular for long"

    return reason
