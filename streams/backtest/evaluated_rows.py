"""The evaluated rows of a backtest: one per choice after the warm-up, in columns."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

ChoiceFate = Literal["hit", "11-50", "below 50", "not retrieved", "held back", "unseen"]
FATES: tuple[ChoiceFate, ...] = ("hit", "11-50", "below 50", "not retrieved", "held back", "unseen")
"""The fate of a choice: in the list; ranked lower (two classes); not among the candidates; chosen before, and held back
by the rule for repeats; an item without any event before."""

ROW_DTYPE = np.dtype(
    [
        ("index", np.int64),
        ("user", np.int32),
        ("at", np.float64),
        ("user_events", np.int32),
        ("item_events", np.int32),
        ("rank", np.int16),
        ("topic_rank", np.int16),
        ("topic_kind", np.int8),
        ("topic_age", np.float32),
        ("fate", np.int8),
        ("top_share", np.float32),
        ("list_share", np.float32),
        ("retrieved", np.bool_),
        ("basket", np.int32),
        ("opens", np.bool_),
        ("later_basket", np.bool_),
    ]
)
"""`rank` and `topic_rank` are ranks in the lists from 1, 0 for none; `top_share` and `list_share` the softmax's share
of the first rank and of the whole list; `opens` says that the row is the first of its basket, `later_basket` that its
user had one before."""

Key = TypeVar("Key", bound=Hashable)


class Codes(Generic[Key]):
    """Integer codes of keys, in order of appearance.

    >>> codes = Codes[str]()
    >>> codes.of("a"), codes.of("b"), codes.of("a")
    (0, 1, 0)
    """

    def __init__(self) -> None:
        self._codes: dict[Key, int] = {}

    def of(self, key: Key) -> int:
        """Return the code of the key."""
        return self._codes.setdefault(key, len(self._codes))


class EvaluatedRows:
    """Rows of `ROW_DTYPE`, appended one by one."""

    def __init__(self) -> None:
        self._rows = np.zeros(1_024, ROW_DTYPE)
        self._size = 0

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._size

    def add(self, row: tuple[object, ...]) -> None:
        """Append a row, its values in the order of `ROW_DTYPE`."""
        if self._size == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._rows[self._size] = row
        self._size += 1

    def array(self) -> NDArray[np.void]:
        """Return all rows as a structured array."""
        return self._rows[: self._size]
