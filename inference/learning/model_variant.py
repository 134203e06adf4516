"""A model variant: a learner with its config and everything that it has learned, or weights loaded by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from inference.learning.example_metrics import ExampleMetrics
from inference.learning.learner import REPLAYS, Learner
from inference.learning.weights_file import Weights
from inference.ranking.network import Arrays
from schemas.ranking_log import RankingLogEntry

METRICS_WINDOW = 1_000
"""Over about how many examples running metrics are averaged."""


class VariantConfig(Struct, frozen=True):
    """The settings of a variant's learner: its rate as a multiple of the default, replayed examples, and its seed."""

    rate: float = 1.0
    replays: int = REPLAYS
    seed: int = 0

    def __str__(self) -> str:
        """Return the config as operators read it."""
        return f"rate {self.rate:g}, replays {self.replays}, seed {self.seed}"


class VariantModel(Protocol):
    """The port of a variant's model: it learns, serves and is checkpointed."""

    def learn(self, entries: Sequence[RankingLogEntry]) -> None:
        """Learn from the next entries, in their order."""
        ...

    def weights(self) -> Arrays:
        """Return the network's weights; the caller must not change them."""
        ...

    def export(self, version: int) -> Weights:
        """Return the weights to serve, under this version."""
        ...

    def checkpoint(self) -> bytes:
        """Return the complete state of this model, for `restore`."""
        ...

    def restore(self, checkpoint: bytes) -> bool:
        """Restore the model that wrote the checkpoint; return False and refuse one of another feature schema."""
        ...


class RunningMetrics(Struct):
    """Running means of a variant's metrics, over about the last `METRICS_WINDOW` examples."""

    examples: int = 0
    gain: float = 0.0
    hit: float = 0.0
    loss: float = 0.0

    def add(self, metrics: ExampleMetrics) -> None:
        """Add the metrics of examples, in their order."""
        for gain, hit, loss in zip(metrics.gain, metrics.hit, metrics.loss, strict=True):
            self.examples += 1
            share = 1.0 / min(self.examples, METRICS_WINDOW)
            self.gain += share * (float(gain) - self.gain)
            self.hit += share * (float(hit) - self.hit)
            self.loss += share * (float(loss) - self.loss)


class ModelVariant:
    """A model with its name, config and running metrics; `config` is none where nothing is learned."""

    def __init__(self, name: str, model: VariantModel, config: VariantConfig | None) -> None:
        self.name = name
        self.model = model
        self.config = config
        self.metrics = RunningMetrics()

    @property
    def what(self) -> str:
        """The config as operators read it."""
        return str(self.config) if self.config is not None else "loaded by hand"


def make_learner(columns: tuple[str, ...], config: VariantConfig, *, vectors: bool) -> Learner:
    """Return a new learner of this config."""
    return Learner(columns, seed=config.seed, vectors=vectors, rate=config.rate, replays=config.replays)
