"""A candidate source of your own: the newest items of the categories that the user chose last.

Run it in place of `lifelong`, with the same commands; every process of a system needs the same sources.

    python -m examples.own_candidate_source backtest log.csv --items items.csv --ablate new-in-category
    python -m examples.own_candidate_source worker

The sources are a tuple in `inference/signals/registry.py`, and there is no plug-in point outside it: `register`
replaces the tuple before anything else is imported. In a fork, add a file and a row instead.
"""

from __future__ import annotations

import numpy as np

from inference.items.table import ItemTable, Numbers
from inference.ranking_context import RankingContext
from inference.signals import registry
from inference.signals.source import CandidateSource

CHOICES = 5
"""How many of the user's last choices say which categories count."""
LOOKED_AT = 200
"""How many of the newest items are looked at: the cost does not grow with the catalogue."""


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """The numbers of at most `size` items, those first whose first event is newest; none of them is blocked."""
    wanted = {category for number in context.recent[:CHOICES] for category in table.categories(table.ids[number])}
    choosable = np.flatnonzero(~context.blocked)
    newest = choosable[np.argsort(-table.first_at[choosable], kind="stable")][:LOOKED_AT]
    found = [number for number in newest if not wanted.isdisjoint(table.categories(table.ids[number]))]
    return np.array(found[:size], np.int64)


ROW = CandidateSource(
    name="new-in-category", propose=propose, size=10, reason="new in a category that you chose from lately"
)


def register() -> None:
    """Add the row to the table of sources; it becomes a column of the ranker by itself."""
    registry.SOURCES = (*registry.SOURCES, ROW)


if __name__ in ("__main__", "__mp_main__"):  # `__mp_main__`: the worker processes of `--ablate`
    register()

if __name__ == "__main__":
    from deploy.cli.app import main

    main()
