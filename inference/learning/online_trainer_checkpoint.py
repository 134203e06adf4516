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


class ModelVariantSnapshot(Struct, frozen=True, kw_only=True, rename={"config": "recipe", "metrics": "tally"}):
    """A lineage: its model, whose form its recipe tells, and its running scores."""

    name: str
    config: VariantConfig | None
    model: bytes
    metrics: RunningMetrics


class ExampleSnapshot(Struct, frozen=True):
    """An example of the block that is not full yet."""

    user: UserId
    features: Packed
    target: Packed
    offset: Packed


class OnlineTrainerSnapshot(
    Struct, frozen=True, kw_only=True, rename={"variants": "lineages", "ttl": "life", "promotion": "gate"}
):
    """A course with everything in it."""

    variants: list[ModelVariantSnapshot]
    promotion: PromotionSnapshot
    lists: list[PendingList]
    seen: list[str]
    block: list[ExampleSnapshot]
    block_weights: dict[str, dict[str, Packed]]
    ttl: ListTtlSnapshot | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(OnlineTrainerSnapshot)


def checkpoint(trainer: OnlineTrainer) -> bytes:
    """Everything that the course is, for `restore`."""
    block = trainer.block
    return _encoder.encode(
        OnlineTrainerSnapshot(
            variants=[_of_variant(variant) for variant in trainer.variants.values()],
            promotion=trainer.promotion.snapshot(),
            lists=trainer.lists.snapshot(),
            seen=list(trainer.seen.ids),
            block=[
                ExampleSnapshot(user, pack(each.features), pack(each.target), pack(each.offset))
                for user, each in zip(block.people, block.examples, strict=True)
            ],
            block_weights={
                name: {part: pack(array) for part, array in arrays.items()} for name, arrays in block.weights.items()
            },
            ttl=trainer.ttl.snapshot(),
        )
    )


def restore(trainer: OnlineTrainer, data: bytes) -> bool:
    """Have a course that knows nothing become the one that was kept; refused, with False, for another feature table.

    Lineages follow the recipes of now: one that is gone from them stays only while it serves or guards, one that is
    new begins as a copy of the champion, and where a recipe changed, comparisons begin anew.

    Raises:
        msgspec.DecodeError: these are not the bytes of a course.
    """
    kept = _decoder.decode(data)
    by_name = {each.name: each for each in kept.variants}
    for name in (kept.promotion.champion, kept.promotion.previous):
        if name in by_name and name not in trainer.variants:
            trainer.new_variant(name, _empty(trainer, by_name[name]), by_name[name].config)
    for name, variant in trainer.variants.items():
        source = by_name.get(name) or _model_to_copy(by_name, kept.promotion.champion)
        if not variant.model.restore(source.model):
            return False
        variant.metrics = source.metrics if name in by_name else RunningMetrics()
    trainer.promotion.restore(kept.promotion)
    trainer.lists.restore(kept.lists)
    trainer.seen = SeenEntries(kept.seen)
    if kept.ttl is not None:
        trainer.ttl.restore(kept.ttl)
    changed = {name for name, variant in trainer.variants.items() if _config(by_name, name) != variant.config}
    for name in trainer.variants if kept.promotion.champion in changed else changed:
        trainer.promotion.forget(name)
    if not changed and set(by_name) == set(trainer.variants):
        trainer.block = _block(kept)
    return True


def _of_variant(variant: ModelVariant) -> ModelVariantSnapshot:
    return ModelVariantSnapshot(
        name=variant.name, config=variant.config, model=variant.model.checkpoint(), metrics=variant.metrics
    )


def _empty(trainer: OnlineTrainer, kept: ModelVariantSnapshot) -> Learner | LoadedModel:
    if kept.config is None:
        return LoadedModel(initial_weights(trainer.plan.columns))
    return make_learner(trainer.plan.columns, kept.config, vectors=trainer.plan.vectors and kept.name == FIRST)


def _model_to_copy(by_name: dict[str, ModelVariantSnapshot], champion: str) -> ModelVariantSnapshot:
    """What a new lineage begins as: the champion, or where that does not learn, the lineage that was first."""
    best = by_name[champion]
    return best if best.config is not None else by_name[FIRST]


def _config(by_name: dict[str, ModelVariantSnapshot], name: str) -> VariantConfig | None:
    return by_name[name].config if name in by_name else None


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
