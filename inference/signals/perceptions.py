"""Perceptions: items that look or read like what the user showed, searched for or wrote, by the vectors of encoders.

The search is exact: one matrix product for each of the user's intents, over the items that the same encoder has seen.
It costs nothing to users who showed nothing. The source is no column of the ranker: see `inference.intent_lift`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from features.intents import ShownIntent, weight_of
from inference.items.table import ItemTable, Numbers, Signal
from inference.ranking_context import RankingContext, once_per_query
from inference.signals.source import CandidateSource, nothing
from schemas.ids import ItemId
from schemas.item_perceptions import Embedding, ItemPerception
from schemas.items import Item

Floats = NDArray[np.float32]
PERCEIVED_ITEMS = 50_000
"""Items of which vectors are kept, for each encoder; of more, the first are searched. 512 numbers each: 100 MB."""
WAITING_ITEMS = 50_000
"""Perceptions kept of items that nobody can be shown yet; the oldest is dropped."""
CLEARLY_ALIKE = 1.0
"""By how many standard deviations an item must be closer to an intent than items are on average."""
PROPOSED = 20
_REASONS = {
    "look": "like the photo that you showed",
    "search": "like what you searched for",
    "review": "like what you wrote about",
}


class EncodedItems:
    """The vectors of one encoder, a row for each item: `vectors` float32 `[rows, width]`, `numbers` `[rows]`."""

    def __init__(self, width: int) -> None:
        self._row: dict[int, int] = {}
        self._vectors: Floats = np.zeros((16, width), np.float32)
        self._numbers: Numbers = np.zeros(16, np.int64)

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self._row)

    @property
    def width(self) -> int:
        """Return the length of a vector."""
        return int(self._vectors.shape[1])

    @property
    def vectors(self) -> Floats:
        """Return the vector of each row."""
        return self._vectors[: len(self._row)]

    @property
    def numbers(self) -> Numbers:
        """Return the item of each row."""
        return self._numbers[: len(self._row)]

    def put(self, number: int, vector: Floats) -> None:
        """Replace the item's vector; beyond `PERCEIVED_ITEMS` a new item is left out."""
        row = self._row.get(number)
        if row is None:
            if len(self._row) == PERCEIVED_ITEMS:
                return
            row = self._row[number] = len(self._row)
            if row == len(self._numbers):
                self._numbers = np.concatenate([self._numbers, np.zeros_like(self._numbers)])
                self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        self._numbers[row], self._vectors[row] = number, vector

    def vector(self, number: int) -> Floats | None:
        """Return the item's vector; none if it has none."""
        row = self._row.get(number)
        return None if row is None else self._vectors[row]

    def drop(self, number: int) -> None:
        """Remove the item; the last row takes the place of its row."""
        row = self._row.pop(number, None)
        if row is None:
            return
        last = len(self._row)
        if row != last:
            self._numbers[row], self._vectors[row] = self._numbers[last], self._vectors[last]
            self._row[int(self._numbers[row])] = row


