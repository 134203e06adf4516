"""What the models became: the `model-updates` topic, keyed by model and compacted."""

from __future__ import annotations

from typing import Literal

from schemas.record import Record

MODEL = "ranker"
"""The one model there is, and the key of what serves."""

Decided = Literal["promoted", "refused", "rolled-back", "continued"]
Role = Literal["champion", "guard", "challenger", "resting"]


class Difference(Record, frozen=True, kw_only=True):
    """By how much a lineage gains more than the champion, over so many people; between the bounds at all times."""

    mean: float
    lower: float
    upper: float
    people: int


class Standing(Record, frozen=True, kw_only=True):
    """A lineage: a recipe with everything that was learned by it, scored on the examples that all learn from.

    `gain` is 1 / log2(1 + place) of what was taken among the example's candidates, `hit_rate` how often that place is
    10 or better, `loss` the negative log-likelihood; all test-then-train, over the last examples or so.
    """

    lineage: str
    role: Role
    recipe: str
    examples: int
    gain: float
    hit_rate: float
    loss: float
    difference: Difference | None = None


class ModelUpdate(Record, frozen=True, kw_only=True):
    """Weights of a model, with the prequential score that speaks for them and what was decided.

    `continued`: the champion has learned on, newer weights of it serve; nothing was decided. `promoted` and
    `rolled-back`: weights of another lineage serve, `against` was the champion before. `refused`: nothing changes.

    `uri` is where the weights are (a path that the ranker's server and the workers can read; empty where refused),
    `offsets` the last ones of the ranking log that were learned from: the same log to the same offsets gives the same
    weights. Decisions have a `decision_id`, the same whenever they are made again, and are kept under a key of their
    own beside the model's.
    """

    model: str
    version: int
    uri: str
    table: str
    score: float
    metric: str
    examples: int
    decision: Decided
    reason: str
    offsets: dict[str, int] = {}
    wall_time: float = 0.0
    decision_id: str = ""
    by: Literal["schedule", "gate", "operator"] = "schedule"
    lineage: str = ""
    against: str = ""
    difference: Difference | None = None
    standings: tuple[Standing, ...] = ()
