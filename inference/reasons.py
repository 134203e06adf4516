"""Why items are in the list, in words that their sources' evidence carries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.item_neighbours import Neighbours
from features.item_table import Doubles, ItemTable, Numbers
from inference.candidates.source import Source
from inference.ranking_context import STEPS, RankingContext

SEEDS = 8
"""How many of the newest items may be named as the cause."""


def reasons(sources: Sequence[Source], numbers: Numbers, person: RankingContext, table: ItemTable) -> list[str]:
    """What to tell the person of each item, `[items]`, by the source that speaks most for it.

    Names the item of theirs that led to it, where there is one.
    """
    causes = _causes([source.name for source in sources], numbers, person, table)
    told = [source.told(person, table, item) for source, item in zip(sources, numbers.tolist(), strict=True)]
    return [
        reason if cause is None else f"{reason}: {table.title(table.ids[cause]) or table.ids[cause]}"
        for reason, cause in zip(told, causes, strict=True)
    ]


def _causes(names: Sequence[str], numbers: Numbers, person: RankingContext, table: ItemTable) -> list[int | None]:
    """The recent item that weighs most for each item, none where nothing says so."""
    causes: list[int | None] = [None] * len(names)
    by_source: dict[str, tuple[tuple[Neighbours, ...], int]] = {
        "covisitation": ((table.covisited, table.covisiting), SEEDS),
        "covisitation-near": ((table.covisited, table.covisiting), STEPS),
        "transitions": ((table.followed,), STEPS),
    }
    for name, (held, steps) in by_source.items():
        places = [place for place, known in enumerate(names) if known == name]
        recent = person.recent[:steps]
        if not places or not len(recent):
            continue
        weights = sum(_weights(neighbours, recent, numbers[places]) for neighbours in held)
        for place, row in zip(places, np.asarray(weights), strict=True):
            strongest = int(row.argmax())
            causes[place] = int(recent[strongest]) if row[strongest] > 0.0 else None
    return causes


def _weights(neighbours: Neighbours, recent: Numbers, numbers: Numbers) -> Doubles:
    """What each recent item says of each of `numbers`: `[numbers, recent]`."""
    ids, weights = neighbours.ids[recent], neighbours.weights[recent]
    held: Doubles = np.where(ids == numbers[:, None, None], weights, 0.0).sum(axis=2, dtype=np.float64)
    return held
