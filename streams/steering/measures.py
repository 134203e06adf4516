"""How much of a category is in the lists of users who stated something about it, list by list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.evaluation.baselines.evaluator import K
from schemas.ids import ItemId, UserId, category_key
from streams.backtest.evaluator import EvaluatedList


class Steered(Struct, frozen=True, kw_only=True):
    """The lists of steered users after their statement, in the order in which they were made, and their choices.

    `share` float64 is the share of the category in the list, `position` int32 counts the user's lists from 1, the one
    that answers the statement, and `user` int32 is whose list it is, each `[lists]`. `hits` bool, `hit_user` int32 and
    `index` int64, each `[choices]`, are of the choices after the statement: whether the list had the item, whose choice
    it was, and its index in the log.
    """

    share: NDArray[np.float64]
    position: NDArray[np.int32]
    user: NDArray[np.int32]
    hits: NDArray[np.bool_]
    hit_user: NDArray[np.int32]
    index: NDArray[np.int64]


class SteeringMeter:
    """Observes a replay. `topics` are the categories by user, `categories_of` returns those of an item."""

    def __init__(self, topics: Mapping[UserId, str], categories_of: Callable[[ItemId], tuple[str, ...]]) -> None:
        self._keys = {user: category_key(name) for user, name in topics.items()}
        self._numbers = {user: number for number, user in enumerate(topics)}
        self._categories_of = categories_of
        self._lists: Counter[UserId] = Counter()
        self._rows: list[tuple[float, int, int]] = []
        self._choices: list[tuple[bool, int, int]] = []

    def made(self, user: UserId, items: Sequence[ItemId]) -> None:
        """Take the next list of a user who has stated something."""
        self._lists[user] += 1
        holding = sum(self._is_about(user, item) for item in items)
        self._rows.append((holding / max(1, len(items)), self._lists[user], self._numbers[user]))

    def evaluated(self, row: EvaluatedList) -> None:
        """Take an evaluated choice; those of users who have not stated anything yet are left out."""
        if self._lists[row.user]:
            self._choices.append((row.item in row.shown[:K], self._numbers[row.user], row.index))

    def steered(self) -> Steered:
        """Return what was measured."""
        lists = np.array(self._rows, np.float64).reshape(-1, 3)
        choices = np.array(self._choices, np.int64).reshape(-1, 3)
        return Steered(
            share=lists[:, 0],
            position=lists[:, 1].astype(np.int32),
            user=lists[:, 2].astype(np.int32),
            hits=choices[:, 0].astype(np.bool_),
            hit_user=choices[:, 1].astype(np.int32),
            index=choices[:, 2],
        )

    def _is_about(self, user: UserId, item: ItemId) -> bool:
        return any(category_key(name) == self._keys[user] for name in self._categories_of(item))
