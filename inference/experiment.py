"""Experiments: who is in which arm, for good, and which weights rank for whom.

A person's arm follows from the experiment's name and their id, and from nothing else: every worker, every restart and
every replay finds the same one, and nothing has to be kept. The name salts the hash, so that arms of two experiments
have nothing to do with each other.
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

POINTS = 10_000
"""How many points people fall on: shares are whole numbers of them."""
CONTROL = "control"
"""The arm of everybody who is in no other: nothing is done for them."""
CHAMPION = ""
"""Stands for the lineage that serves, whichever that is."""


class Arm(Struct, frozen=True, kw_only=True):
    """What is done for some people: which lineage's weights rank, and how lists explore (none: they do not).

    `share` is how many they are of everybody. An arm without a share is a shadow: nobody is in it, and its weights
    are asked only what place they would have given to what people took.
    """

    name: str
    share: float = 0.0
    variant: str = CHAMPION
    exploration: Exploration | None = None


class Experiment:
    """Divides people into arms. `control` has everybody whom no other arm has.

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
        """The person's arm; none for the list that people never seen have in common."""
        return self.arms[self._points[point_of(self.name, user)]] if user != DEFAULT_USER else None

    def shares(self) -> dict[str, float]:
        """Which share of people each arm has, that of control included."""
        return {arm.name: self._points.count(number) / POINTS for number, arm in enumerate(self.arms)}

    def split(self, queries: Sequence[Query]) -> Split | None:
        """Whose weights are to score these queries; none where the champion's score everything."""
        if len(self.variants) == 1:
            return None
        arms = [self.arm_of(query.user.user_id) for query in queries]
        return Split(
            variants=self.variants,
            own=np.array([self._number[arm.variant if arm else CHAMPION] for arm in arms], np.int32),
            prequential_queries=np.flatnonzero([query.target is not None for query in queries]).astype(np.int32),
        )

    def assigned(self, user: UserId, absent: Sequence[str], places: Mapping[str, int]) -> Assigned | None:
        """What is told of a person's arm; `places` are those that lineages gave an exam's item."""
        arm = self.arm_of(user)
        if arm is None:
            return None
        found = {each.name: places[each.variant] for each in self.arms if each.variant in places}
        return Assigned(experiment=self.name, arm=arm.name, as_champion=arm.variant in absent, places=found)


def point_of(experiment: str, user: UserId) -> int:
    """Where a person falls, from 0 to `POINTS` - 1, each as likely."""
    digest = blake2b(f"{experiment}|{user}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % POINTS


def points_of(shares: Sequence[float]) -> list[int]:
    """The arm that has each point, counted from 1 in the order of `shares`; 0 is control.

    Each arm has an equal part of the points for a home, and takes them in order; one that outgrows its home takes the
    far ends of the others' homes in turn. So when a share grows, whoever is in an arm stays there: with two arms
    always, with more of them as long as none has outgrown its home (with all shares in all orders it cannot be had).

    >>> before, after = points_of([0.1, 0.5]), points_of([0.4, 0.5])
    >>> before.count(1), after.count(1), [was for was, now in zip(before, after) if was and was != now]
    (1000, 4000, [])
    """
    taken = [0] * POINTS
    wanted = [int(share * POINTS + 1e-6) for share in shares]
    orders = [_order(arm, len(shares)) for arm in range(len(shares))]
    for pick in range(max(wanted, default=0)):
        for arm, most in enumerate(wanted):
            if pick < most:
                taken[next(point for point in orders[arm] if not taken[point])] = arm + 1
    return taken


def _order(arm: int, arms: int) -> Iterator[int]:
    """The points in the order in which an arm takes them."""
    size = POINTS // arms
    home = range(arm * size, (arm + 1) * size)
    others = sorted(set(range(arms * size)).difference(home), key=lambda point: (-(point % size), point))
    return iter([*home, *range(arms * size, POINTS), *others])


def places_of(split: Split | None, scores: Scores, row: int, chosen: int | None, size: int) -> dict[str, int]:
    """The place (from 1) of the candidate `chosen` by each lineage whose weights are there, if `row` is an exam.

    Of those that score alike, the first goes before, as in a list.
    """
    if split is None or scores.prequential_queries is None or chosen is None or row not in split.prequential_queries:
        return {}
    query_row = int(np.flatnonzero(split.prequential_queries == row)[0])
    return {
        variant: _place(scores.prequential_queries[number, query_row, :size], chosen)
        for number, variant in enumerate(split.variants)
        if variant not in scores.absent
    }


def _place(values: NDArray[np.float32], chosen: int) -> int:
    """The place of one of the values when the highest goes first.

    >>> _place(np.array([0.5, 2.0, 0.5], np.float32), 2)
    3
    """
    own = values[chosen]
    return 1 + int((values > own).sum()) + int((values[:chosen] == own).sum())
