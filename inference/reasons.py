"""Reasons for the items of a list, true by the evidence of their sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inference.items.neighbours import Neighbours
from inference.items.table import Doubles, ItemTable, Numbers
from inference.ranking_context import RankingContext
from inference.signals.source import CandidateSource


def reasons(
    sources: Sequence[CandidateSource], numbers: Numbers, context: RankingContext, table: ItemTable
) -> list[str]:
    """Return the reason for each item, `[items]`, by the source that proposes it most strongly.

    It names the recent item that led to it, where there is one.
    """
    causes = _causes(sources, numbers, context, table)
    texts = [source.reason_for(context, table, item) for source, item in zip(sources, numbers.tolist(), strict=True)]
    return [
        reason if cause is None else f"{reason}: {table.title(table.ids[cause]) or table.ids[cause]}"
        for reason, cause in zip(texts, causes, strict=True)
    ]


def _causes(
    sources: Sequence[CandidateSource], numbers: Numbers, context: RankingContext, table: ItemTable
) -> list[int | None]:
    """Return the recent item that weighs most for each item, none without a neighbour among them."""
    causes: list[int | None] = [None] * len(sources)
    rows_of: dict[str, list[int]] = {}
    for row, source in enumerate(sources):
        rows_of.setdefault(source.name, []).append(row)
    for rows in rows_of.values():
        evidence = sources[rows[0]].evidence
        recent = context.recent[: evidence.newest] if evidence else context.recent[:0]
        if evidence is None or not len(recent):
            continue
        weights = sum(_weights(neighbours, recent, numbers[rows]) for neighbours in evidence.neighbours(table))
        for row, by_recent in zip(rows, np.asarray(weights), strict=True):
            strongest = int(by_recent.argmax())
            causes[row] = int(recent[strongest]) if by_recent[strongest] > 0.0 else None
    return causes


def _weights(neighbours: Neighbours, recent: Numbers, numbers: Numbers) -> Doubles:
    """Return the weight of each of `numbers` among the neighbours of each recent item: `[numbers, recent]`."""
    ids, weights = neighbours.around(recent)
    summed: Doubles = np.where(ids == numbers[:, None, None], weights, 0.0).sum(axis=2, dtype=np.float64)
    return summed
