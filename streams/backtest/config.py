"""What is to be replayed, and how: everything that decides the numbers that come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct

from schemas.errors import LifelongError
from schemas.interactions import Interaction
from schemas.items import Item

if TYPE_CHECKING:
    from features.item_table import ItemTable
    from features.views import External
    from inference.learning.model_variant import VariantConfig
    from inference.ports import Ranker
    from inference.ranking.features import FeatureTable
    from inference.recommender import Recommender
    from streams.handlers.deps import Options


class NothingToEvaluate(LifelongError):
    """The input holds no choice of an item by a person."""


class EventLog(Struct, frozen=True, kw_only=True):
    """The events of an input in event-time order, each with its 0-based place among all `rows`, refused ones too."""

    name: str
    rows: int
    events: Sequence[tuple[int, Interaction]]
    items: Sequence[Item] = ()
    refused: Counter[str] = Counter()


class BacktestConfig(Struct, frozen=True, kw_only=True):
    """How to replay.

    The first `warm_up` of the rows are learned from and not judged. Weights are taken up after every `take_up_every`
    choices. `seed` is that of the learner and of the intervals. `without` names parts of
    `inference.evaluation.ablation` that are left out.
    """

    warm_up: float = 0.2
    take_up_every: int = 1
    seed: int = 0
    resamples: int = 1_000
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class SystemConfig:
    """The system under test as the wiring sets it up: the same recommender, options and learner as in production.

    `default_every_seconds` is the shortest time between two non-personalised lists. Pickled for processes of its own.
    """

    external: tuple[External, ...]
    make_recommender: Callable[[ItemTable, Ranker, FeatureTable], Recommender]
    options: Options
    default_every_seconds: float
    learner: VariantConfig
    item_vectors: bool
