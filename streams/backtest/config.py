"""The input and the configuration of a backtest: everything that decides its results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct

from schemas.errors import LifelongError
from schemas.interactions import Interaction
from schemas.item_perceptions import ItemPerception
from schemas.items import Item
from schemas.signals import ExternalSignal

if TYPE_CHECKING:
    from features.views import External
    from inference.items.table import ItemTable
    from inference.learning.model_variant import VariantConfig
    from inference.ports import Ranker
    from inference.ranking.features import FeatureTable
    from inference.recommender import Recommender
    from streams.handlers.deps import Options


class NothingToEvaluate(LifelongError):
    """The input holds no choice of an item by a user."""


class EventLog(Struct, frozen=True, kw_only=True):
    """The events of an input in event-time order, each with its 0-based index among all `rows`, refused ones too."""

    name: str
    rows: int
    events: Sequence[tuple[int, Interaction]]
    items: Sequence[Item] = ()
    signals: Sequence[ExternalSignal] = ()
    perceptions: Sequence[ItemPerception] = ()
    refused: Counter[str] = Counter()


class BacktestConfig(Struct, frozen=True, kw_only=True):
    """How to run a backtest.

    The first `warm_up` (a share) of the rows are learned from and not evaluated. New weights are loaded after every
    `load_weights_every` choices. `seed` is that of the learner and of the intervals. `without` names parts of
    `inference.evaluation.ablation` to leave out.
    """

    warm_up: float = 0.2
    load_weights_every: int = 1
    seed: int = 0
    resamples: int = 1_000
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class SystemConfig:
    """The system under test as the wiring builds it: recommender, options and learner of production.

    `default_every_seconds` is the shortest time between two non-personalised lists. Pickled for other processes.
    """

    external: tuple[External, ...]
    knowledge: bool
    content_map: bool
    make_recommender: Callable[[ItemTable, Ranker, FeatureTable], Recommender]
    options: Options
    default_every_seconds: float
    learner: VariantConfig
    item_vectors: bool
