"""An inverted index: the items of each word, side by side in one array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.kernels.posting_addends import PostingArrays

Ints = NDArray[np.int32]
LEAST_ROOM = 4


class Postings:
    """The items of each word, in no order. A word has room for the next power of 2 of items; what it leaves when it
    outgrows that serves other words.

    >>> postings = Postings()
    >>> for word, item in ((0, 7), (1, 7), (0, 3)):
    ...     postings.add(word, item)
    >>> postings.drop(0, 7)
    >>> postings.of(0).tolist(), postings.of(1).tolist()
    ([3], [7])
    """

    def __init__(self) -> None:
        self._items: Ints = np.zeros(256, np.int32)
        self._end = 0
        self._begin: NDArray[np.int64] = np.zeros(16, np.int64)
        self._count: Ints = np.zeros(16, np.int32)
        self._room: Ints = np.zeros(16, np.int32)
        self._left: dict[int, list[int]] = {}
        """Where there is room that words left, by its size."""

    @property
    def arrays(self) -> PostingArrays:
        """The arrays that kernels read, as they are now."""
        return self._begin, self._count, self._items

    def of(self, word: int) -> Ints:
        """Return the items of the word; none of a word that no item was ever added to."""
        if word >= len(self._begin):
            return np.zeros(0, np.int32)
        begin = self._begin[word]
        return self._items[begin : begin + self._count[word]].copy()

    def add(self, word: int, item: int) -> None:
        """Add an item to a word, which does not have it; any word from 0."""
        if word >= len(self._begin):
            more = max(word + 1, 2 * len(self._begin)) - len(self._begin)
            self._begin = np.concatenate([self._begin, np.zeros(more, np.int64)])
            self._count = np.concatenate([self._count, np.zeros(more, np.int32)])
            self._room = np.concatenate([self._room, np.zeros(more, np.int32)])
        count = int(self._count[word])
        if count == self._room[word]:
            self._move(word, max(LEAST_ROOM, 2 * count))
        self._items[self._begin[word] + count] = item
        self._count[word] = count + 1

    def drop(self, word: int, item: int) -> None:
        """Remove an item from a word, which has it."""
        begin, last = self._begin[word], self._count[word] - 1
        own = self._items[begin : begin + last + 1]
        own[(own == item).argmax()] = own[last]
        self._count[word] = last

    def _move(self, word: int, room: int) -> None:
        left = self._left.get(room)
        to = left.pop() if left else self._end
        if to == self._end:
            self._end += room
            if self._end > len(self._items):
                more = max(self._end, len(self._items) * 3 // 2) - len(self._items)
                self._items = np.concatenate([self._items, np.zeros(more, np.int32)])
        begin, count = int(self._begin[word]), int(self._count[word])
        self._items[to : to + count] = self._items[begin : begin + count]
        if self._room[word]:
            self._left.setdefault(int(self._room[word]), []).append(begin)
        self._begin[word], self._room[word] = to, room
