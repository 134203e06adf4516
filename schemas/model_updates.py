"""Which weights serve, and decisions about models: the `model-updates` topic, keyed by model and compacted."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.bounds import Label, Sum, WholeNumber
from schemas.record import Record

MODEL = "ranker"
"""The only model, and the key of the update that serves."""

Decided = Literal["promoted", "refused", "rolled-back", "continued"]
Role = Literal["champion", "guard", "challenger", "resting"]


class Difference(Record, frozen=True, kw_only=True):
    """By how much a model variant gains more than the champion, the mean over `people` users.

    `lower` and `upper` are a confidence sequence: they may be read at any time.
    """

    mean: Sum
    lower: Sum
    upper: Sum
    people: WholeNumber


class VariantStatus(Record, frozen=True, kw_only=True, rename={"variant": "lineage", "config": "recipe"}):
    """The status of a model variant: a config with everything learned by it, evaluated on examples that all learn from.

    `gain` is 1 / log2(1 + rank) of the target among the example's candidates, `hit_rate` how often that rank is 10 or
    better, `loss` the negative log-likelihood; all are prequential (test-then-train) and follow the latest examples.

    `variant` is encoded as `lineage`, `config` as `recipe`; of the roles, `guard` is a rollback candidate and `resting`
    a variant that is cooling down.
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
    """Weights of a model, with the prequential score that supports them and the decision about them.

    `continued`: the champion has learned on and its newer weights serve; nothing was decided. `promoted` and
    `rolled-back`: weights of another variant serve, and `against` was the champion before. `refused`: nothing changes.

    `uri` is where the weights are (a path that the ranker's server and the workers can read; empty where refused),
    `table` the feature-schema id, and `offsets` the last ones of the ranking log that were learned from: the same log
    up to the same offsets gives the same weights. `by` is who decided; `gate` is the promotion policy. A decision has a
    `decision_id`, the same whenever it is made again, and is kept under a key of its own beside the model's.

    `variant` is encoded as `lineage`, `variant_statuses` as `standings`.
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
