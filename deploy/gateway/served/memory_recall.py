"""Recall of a user's memories by the meaning of a text. It blocks, so it runs in a thread beside the event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from agents.memory.embedding import MemoryEncoder, TextVectors, Vectors, clamped, text_key, text_of
from agents.memory.ports import MemoryIndex
from agents.memory.recall import RecalledMemory, recall_by_meaning
from agents.memory.record import is_active
from schemas.errors import StoreRefused, StoreUnavailable
from schemas.ids import MemoryId, UserId
from schemas.memories import Memory

RECALL_SECONDS = 5.0
LEFT_ALONE_SECONDS = 10.0

logger = logging.getLogger(__name__)


class MemoryRecall:
    """Compares a text with all memories of a user, by vectors of the index; what it lacks is encoded here.

    So recall is exact and as new as the user's record, also without an index or while it is away. The encoder is made
    when it is first needed, in about a second. An index that does not answer is left alone for `LEFT_ALONE_SECONDS`.
    """

    def __init__(
        self,
        encoder: Callable[[], MemoryEncoder],
        index: MemoryIndex | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._encoder, self._index, self._monotonic = encoder, index, monotonic
        self._asked_again_at = 0.0
        self._thread = ThreadPoolExecutor(1, "memory-recall")

    async def recalled(
        self, user: UserId, memories: Sequence[Memory], text: str, n: int, now: float
    ) -> tuple[RecalledMemory, ...]:
        """Return the n memories that the text is most about; without words the surest.

        Raises:
            StoreUnavailable: no answer in time.
        """
        active = [memory for memory in memories if is_active(memory)]
        if not active or not text.strip():
            return recall_by_meaning(active, {}, now, k=n)
        loop = asyncio.get_running_loop()
        try:
            asked = loop.run_in_executor(self._thread, lambda: self._similarity(user, active, text))
            return recall_by_meaning(active, await asyncio.wait_for(asked, RECALL_SECONDS), now, k=n)
        except TimeoutError as exc:
            raise StoreUnavailable(f"no answer within {RECALL_SECONDS:g} s; ask again later") from exc

    def close(self) -> None:
        """Recall no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _vectors(self) -> TextVectors:
        return TextVectors(self._encoder())

    def _similarity(self, user: UserId, memories: Sequence[Memory], text: str) -> dict[MemoryId, float]:
        query = self._vectors([text])[0]
        indexed = self._indexed(user, query, len(memories))
        texts = {memory.memory_id: text_of(memory) for memory in memories}
        known = {
            name: indexed[name, text_key(text)] for name, text in texts.items() if (name, text_key(text)) in indexed
        }
        rest = [name for name in texts if name not in known]
        similar = self._vectors([texts[name] for name in rest]) @ query
        return known | {name: clamped(float(one)) for name, one in zip(rest, similar, strict=True)}

    def _indexed(self, user: UserId, query: Vectors, k: int) -> dict[tuple[MemoryId, str], float]:
        """Return the similarity of the memories that the index has, by their ids and the names of their texts."""
        if self._index is None or not query.any() or self._monotonic() < self._asked_again_at:
            return {}
        try:
            return {(found.memory_id, found.text): found.similarity for found in self._index.search(user, query, k)}
        except (StoreUnavailable, StoreRefused) as exc:
            logger.warning("memories are compared without the index: %s", exc)
            self._asked_again_at = self._monotonic() + LEFT_ALONE_SECONDS
            return {}
