"""The query to the recommender and its answer: R(user, environment, agent) → list of the formal model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.agent_preferences import AgentPreferences
from features.user_state import UserState
from schemas.ids import ItemId
from schemas.interactions import Context
from schemas.plans import Plan
from schemas.ranking_log import Draw


class Query(Struct, frozen=True, kw_only=True):
    """Rank for this user, as of this state, at this event time.

    `plan` composes the slate (intents, quotas, pins, exploration), and `preferences` are the agent's numbers, bans
    among them. `target` is the item that the user went on to choose, where that is known already: the query is then
    prequential (test, then train) and the item plays no part in how the list is made. `external` are the features of
    `features.views.External` rows by name. Only a query with a `seed` may be answered by a list that explores.
    `shown_at` is when the list will be shown, by which items must be available, and `wall` the same by the wall clock,
    by which reasons say how long ago something was; without them that is `now`.
    """

    user: UserState
    now: float
    plan: Plan | None = None
    preferences: AgentPreferences = AgentPreferences()
    context: Context = Context()
    session_id: str = ""
    locale: str = ""
    external: dict[str, float] = {}
    target: ItemId | None = None
    seed: int | None = None
    shown_at: float | None = None
    wall: float | None = None

    @property
    def reason_time(self) -> float:
        """The time by which reasons say how long ago something was."""
        return self.now if self.wall is None else max(self.now, self.wall)


class Candidates(Sequence[ItemId]):
    """Items by row, whose ids are looked up on access: most candidates of a list are never read.

    >>> list(Candidates([ItemId("i0"), ItemId("i1"), ItemId("i2")], [2, 0]))
    ['i2', 'i0']
    """

    def __init__(self, ids: Sequence[ItemId], numbers: Sequence[int]) -> None:
        self._ids = ids
        self._numbers = numbers

    def __eq__(self, other: object) -> bool:
        """Return whether the same items are in the same rows."""
        return isinstance(other, Candidates) and list(self) == list(other)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._numbers)

    @overload
    def __getitem__(self, row: int) -> ItemId: ...

    @overload
    def __getitem__(self, row: slice) -> Candidates: ...

    def __getitem__(self, row: int | slice) -> ItemId | Candidates:
        """Return the item of a row, or the items of a slice of rows."""
        if isinstance(row, slice):
            return Candidates(self._ids, self._numbers[row])
        return self._ids[self._numbers[row]]


class Placed(Struct, frozen=True):
    """One slot of a slate; `row` is its row in the ranking's feature block.

    `propensity` is that of `schemas.ranking_log.Ranked`: none where nothing was drawn. `cause`: the item of the
    user's that led to this one, if the reason names it.
    """

    item_id: ItemId
    score: float
    source: str
    reason: str
    row: int
    propensity: float | None = None
    cause: ItemId | None = None


class Assigned(Struct, frozen=True, kw_only=True):
    """The arm of an experiment that the user is in; `ranks` are the ranks (from 1) that the arms' weights gave the
    target of a prequential query.

    `as_champion`: the arm's weights were not loaded, and the champion's ranked.
    """

    experiment: str
    arm: str
    as_champion: bool = False
    ranks: dict[str, int] = {}


class Ranking(Struct, frozen=True, kw_only=True):
    """The answer: the slate, best first, and what is needed to explain it and to learn from it.

    `features` is float32 `[candidates, features]` and `items` names its rows. For a prequential query `chosen` is the
    row of the target (none if no source proposed it) and `rank` its rank in the slate from 1 (none if not in it).
    `table` is the feature-schema id, see `features.views.feature_schema_id`. `draw` says how a list that explores was
    drawn, `assigned` which arm of an experiment it belongs to.
    """

    slate: tuple[Placed, ...]
    items: Candidates
    features: NDArray[np.float32]
    model_version: int
    statistics_version: int
    table: str
    degradations: tuple[str, ...] = ()
    chosen: int | None = None
    rank: int | None = None
    draw: Draw | None = None
    assigned: Assigned | None = None
