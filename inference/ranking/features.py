"""The feature table of candidates: the ranker's input for each user-item pair, by the groups of columns of all signals.

A group has one function that fills its columns for a whole batch, so that an array operation serves all users and
candidates at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from features.views import External, feature_schema_id
from inference.items.table import ItemTable
from inference.ranking_context import RankingContext
from inference.signals.columns import Block, FeatureGroup, Pool, RankingBatch, spread
from inference.signals.registry import (
    FEATURE_GROUPS,
    GROUPS_OF_CONTENT_MAP,
    GROUPS_OF_KNOWLEDGE,
    SOURCES,
    SOURCES_OF_CONTENT_MAP,
    SOURCES_OF_KNOWLEDGE,
    source_columns,
)
from inference.signals.source import CandidateSource
from inference.signals.user import squashed

USERS_AT_ONCE = 8
"""How many users are filled at once: as many as keep the arrays in the processor's cache."""


def sources_of(*, knowledge: bool, content_map: bool) -> tuple[CandidateSource, ...]:
    """Return the candidate sources of a deployment, with or without external knowledge and the content map."""
    return (*SOURCES, *(SOURCES_OF_KNOWLEDGE if knowledge else ()), *(SOURCES_OF_CONTENT_MAP if content_map else ()))


class FeatureTable:
    """The feature columns of one deployment: the groups of `inference.signals.registry`, and the features that
    other teams own.

    `sources` are those whose candidates it describes, by default all; with `knowledge` also that of external knowledge,
    with `content_map` that of factors predicted from content, whose columns are then there. Columns of the groups in
    `without` stay zero.

    >>> FeatureTable(()).columns[:2]
    ('popular_0.05d', 'popular_0.25d')
    """

    def __init__(
        self,
        external: Sequence[External] = (),
        *,
        knowledge: bool = False,
        content_map: bool = False,
        sources: Sequence[CandidateSource] | None = None,
        without: Collection[str] = (),
    ) -> None:
        self.external, self.knowledge = tuple(external), knowledge
        chosen = sources_of(knowledge=knowledge, content_map=content_map) if sources is None else sources
        self.sources = tuple(chosen)
        groups = (
            *FEATURE_GROUPS,
            *(GROUPS_OF_KNOWLEDGE if knowledge else ()),
            *(GROUPS_OF_CONTENT_MAP if content_map else ()),
        )
        self._rows = tuple(source_columns(self.sources) if row.group == "sources" else row for row in groups)
        self._without = frozenset(without)
        names = [name for block in self._rows for name in block.names]
        self.columns: tuple[str, ...] = (*names, *(f"external_{row.view}:{row.name}" for row in self.external))
        self.id = feature_schema_id(self.columns)

    def fill(self, contexts: Sequence[RankingContext], table: ItemTable, pool: Pool) -> NDArray[np.float32]:
        """Return the ranker's input, float32 `[users, candidates, features]`; zero where there is no candidate.

        Votes of sources beyond `sources` are no columns.
        """
        features = np.empty((*pool.items.shape, len(self.columns)), np.float32)
        for start in range(0, len(contexts), USERS_AT_ONCE):
            part = slice(start, start + USERS_AT_ONCE)
            now = np.array([[context.query.now] for context in contexts[part]])
            votes = pool.votes[: len(self.sources), part]
            part_pool = Pool(items=pool.items[part], mask=pool.mask[part], votes=votes)
            batch = RankingBatch(
                table=table,
                contexts=contexts[part],
                pool=part_pool,
                items=part_pool.items,
                mask=part_pool.mask,
                now=now,
                categories=table.by_category.at(part_pool.items),
            )
            columns = np.concatenate(self._blocks(batch), dtype=np.float32, casting="same_kind")
            features[part] = np.moveaxis(columns, 0, -1)
        features[~pool.mask] = 0.0
        return features

    def _blocks(self, batch: RankingBatch) -> list[Block]:
        blocks = [self._block(batch, block) for block in self._rows]
        if self.external:
            rows = np.array([[self._read(context, row) for row in self.external] for context in batch.contexts])
            blocks.append(spread(squashed(rows), batch))
        return blocks

    def _block(self, batch: RankingBatch, block: FeatureGroup) -> Block:
        if block.group in self._without:
            return np.zeros((len(block.names), *batch.items.shape), np.float32)
        return block.fill(batch)

    def _read(self, context: RankingContext, row: External) -> float:
        values = context.query.external
        return values.get(f"{row.view}:{row.name}", values.get(row.name, row.default))
