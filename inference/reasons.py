"""Reasons for the items of a list, true by the evidence of their sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inference.items.neighbours import Neighbours
from inference.items.table import Doubles, ItemTable, Numbers
from inference.ranking_context import RankingContext
from inference.signals.source import CandidateSource, NeighboursOf


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
    if not len(context.recent):
        return [None] * len(sources)
    newest = max((source.evidence.newest for source in sources if source.evidence), default=0)
    weights: dict[NeighboursOf, Doubles] = {}
    causes: list[int | None] = []
    for row, source in enumerate(sources):
        cause = None
        if source.evidence is not None:
            kinds = source.evidence.neighbours
            if kinds not in weights:
                weights[kinds] = _weights(kinds(table), context.recent[:newest], numbers)
            cause = _strongest(weights[kinds][row, : source.evidence.newest], context.recent)
        causes.append(cause)
    return causes


def _weights(kinds: Sequence[Neighbours], recent: Numbers, numbers: Numbers) -> Doubles:
    """Return the weight of each of `numbers` among the neighbours of each recent item: `[numbers, recent]`."""
    summed: Doubles = np.sum([kind.between(recent, numbers) for kind in kinds], axis=0)
    return summed


def _strongest(weights: Doubles, recent: Numbers) -> int | None:
    strongest = int(weights.argmax())
    return int(recent[strongest]) if weights[strongest] > 0.0 else None
