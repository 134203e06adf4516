"""What the models became: the `model-updates` topic, keyed by model and compacted."""

from __future__ import annotations

from typing import Literal

from schemas.record import Record


class ModelUpdate(Record, frozen=True, kw_only=True):
    """New weights of a model, with the prequential score that speaks for them and what was decided.

    `uri` is where the weights are (a path that the ranker's server and the workers can read), `offsets` how far the
    trainer had read the ranking log: the same log to the same offsets gives the same weights.
    """

    model: str
    version: int
    uri: str
    table: str
    score: float
    metric: str
    examples: int
    decision: Literal["promoted", "refused", "rolled-back"]
    reason: str
    offsets: dict[str, int] = {}
    wall_time: float = 0.0