class Perceptions(Signal):
    """What was perceived of items, by encoder: vectors of different encoders, or versions of one, are never compared.

    >>> table, unit = ItemTable((Perceptions,)), np.eye(4, dtype="<f2")
    >>> for name, vector in zip(("hat", "cup"), unit):
    ...     table.put_item(Item(item_id=name, available_from=0.0))
    ...     seen = ItemPerception(item_id=name, content="", image=Embedding(encoder="e/1", vector=vector.tobytes()))
    ...     table.signal(Perceptions).take(table, seen)
    >>> hat = ShownIntent(0.0, "hat", "look", 100.0, "e/1", unit[0].tobytes())
    >>> table.signal(Perceptions).closeness(hat)[1].tolist()
    [1.0, 0.0]
    """

    def __init__(self, *, capacity: int) -> None:
        self._by_encoder: dict[str, EncodedItems] = {}
        self._of_pictures: set[str] = set()
        self._waiting: dict[ItemId, ItemPerception] = {}

    def describe(self, table: ItemTable, number: int, item: Item) -> None:
        """Take the perception of an item that waited for its number."""
        waiting = self._waiting.pop(item.item_id, None)
        if waiting is not None:
            self._put(number, waiting)

    def withdraw(self, table: ItemTable, number: int) -> None:
        """Take note that an item left the catalogue."""
        self._drop(number)

    def take(self, table: ItemTable, perception: ItemPerception) -> None:
        """Replace what is known of an item; one without a number waits for it."""
        number = table.number.get(perception.item_id)
        if number is not None:
            self._put(number, perception)
            return
        self._waiting.pop(perception.item_id, None)
        self._waiting[perception.item_id] = perception
        if len(self._waiting) > WAITING_ITEMS:
            del self._waiting[next(iter(self._waiting))]

    def forget(self, table: ItemTable, item: ItemId) -> None:
        """Forget what was perceived of an item."""
        self._waiting.pop(item, None)
        if item in table.number:
            self._drop(table.number[item])

    def closeness(self, intent: ShownIntent) -> tuple[Numbers, Floats]:
        """Return the items that the intent's encoder has seen, and each one's cosine with the intent: `[rows]` both."""
        return self.cosines(intent.encoder, vector_of(intent.vector))

    def cosines(self, encoder: str, vector: Floats) -> tuple[Numbers, Floats]:
        """Return the items that the encoder has seen, and each one's cosine with a vector of it: `[rows]` both."""
        known = self._by_encoder.get(encoder)
        if known is None or len(vector) != known.width:
            return nothing(), np.zeros(0, np.float32)
        return known.numbers, known.vectors @ vector

    def picture_of(self, number: int) -> Embedding | None:
        """Return the vector of the item's picture with its encoder; none if no picture of it was perceived."""
        for tag in self._of_pictures:
            known = self._by_encoder.get(tag)
            vector = None if known is None else known.vector(number)
            if vector is not None:
                return Embedding(encoder=tag, vector=vector.astype("<f2").tobytes())
        return None

    def vectors_of(self, number: int) -> list[tuple[str, Floats]]:
        """Return the item's vectors, of its text and of its picture, with their encoders, in the order of these."""
        return [
            (encoder, vector)
            for encoder, known in sorted(self._by_encoder.items())
            if (vector := known.vector(number)) is not None
        ]

    def _put(self, number: int, perception: ItemPerception) -> None:
        self._drop(number)
        if perception.image is not None:
            self._of_pictures.add(perception.image.encoder)
        for embedding in (perception.text, perception.image):
            if embedding is None:
                continue
            vector = vector_of(embedding.vector)
            known = self._by_encoder.setdefault(embedding.encoder, EncodedItems(len(vector)))
            if len(vector) == known.width:
                known.put(number, vector)

    def _drop(self, number: int) -> None:
        for tag, known in list(self._by_encoder.items()):
            known.drop(number)
            if not len(known):
                del self._by_encoder[tag]


def vector_of(content: bytes) -> Floats:
    """Return the vector in these bytes, which are little-endian float16; zeros in place of what is not finite.

    >>> vector_of(np.array([0.5, -1.0], "<f2").tobytes()).tolist()
    [0.5, -1.0]
    """
    vector = np.frombuffer(content[: len(content) // 2 * 2], "<f2").astype(np.float32)
    return np.where(np.isfinite(vector), vector, np.float32(0.0))


def intents_of(context: RankingContext) -> Iterator[tuple[ShownIntent, float]]:
    """Yield the intents that count now, with their weights."""
    user = context.query.user
    for intent in user.intents:
        weight = weight_of(intent, context.query.now, user.mean_value)
        if weight > 0.0:
            yield intent, weight


@once_per_query
def alike(context: RankingContext, table: ItemTable) -> dict[int, tuple[float, str]]:
    """Return the items that are clearly like one of the user's intents, best first: how much, and the intent's kind.

    Of several intents an item has the highest weight times deviations above the mean of all items.
    """
    best: dict[int, tuple[float, str]] = {}
    for intent, weight in intents_of(context):
        numbers, cosines = table.signal(Perceptions).closeness(intent)
        allowed = ~context.blocked[numbers]
        numbers, cosines = numbers[allowed], cosines[allowed]
        if not len(numbers):
            continue
        deviations = (cosines - cosines.mean()) / max(float(cosines.std()), 1e-6)
        for row in np.argsort(-deviations, kind="stable")[:PROPOSED].tolist():
            if deviations[row] < CLEARLY_ALIKE:
                break
            score = weight * float(deviations[row])
            if score > best.get(int(numbers[row]), (0.0, ""))[0]:
                best[int(numbers[row])] = (score, intent.kind)
    return dict(sorted(best.items(), key=lambda pair: (-pair[1][0], pair[0])))


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items that are most like what the user showed or asked for."""
    if not context.query.user.intents:
        return nothing()
    return np.array(list(alike(context, table))[:size], np.int64)


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return what the item is like."""
    found = alike(context, table).get(item)
    return _REASONS[found[1]] if found else "like what you looked for"


PERCEPTION_SOURCE = CandidateSource(name="perceptions", propose=propose, size=PROPOSED, reason=reason)
