"""What is to be replayed, and how: everything that decides the numbers that come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from schemas.errors import LifelongError
from schemas.interactions import Interaction
from schemas.items import Item


class NothingToReplay(LifelongError):
    """The input holds no choice of an item by a person."""


class Log(Struct, frozen=True, kw_only=True):
    """The events of an input in event-time order, each with its 0-based place among all `rows`, refused ones too."""

    name: str
    rows: int
    events: Sequence[tuple[int, Interaction]]
    items: Sequence[Item] = ()
    refused: Counter[str] = Counter()


class Plan(Struct, frozen=True, kw_only=True):
    """How to replay.

    The first `warm_up` of the rows are learned from and not judged. Weights are taken up after every `take_up_every`
    choices. `seed` is that of the learner and of the intervals. `without` names parts of `inference.ablation` that are
    left out.
    """

    warm_up: float = 0.2
    take_up_every: int = 1
    seed: int = 0
    resamples: int = 1_000
    without: tuple[str, ...] = ()
