"""The online trainer: learning and promotion as a pure function of the ranking log's entries and their order.

Every example is learned by every variant, and evaluated with weights that have not seen it: those that each variant had
when the example's block began. So a block is evaluated in one pass, however its examples arrived.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from features.views import feature_schema_id
from inference.learning.example_metrics import example_metrics
from inference.learning.examples import Example, from_choice
from inference.learning.learner import Learner
from inference.learning.list_ttl import ListTtl
from inference.learning.loaded_model import LoadedModel, load_weights
from inference.learning.model_variant import ModelVariant, VariantConfig, make_learner
from inference.learning.promotion import PromotionDecision, PromotionPolicy, PromotionRules
from inference.learning.shown_lists import ShownLists
from inference.learning.weights_file import UnusableWeights, Weights
from inference.ranking.network import Arrays
from schemas.ids import UserId
from schemas.model_updates import VariantStatus
from schemas.ranking_log import Choice, Command, DefaultList, ErasureEntry, ListOutcome, Ranked, RankingLogValue

SEEN_ENTRIES = 16_384
"""How many entries back a repeated one is recognised: a restarted worker publishes its last batches again."""
FIRST = "default"
"""The variant that serves first, and is never removed."""


class OnlineTrainerConfig(Struct, frozen=True, kw_only=True):
    """The ranker's columns, the variant configs by name (`FIRST` among them), and the rules of promotion.

    `served` names variants that serve the arms of an experiment beside the champion; `block` is the number of examples
    that are evaluated together, and with `vectors` the first variant learns item factors.
    """

    columns: tuple[str, ...]
    configs: Mapping[str, VariantConfig]
    rules: PromotionRules = PromotionRules()
    block: int = 64
    vectors: bool = False
    served: tuple[str, ...] = ()


class PromotionBlock:
    """Examples that are evaluated together, and the weights that each variant had before the first of them."""

    def __init__(self) -> None:
        self.users: list[UserId] = []
        self.examples: list[Example] = []
        self.weights: dict[str, Arrays] = {}

    def add(self, user: UserId, example: Example, variants: Iterable[ModelVariant]) -> None:
        """Add an example that no variant has learned yet."""
        if not self.examples:
            self.weights = {variant.name: variant.model.weights() for variant in variants}
        self.users.append(user)
        self.examples.append(example)


class SeenEntries:
    """The ids of the last `size` entries."""

    def __init__(self, ids: Iterable[str] = (), size: int = SEEN_ENTRIES) -> None:
        self._size = size
        self.ids = OrderedDict.fromkeys(ids)

    def is_new(self, entry_id: str) -> bool:
        """Return whether the id is new, and remember it.

        >>> seen = SeenEntries(["a"])
        >>> seen.is_new("a"), seen.is_new("b"), seen.is_new("b")
        (False, True, False)
        """
        if entry_id in self.ids:
            return False
        self.ids[entry_id] = None
        if len(self.ids) > self._size:
            self.ids.popitem(last=False)
        return True


class OnlineTrainer:
    """Leads variants through the ranking log: joins lists with outcomes, trains, evaluates, and applies the promotion
    policy.
    """

    def __init__(self, plan: OnlineTrainerConfig) -> None:
        self.plan = plan
        self.table = feature_schema_id(plan.columns)
        self.variants = {name: self._new(name, config) for name, config in plan.configs.items()}
        self.promotion = PromotionPolicy(self.variants, FIRST, plan.rules)
        self.lists = ShownLists()
        self.ttl = ListTtl()
        self.seen = SeenEntries()
        self.block = PromotionBlock()

    @property
    def champion(self) -> ModelVariant:
        """The variant that serves."""
        return self.variants[self.promotion.champion]

    @property
    def first(self) -> Learner:
        """The learner that has seen every entry: its counters hold for the whole log."""
        model = self.variants[FIRST].model
        assert isinstance(model, Learner)
        return model

    def export(self, version: int, *, moved_only: bool = False) -> Weights:
        """Return the weights to serve, under this version: the champion's network, and, whichever variant serves, the
        current repeat rate, list time-to-live and item factors (with `moved_only`, those that have moved since the last
        export).
        """
        others = {name: self.variants[name].model.weights() for name in self.plan.served}
        ids, vectors = self.first.vectors(moved_only=moved_only)
        return replace(
            self.champion.model.export(version),
            repeat_rate=self.first.repeat_rate,
            list_ttl=self.ttl.seconds,
            others=others,
            vector_ids=ids,
            vectors=vectors,
        )

    def learn(self, entry: RankingLogValue) -> tuple[PromotionDecision, ...]:
        """Test, then train, on the next entry; return the decisions that follow. A repeated entry changes nothing."""
        if not self.seen.is_new(entry.entry_id):
            return ()
        match entry:
            case Ranked():
                self.lists.add(entry)
                self.ttl.add(entry)
            case DefaultList():
                self.ttl.add(entry)
            case ListOutcome():
                self._settle(entry)
            case Choice():
                self.ttl.compare(entry)
                return self._choice(entry)
            case ErasureEntry():
                self.lists.forget(entry.user_id)
                self.ttl.forget(entry.user_id)
            case Command():
                return (*self._close_block(), self._execute(entry))
            case _:
                assert_never(entry)
        return ()

    def _settle(self, outcome: ListOutcome) -> None:
        """Train all variants on a list and its outcome, if there is something new in it."""
        pair = self.lists.settle(outcome)
        for variant in self.variants.values() if pair is not None else ():
            variant.model.learn(pair or ())

    def variant_statuses(self) -> tuple[VariantStatus, ...]:
        """Return the status of every variant, the champion first."""
        ordered = sorted(self.variants.values(), key=lambda variant: variant is not self.champion)
        return tuple(self._variant_status(variant) for variant in ordered)

    def new_variant(self, name: str, model: Learner | LoadedModel, config: VariantConfig | None) -> ModelVariant:
        """Add a variant, which takes part from the next example on."""
        self.variants[name] = ModelVariant(name, model, config)
        self.promotion.join(name)
        return self.variants[name]

    def _new(self, name: str, config: VariantConfig) -> ModelVariant:
        vectors = self.plan.vectors and name == FIRST
        return ModelVariant(name, make_learner(self.plan.columns, config, vectors=vectors), config)

    def _choice(self, choice: Choice) -> tuple[PromotionDecision, ...]:
        """Add the choice to the block, train all variants on it, and once the block is full, evaluate and decide."""
        example = from_choice(choice, len(self.plan.columns)) if choice.table == self.table else None
        if example is not None:
            self.block.add(choice.user_id, example, self.variants.values())
        for variant in self.variants.values():
            variant.model.learn((choice,))
        return self._close_block() if len(self.block.examples) == self.plan.block else ()

    def _close_block(self) -> tuple[PromotionDecision, ...]:
        """Evaluate the examples of the block, if there are any, and apply the promotion policy."""
        block, self.block = self.block, PromotionBlock()
        if not block.examples:
            return ()
        metrics = {name: example_metrics(arrays, block.examples) for name, arrays in block.weights.items()}
        for name, measured in metrics.items():
            self.variants[name].metrics.add(measured)
        decisions = self.promotion.observe({name: measured.gain for name, measured in metrics.items()}, block.users)
        self._remove_unused_variants()
        return decisions

    def _execute(self, command: Command) -> PromotionDecision:
        reason = command.reason or "an operator's decision"
        if command.action == "rollback":
            decision = self.promotion.roll_back(reason=reason)
        elif command.uri:
            decision = self._promote_file(command, reason)
        else:
            decision = self.promotion.promote(command.variant, reason=reason)
        self._remove_unused_variants()
        return decision

    def _promote_file(self, command: Command, reason: str) -> PromotionDecision:
        name = f"loaded-{command.sha256[:8]}"
        try:
            weights = load_weights(Path(command.uri), command.sha256, columns=self.plan.columns)
        except UnusableWeights as exc:
            return PromotionDecision(
                decision="refused", variant=name, against=self.promotion.champion, reason=str(exc), by="operator"
            )
        if name not in self.variants:
            self.new_variant(name, LoadedModel(weights), None)
        return self.promotion.promote(name, reason=reason)

    def _remove_unused_variants(self) -> None:
        """Remove variants without a config, unless they serve or may serve again."""
        used = {*self.plan.configs, self.promotion.champion, self.promotion.previous}
        for name in [name for name in self.variants if name not in used]:
            del self.variants[name]
            self.promotion.leave(name)

    def _variant_status(self, variant: ModelVariant) -> VariantStatus:
        metrics = variant.metrics
        return VariantStatus(
            variant=variant.name,
            role=self.promotion.role(variant.name),
            config=variant.what,
            examples=metrics.examples,
            gain=metrics.gain,
            hit_rate=metrics.hit,
            loss=metrics.loss,
            difference=self.promotion.difference(variant.name),
        )
