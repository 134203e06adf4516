"""Experiments: the stable assignment of users to arms, and which weights rank for whom.

A user's arm follows from the experiment's name and their id alone: every worker, every restart and every replay finds
the same arm, and nothing is stored. The name salts the hash, so that arms of two experiments are independent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.exploration import Exploration
from inference.ports import Scores, Split
from inference.query import Assigned, Query
from schemas.ids import DEFAULT_USER, UserId

HASH_POINTS = 10_000
"""How many points users are hashed to: shares are whole numbers of points."""
CONTROL = "control"
"""The arm of all users who are in no other: they get the default."""
CHAMPION = ""
"""Stands for the model variant that serves, whichever that is."""


class Arm(Struct, frozen=True, kw_only=True):
    """The treatment of some users: which model variant's weights rank, and how lists explore (none: they do not).

    `share` is the share of all users. An arm without a share is a shadow: no user is in it, and its weights only say
    which rank they would have given to the targets of prequential queries.
    """

    name: str
    share: float = 0.0
    variant: str = CHAMPION
    exploration: Exploration | None = None


class Experiment:
    """Divides users into arms. `control` has all users whom no other arm has.

    >>> control, bold = Arm(name=CONTROL), Arm(name="bold", share=0.5, variant="faster")
    >>> experiment = Experiment("spring", control, [bold])
    >>> [experiment.arm_of(UserId(name)).name for name in ("ann", "bob", "cid")]
    ['bold', 'control', 'bold']
    """

    def __init__(self, name: str, control: Arm, others: Sequence[Arm]) -> None:
        self.name = name
        self.arms = (control, *others)
        self._points = points_of([arm.share for arm in others])
        self.variants = tuple(dict.fromkeys([CHAMPION, *(arm.variant for arm in self.arms)]))
        self._number = {variant: number for number, variant in enumerate(self.variants)}

    def arm_of(self, user: UserId) -> Arm | None:
        """Return the user's arm; none for the non-personalised list."""
        return self.arms[self._points[point_of(self.name, user)]] if user != DEFAULT_USER else None

    def shares(self) -> dict[str, float]:
        """Return the share of users of each arm, that of control included."""
        return {arm.name: self._points.count(number) / HASH_POINTS for number, arm in enumerate(self.arms)}

    def split(self, queries: Sequence[Query]) -> Split | None:
        """Return whose weights score these queries; none where the champion's score everything."""
        if len(self.variants) == 1:
            return None
        arms = [self.arm_of(query.user.user_id) for query in queries]
        return Split(
            variants=self.variants,
            own=np.array([self._number[arm.variant if arm else CHAMPION] for arm in arms], np.int32),
            prequential_queries=np.flatnonzero([query.target is not None for query in queries]).astype(np.int32),
        )

    def assigned(self, user: UserId, absent: Sequence[str], ranks: Mapping[str, int]) -> Assigned | None:
        """Return the user's arm as it is logged; `ranks` are those that variants gave a prequential query's target."""
        arm = self.arm_of(user)
        if arm is None:
            return None
        by_arm = {other.name: ranks[other.variant] for other in self.arms if other.variant in ranks}
        return Assigned(experiment=self.name, arm=arm.name, as_champion=arm.variant in absent, ranks=by_arm)


def point_of(experiment: str, user: UserId) -> int:
    """Return the point that a user is hashed to, uniform from 0 to `HASH_POINTS` - 1."""
    digest = blake2b(f"{experiment}|{user}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % HASH_POINTS


def points_of(shares: Sequence[float]) -> list[int]:
    """Return the arm of each point, counted from 1 in the order of `shares`; 0 is control.

    Each arm has an equal section of the points as its home, and fills it in order; an arm that outgrows its home takes
    the far ends of the other homes in turn. So when a share grows, users stay in their arms: with two arms always, with
    more as long as none has outgrown its home (for all shares in all orders that is impossible).

    >>> before, after = points_of([0.1, 0.5]), points_of([0.4, 0.5])
    >>> before.count(1), after.count(1), [was for was, now in zip(before, after) if was and was != now]
    (1000, 4000, [])
    """
    arms = [0] * HASH_POINTS
    sizes = [int(share * HASH_POINTS + 1e-6) for share in shares]
    orders = [_order(arm, len(shares)) for arm in range(len(shares))]
    for pick in range(max(sizes, default=0)):
        for arm, size in enumerate(sizes):
            if pick < size:
                arms[next(point for point in orders[arm] if not arms[point])] = arm + 1
    return arms


def _order(arm: int, arms: int) -> Iterator[int]:
    """Return the points in the order in which an arm takes them."""
    size = HASH_POINTS // arms
    home = range(arm * size, (arm + 1) * size)
    others = sorted(set(range(arms * size)).difference(home), key=lambda point: (-(point % size), point))
    return iter([*home, *range(arms * size, HASH_POINTS), *others])


def variant_ranks(split: Split | None, scores: Scores, row: int, chosen: int | None, size: int) -> dict[str, int]:
    """Return the rank (from 1) of the candidate `chosen` by each loaded variant, if `row` is a prequential query.

    Of candidates with equal scores the first ranks higher, as in a list.
    """
    if split is None or scores.prequential_queries is None or chosen is None or row not in split.prequential_queries:
        return {}
    query_row = int(np.flatnonzero(split.prequential_queries == row)[0])
    return {
        variant: _rank(scores.prequential_queries[number, query_row, :size], chosen)
        for number, variant in enumerate(split.variants)
        if variant not in scores.absent
    }


def _rank(values: NDArray[np.float32], chosen: int) -> int:
    """Return the rank of one of the values when the highest goes first.

    >>> _rank(np.array([0.5, 2.0, 0.5], np.float32), 2)
    3
    """
    own = values[chosen]
    return 1 + int((values > own).sum()) + int((values[:chosen] == own).sum())
