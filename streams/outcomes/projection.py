"""What a published record says to the stores behind the projector."""

from __future__ import annotations

from msgspec import Struct

from features.ports import FeatureRow
from schemas.ids import ItemId, MemoryId, UserId
from schemas.items import Item
from schemas.memories import Memory
from schemas.model_updates import ModelUpdate
from schemas.ranking_log import ErasureEntry


class WithdrawnMemory(Struct, frozen=True):
    """A memory of a user who was erased."""

    user: UserId
    memory: MemoryId


class Projection(Struct, frozen=True, kw_only=True):
    """Rows for the feature store, and what the vector indexes are to hold; the default projects nothing."""

    rows: tuple[FeatureRow, ...] = ()
    memory: Memory | None = None
    withdrawn_memory: WithdrawnMemory | None = None
    item: Item | None = None
    withdrawn: ItemId | None = None
    erased: ErasureEntry | None = None
    weights: ModelUpdate | None = None
    """The announcement of weights that serve: their item factors are projected."""


NOTHING = Projection()
"""The projection of a record from which nothing follows."""
