"""The ports of tools over values in the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from agents.actions.in_process_items import InProcessItems
from agents.actions.ports import IndexedItem
from agents.actions.service import (
    ItemCard,
    ItemSheet,
    KnownOutside,
    PastItem,
    RememberedFact,
    SimilarityKind,
    card_of,
    known_outside,
    sheet_of,
)
from features.item_content import content_vector
from features.item_facts import known_of
from features.item_rules import ItemRules
from features.signal_store import SignalStore
from inference.encoders.hashed_words import HashedWords
from schemas.errors import ToolRefused
from schemas.ids import ItemId
from schemas.items import Item
from schemas.plans import Constraints
from schemas.signals import ExternalSignal, Scope

NO_CONSTRAINTS = Constraints()


class InProcessItemService:
    """An `ItemService` over a catalogue, the constraints of one user, and how often each item was chosen."""

    def __init__(
        self,
        items: Sequence[Item],
        constraints: Constraints = NO_CONSTRAINTS,
        chosen: Mapping[str, float] | None = None,
    ) -> None:
        self._items = {item.item_id: item for item in items}
        self._rules = ItemRules(constraints)
        self._chosen = dict(chosen or {})
        self._index = InProcessItems()
        if items:
            vectors = np.stack([content_vector(item) for item in items])
            self._index.put([IndexedItem(item.item_id) for item in items], vectors)

    async def item(self, item_id: ItemId) -> ItemSheet | None:
        item = self._items.get(item_id)
        if item is None:
            return None
        fault = self._rules.fault(item.item_id, item.categories, known_of(item).attributes)
        beyond = fault is None and not self._rules.allows(item)
        forbidden_by = (fault,) if fault else ("limit",) if beyond else ()
        return sheet_of(item, facts=known_of(item).facts, available=True, forbidden_by=forbidden_by)

    async def search(self, words: str, photo: str, n: int) -> tuple[ItemCard, ...]:
        if photo:
            raise ToolRefused("not-enabled", "no pictures are perceived here")
        query = content_vector(Item(item_id=ItemId("query"), title=words))
        found = self._index.similar(query, len(self._items)) if query.any() else ()
        return self._allowed([match.item_id for match in found if match.similarity > 0.0], n)

    async def similar(self, item_id: ItemId, n: int, by: SimilarityKind) -> tuple[ItemCard, ...]:
        del by
        if item_id not in self._items:
            raise ToolRefused("not-found", f"item {item_id!r} is not in the catalogue")
        return self._allowed([match.item_id for match in self._index.like(item_id, len(self._items))], n)

    async def trending(self, n: int) -> tuple[ItemCard, ...]:
        most = sorted(self._chosen, key=lambda item: (-self._chosen[item], item))
        return self._allowed([ItemId(item) for item in most if item in self._items], n)

    def _allowed(self, items: Sequence[ItemId], n: int) -> tuple[ItemCard, ...]:
        return tuple(card_of(self._items[item]) for item in items if self._rules.allows(self._items[item]))[:n]


class InProcessUserService:
    """A `UserService` over what is remembered of one user and what they have had, the newest first."""

    def __init__(self, memories: Sequence[RememberedFact] = (), history: Sequence[PastItem] = ()) -> None:
        self._memories, self._history = tuple(memories), tuple(history)

    async def memories(self, about: str, n: int) -> tuple[RememberedFact, ...]:
        if not about or not self._memories:
            return tuple(sorted(self._memories, key=lambda fact: (-fact.confidence, fact.memory_id))[:n])
        similarity = HashedWords().encode([fact.text for fact in self._memories]) @ HashedWords().encode([about])[0]
        return tuple(self._memories[index] for index in np.argsort(-similarity, kind="stable")[:n])

    async def history(self, n: int) -> tuple[PastItem, ...]:
        return self._history[:n]


class InProcessKnowledge:
    """A `KnowledgeService` over signals, as of a time."""

    def __init__(self, said: Sequence[ExternalSignal] = (), *, at: float = 0.0) -> None:
        self._store, self._at = SignalStore(), at
        for signal in said:
            self._store.take(signal)

    async def known(self, scope: Scope, subject: str) -> KnownOutside:
        return known_outside(self._store.beliefs(scope, subject, self._at))
