"""Reasons for the items of a list, true by the evidence of their sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.item_neighbours import Neighbours
from features.item_table import Doubles, ItemTable, Numbers
from inference.candidates.source import CandidateSource
from inference.ranking_context import TRANSITION_STEPS, RankingContext

NAMED_CAUSES = 8
"""How many of the newest items may be named as the cause."""


def reasons(
    sources: Sequence[CandidateSource], numbers: Numbers, context: RankingContext, table: ItemTable
) -> list[str]:
    """Return the reason for each item, `[items]`, by the source that proposes it most strongly.

    It names the recent item that led to it, where there is one.
    """
    causes = _causes([source.name for source in sources], numbers, context, table)
    texts = [source.reason_for(context, table, item) for source, item in zip(sources, numbers.tolist(), strict=True)]
    return [
        reason if cause is None else f"{reason}: {table.title(table.ids[cause]) or table.ids[cause]}"
        for reason, cause in zip(texts, causes, strict=True)
    ]


def _causes(names: Sequence[str], numbers: Numbers, context: RankingContext, table: ItemTable) -> list[int | None]:
    """Return the recent item that weighs most for each item, none without a neighbour among them."""
    causes: list[int | None] = [None] * len(names)
    by_source: dict[str, tuple[tuple[Neighbours, ...], int]] = {
        "covisitation": ((table.covisited, table.covisiting), NAMED_CAUSES),
        "covisitation-near": ((table.covisited, table.covisiting), TRANSITION_STEPS),
        "transitions": ((table.followed,), TRANSITION_STEPS),
    }
    for name, (kinds, steps) in by_source.items():
        rows = [row for row, source in enumerate(names) if source == name]
        recent = context.recent[:steps]
        if not rows or not len(recent):
            continue
        weights = sum(_weights(neighbours, recent, numbers[rows]) for neighbours in kinds)
        for row, by_recent in zip(rows, np.asarray(weights), strict=True):
            strongest = int(by_recent.argmax())
            causes[row] = int(recent[strongest]) if by_recent[strongest] > 0.0 else None
    return causes


def _weights(neighbours: Neighbours, recent: Numbers, numbers: Numbers) -> Doubles:
    """Return the weight of each of `numbers` among the neighbours of each recent item: `[numbers, recent]`."""
    ids, weights = neighbours.ids[recent], neighbours.weights[recent]
    summed: Doubles = np.where(ids == numbers[:, None, None], weights, 0.0).sum(axis=2, dtype=np.float64)
    return summed
