"""Reasons for the items of a list, true by the evidence of their sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inference.items.table import ItemTable, Numbers
from inference.kernels.kernel import NO_ITEM
from inference.kernels.neighbour_sums import strongest_causes
from inference.ranking_context import RankingContext
from inference.signals.source import CandidateSource, NeighboursOf
from schemas.ids import ItemId


def reasons(
    sources: Sequence[CandidateSource], numbers: Numbers, context: RankingContext, table: ItemTable
) -> list[tuple[str, ItemId | None]]:
    """Return the reason for each item, `[items]`, by the source that proposes it most strongly, and the recent item
    that led to it, if the reason names one.
    """
    causes = _causes(sources, numbers, context, table)
    texts = [source.reason_for(context, table, item) for source, item in zip(sources, numbers.tolist(), strict=True)]
    return [
        (reason, None)
        if cause == NO_ITEM
        else (f"{reason}: {table.title(table.ids[cause]) or table.ids[cause]}", table.ids[cause])
        for reason, cause in zip(texts, causes, strict=True)
    ]


def _causes(
    sources: Sequence[CandidateSource], numbers: Numbers, context: RankingContext, table: ItemTable
) -> list[int]:
    """Return the recent item that weighs most for each item, `NO_ITEM` without a neighbour among them."""
    causes = [NO_ITEM] * len(sources)
    if not len(context.recent):
        return causes
    named: dict[NeighboursOf, list[tuple[int, int]]] = {}
    for row, source in enumerate(sources):
        if source.evidence is not None:
            named.setdefault(source.evidence.neighbours, []).append((row, source.evidence.newest))
    for neighbours_of, pairs in named.items():
        rows, newest = np.array(pairs).T.copy()
        kinds = tuple([kind.arrays for kind in neighbours_of(table)])
        found = strongest_causes(kinds, context.recent[: newest.max()], numbers[rows], newest)
        for row, cause in zip(rows.tolist(), found.tolist(), strict=True):
            causes[row] = cause
    return causes
