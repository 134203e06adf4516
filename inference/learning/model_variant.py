"""A lineage: a recipe of learner settings, with everything that was learned by it; or weights loaded by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from inference.learning.example_metrics import ExampleMetrics
from inference.learning.learner import REPLAYS, Learner
from inference.learning.weights_file import Weights
from inference.ranking.network import Arrays
from schemas.ranking_log import RankingLogEntry

MEMORY = 1_000
"""Over about how many examples running scores are averaged."""


class VariantConfig(Struct, frozen=True):
    """What a lineage's learner does otherwise: its rate against the usual one, examples learned again, and its seed."""

    rate: float = 1.0
    replays: int = REPLAYS
    seed: int = 0

    def __str__(self) -> str:
        """The recipe for people."""
        return f"rate {self.rate:g}, replays {self.replays}, seed {self.seed}"


class VariantModel(Protocol):
    """What a lineage scores and serves with."""

    def learn(self, entries: Sequence[RankingLogEntry]) -> None:
        """Learn from the next entries, in their order."""
        ...

    def weights(self) -> Arrays:
        """The network's weights as arrays of their own."""
        ...

    def export(self, version: int) -> Weights:
        """What serving takes up of this model, under this version."""
        ...

    def checkpoint(self) -> bytes:
        """Everything that this model is, for `restore`."""
        ...

    def restore(self, checkpoint: bytes) -> bool:
        """Become the model that made the checkpoint; refused, with False, if it is of another feature table."""
        ...


class RunningMetrics(Struct):
    """Running means of what was measured of a lineage, over about the last `MEMORY` examples."""

    examples: int = 0
    gain: float = 0.0
    hit: float = 0.0
    loss: float = 0.0

    def add(self, metrics: ExampleMetrics) -> None:
        """Count examples, in their order."""
        for gain, hit, loss in zip(metrics.gain, metrics.hit, metrics.loss, strict=True):
            self.examples += 1
            share = 1.0 / min(self.examples, MEMORY)
            self.gain += share * (float(gain) - self.gain)
            self.hit += share * (float(hit) - self.hit)
            self.loss += share * (float(loss) - self.loss)


class ModelVariant:
    """A model with its name, what it is, and its running scores; `config` is none where nothing is learned."""

    def __init__(self, name: str, model: VariantModel, config: VariantConfig | None) -> None:
        self.name = name
        self.model = model
        self.config = config
        self.metrics = RunningMetrics()

    @property
    def what(self) -> str:
        """What it is, for people."""
        return str(self.config) if self.config is not None else "loaded by hand"


def make_learner(columns: tuple[str, ...], config: VariantConfig, *, vectors: bool) -> Learner:
    """A learner that follows the recipe and knows nothing yet."""
    return Learner(columns, seed=config.seed, vectors=vectors, rate=config.rate, replays=config.replays)
