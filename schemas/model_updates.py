"""What the models became: the `model-updates` topic, keyed by model and compacted."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.bounds import Label, Sum, WholeNumber
from schemas.record import Record

MODEL = "ranker"
"""The one model there is, and the key of what serves."""

Decided = Literal["promoted", "refused", "rolled-back", "continued"]
Role = Literal["champion", "guard", "challenger", "resting"]


class Difference(Record, frozen=True, kw_only=True):
    """By how much a lineage gains more than the champion, over so many people; between the bounds at all times."""

    mean: Sum
    lower: Sum
    upper: Sum
    people: WholeNumber


class VariantStatus(Record, frozen=True, kw_only=True, rename={"variant": "lineage", "config": "recipe"}):
    """A lineage: a recipe with everything that was learned by it, scored on the examples that all learn from.

    `gain` is 1 / log2(1 + place) of what was taken among the example's candidates, `hit_rate` how often that place is
    10 or better, `loss` the negative log-likelihood; all test-then-train, over the last examples or so.
    """

    variant: Label
    role: Role
    config: Label
    examples: WholeNumber
    gain: Sum
    hit_rate: Sum
    loss: Sum
    difference: Difference | None = None


class ModelUpdate(Record, frozen=True, kw_only=True, rename={"variant": "lineage", "variant_statuses": "standings"}):
    """Weights of a model, with the prequential score that speaks for them and what was decided.

    `continued`: the champion has learned on, newer weights of it serve; nothing was decided. `promoted` and
    `rolled-back`: weights of another lineage serve, `against` was the champion before. `refused`: nothing changes.

    `uri` is where the weights are (a path that the ranker's server and the workers can read; empty where refused),
    `offsets` the last ones of the ranking log that were learned from: the same log to the same offsets gives the same
    weights. Decisions have a `decision_id`, the same whenever they are made again, and are kept under a key of their
    own beside the model's.
    """

    model: Label
    version: WholeNumber
    uri: Annotated[str, Meta(max_length=4_000)]
    table: Label
    score: Sum
    metric: Label
    examples: WholeNumber
    decision: Decided
    reason: Annotated[str, Meta(max_length=4_000)]
    offsets: dict[str, int] = {}
    wall_time: Sum = 0.0
    decision_id: Label = ""
    by: Literal["schedule", "gate", "operator"] = "schedule"
    variant: Label = ""
    against: Label = ""
    difference: Difference | None = None
    variant_statuses: tuple[VariantStatus, ...] = ()
