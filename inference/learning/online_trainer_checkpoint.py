"""Checkpoints of the online trainer; they restore under the current variant configs, which may have changed since."""

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
    """A model variant: its model, whose class follows from its config, and its running metrics."""

    name: str
    config: VariantConfig | None
    model: bytes
    metrics: RunningMetrics


class ExampleSnapshot(Struct, frozen=True):
    """An example of the promotion block that is not full yet."""

    user: UserId
    features: Packed
    target: Packed
    offset: Packed


class OnlineTrainerSnapshot(
    Struct, frozen=True, kw_only=True, rename={"variants": "lineages", "ttl": "life", "promotion": "gate"}
):
    """The complete state of an online trainer."""

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
    """Return the complete state of the trainer, for `restore`."""
    block = trainer.block
    return _encoder.encode(
        OnlineTrainerSnapshot(
            variants=[_of_variant(variant) for variant in trainer.variants.values()],
            promotion=trainer.promotion.snapshot(),
            lists=trainer.lists.snapshot(),
            seen=list(trainer.seen.ids),
            block=[
                ExampleSnapshot(user, pack(example.features), pack(example.target), pack(example.offset))
                for user, example in zip(block.users, block.examples, strict=True)
            ],
            block_weights={
                name: {part: pack(array) for part, array in arrays.items()} for name, arrays in block.weights.items()
            },
            ttl=trainer.ttl.snapshot(),
        )
    )


def restore(trainer: OnlineTrainer, data: bytes) -> bool:
    """Restore a new trainer from a checkpoint; return False and refuse one of another feature schema.

    Variants follow the current configs: one without a config stays only while it is champion or rollback candidate, a
    new one begins as a copy of the champion, and where a config changed, comparisons restart.

    Raises:
        msgspec.DecodeError: these are not the bytes of a checkpoint.
    """
    snapshot = _decoder.decode(data)
    by_name = {variant.name: variant for variant in snapshot.variants}
    for name in (snapshot.promotion.champion, snapshot.promotion.previous):
        if name in by_name and name not in trainer.variants:
            trainer.new_variant(name, _empty(trainer, by_name[name]), by_name[name].config)
    for name, variant in trainer.variants.items():
        source = by_name.get(name) or _model_to_copy(by_name, snapshot.promotion.champion)
        if not variant.model.restore(source.model):
            return False
        variant.metrics = source.metrics if name in by_name else RunningMetrics()
    trainer.promotion.restore(snapshot.promotion)
    trainer.lists.restore(snapshot.lists)
    trainer.seen = SeenEntries(snapshot.seen)
    if snapshot.ttl is not None:
        trainer.ttl.restore(snapshot.ttl)
    changed = {name for name, variant in trainer.variants.items() if _config(by_name, name) != variant.config}
    for name in trainer.variants if snapshot.promotion.champion in changed else changed:
        trainer.promotion.forget(name)
    if not changed and set(by_name) == set(trainer.variants):
        trainer.block = _block(snapshot)
    return True


def _of_variant(variant: ModelVariant) -> ModelVariantSnapshot:
    return ModelVariantSnapshot(
        name=variant.name, config=variant.config, model=variant.model.checkpoint(), metrics=variant.metrics
    )


def _empty(trainer: OnlineTrainer, snapshot: ModelVariantSnapshot) -> Learner | LoadedModel:
    if snapshot.config is None:
        return LoadedModel(initial_weights(trainer.plan.columns))
    return make_learner(trainer.plan.columns, snapshot.config, vectors=trainer.plan.vectors and snapshot.name == FIRST)


def _model_to_copy(by_name: dict[str, ModelVariantSnapshot], champion: str) -> ModelVariantSnapshot:
    """Return the model that a new variant copies: the champion, or the first variant where the champion does not
    learn.
    """
    best = by_name[champion]
    return best if best.config is not None else by_name[FIRST]


def _config(by_name: dict[str, ModelVariantSnapshot], name: str) -> VariantConfig | None:
    return by_name[name].config if name in by_name else None


def _block(snapshot: OnlineTrainerSnapshot) -> PromotionBlock:
    block = PromotionBlock()
    for example in snapshot.block:
        features, target, offset = (
            unpack(part).astype(np.float32, copy=False) for part in (example.features, example.target, example.offset)
        )
        block.users.append(example.user)
        block.examples.append(Example(features, target, offset))
    block.weights = {
        name: {part: unpack(array).astype(np.float32, copy=False) for part, array in arrays.items()}
        for name, arrays in snapshot.block_weights.items()
    }
    return block
