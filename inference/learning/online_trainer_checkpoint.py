"""A course as bytes, and back: with the recipes of now, which need not be those that it was kept with."""

from __future__ import annotations

import msgspec
import numpy as np
from msgspec import Struct

from inference.learning.checkpoint import Packed, pack, unpack
from inference.learning.examples import Example
from inference.learning.learner import Learner
from inference.learning.list_ttl import ListTtlSnapshot
from inference.learning.loaded_model import LoadedModel
from inference.learning.model_variant import ModelVariant, RunningMetrics, VariantConfig, make_learner
from inference.learning.online_trainer import FIRST, OnlineTrainer, PromotionBlock, SeenEntries
from inference.learning.promotion import PromotionSnapshot
from inference.learning.shown_lists import PendingList
from inference.learning.weights_file import initial_weights
from schemas.ids import UserId


class ModelVariantSnapshot(Struct, frozen=True, kw_only=True):
    """A lineage: its model, whose form its recipe tells, and its running scores."""

    name: str
    recipe: VariantConfig | None
    model: bytes
    tally: RunningMetrics


class ExampleSnapshot(Struct, frozen=True):
    """An example of the block that is not full yet."""

    user: UserId
    features: Packed
    target: Packed
    offset: Packed


class OnlineTrainerSnapshot(Struct, frozen=True, kw_only=True):
    """A course with everything in it."""

    lineages: list[ModelVariantSnapshot]
    gate: PromotionSnapshot
    lists: list[PendingList]
    seen: list[str]
    block: list[ExampleSnapshot]
    block_weights: dict[str, dict[str, Packed]]
    life: ListTtlSnapshot | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(OnlineTrainerSnapshot)


def checkpoint(course: OnlineTrainer) -> bytes:
    """Everything that the course is, for `restore`."""
    block = course.block
    return _encoder.encode(
        OnlineTrainerSnapshot(
            lineages=[_of_lineage(lineage) for lineage in course.lineages.values()],
            gate=course.gate.snapshot(),
            lists=course.lists.snapshot(),
            seen=list(course.seen.ids),
            block=[
                ExampleSnapshot(user, pack(each.features), pack(each.target), pack(each.offset))
                for user, each in zip(block.people, block.examples, strict=True)
            ],
            block_weights={
                name: {part: pack(array) for part, array in arrays.items()} for name, arrays in block.weights.items()
            },
            life=course.life.snapshot(),
        )
    )


def restore(course: OnlineTrainer, data: bytes) -> bool:
    """Have a course that knows nothing become the one that was kept; refused, with False, for another feature table.

    Lineages follow the recipes of now: one that is gone from them stays only while it serves or guards, one that is
    new begins as a copy of the champion, and where a recipe changed, comparisons begin anew.

    Raises:
        msgspec.DecodeError: these are not the bytes of a course.
    """
    kept = _decoder.decode(data)
    by_name = {each.name: each for each in kept.lineages}
    for name in (kept.gate.champion, kept.gate.previous):
        if name in by_name and name not in course.lineages:
            course.new_lineage(name, _empty(course, by_name[name]), by_name[name].recipe)
    for name, lineage in course.lineages.items():
        source = by_name.get(name) or _model_to_copy(by_name, kept.gate.champion)
        if not lineage.model.restore(source.model):
            return False
        lineage.tally = source.tally if name in by_name else RunningMetrics()
    course.gate.restore(kept.gate)
    course.lists.restore(kept.lists)
    course.seen = SeenEntries(kept.seen)
    if kept.life is not None:
        course.life.restore(kept.life)
    changed = {name for name, lineage in course.lineages.items() if _recipe(by_name, name) != lineage.recipe}
    for name in course.lineages if kept.gate.champion in changed else changed:
        course.gate.forget(name)
    if not changed and set(by_name) == set(course.lineages):
        course.block = _block(kept)
    return True


def _of_lineage(lineage: ModelVariant) -> ModelVariantSnapshot:
    return ModelVariantSnapshot(
        name=lineage.name, recipe=lineage.recipe, model=lineage.model.checkpoint(), tally=lineage.tally
    )


def _empty(course: OnlineTrainer, kept: ModelVariantSnapshot) -> Learner | LoadedModel:
    if kept.recipe is None:
        return LoadedModel(initial_weights(course.plan.columns))
    return make_learner(course.plan.columns, kept.recipe, vectors=course.plan.vectors and kept.name == FIRST)


def _model_to_copy(by_name: dict[str, ModelVariantSnapshot], champion: str) -> ModelVariantSnapshot:
    """What a new lineage begins as: the champion, or where that does not learn, the lineage that was first."""
    best = by_name[champion]
    return best if best.recipe is not None else by_name[FIRST]


def _recipe(by_name: dict[str, ModelVariantSnapshot], name: str) -> VariantConfig | None:
    return by_name[name].recipe if name in by_name else None


def _block(kept: OnlineTrainerSnapshot) -> PromotionBlock:
    block = PromotionBlock()
    for each in kept.block:
        features, target, offset = (
            unpack(part).astype(np.float32, copy=False) for part in (each.features, each.target, each.offset)
        )
        block.people.append(each.user)
        block.examples.append(Example(features, target, offset))
    block.weights = {
        name: {part: unpack(array).astype(np.float32, copy=False) for part, array in arrays.items()}
        for name, arrays in kept.block_weights.items()
    }
    return block
