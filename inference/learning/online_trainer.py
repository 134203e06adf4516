"""What is learned and decided from the ranking log: a function of its entries and their order, and nothing else.

Every example is learned by every lineage, and measured with weights that know nothing of it: those that each lineage
had when the example's block began. So a block is measured at once, however its examples came.
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
from schemas.ranking_log import Choice, Command, DefaultList, ListOutcome, Ranked, RankingLogValue

REMEMBERED = 16_384
"""How many entries back a repeated one is recognised: a worker that died publishes its last batches again."""
FIRST = "default"
"""The lineage that serves first, and never goes."""


class OnlineTrainerConfig(Struct, frozen=True, kw_only=True):
    """Who learns what: the columns of the ranker, the recipes by name (`FIRST` among them), and the gate's rules.

    `served` lineages, of the recipes, serve the arms of an experiment beside the champion.
    """

    columns: tuple[str, ...]
    configs: Mapping[str, VariantConfig]
    rules: PromotionRules = PromotionRules()
    block: int = 64
    vectors: bool = False
    served: tuple[str, ...] = ()


class PromotionBlock:
    """Examples that are to be measured together, and the weights that each lineage had before the first of them."""

    def __init__(self) -> None:
        self.people: list[UserId] = []
        self.examples: list[Example] = []
        self.weights: dict[str, Arrays] = {}

    def add(self, user: UserId, example: Example, variants: Iterable[ModelVariant]) -> None:
        """One more example, not learned from yet."""
        if not self.examples:
            self.weights = {variant.name: variant.model.weights() for variant in variants}
        self.people.append(user)
        self.examples.append(example)


class SeenEntries:
    """The ids of the last entries."""

    def __init__(self, ids: Iterable[str] = (), size: int = REMEMBERED) -> None:
        self._size = size
        self.ids = OrderedDict.fromkeys(ids)

    def is_new(self, entry_id: str) -> bool:
        """Whether the id comes for the first time; it is remembered.

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
    """Leads lineages through the log: joins lists with their outcomes, measures, has the gate decide."""

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
        """The lineage that serves."""
        return self.variants[self.promotion.champion]

    @property
    def first(self) -> Learner:
        """The learner that has seen everything: what it counts is true of all."""
        model = self.variants[FIRST].model
        assert isinstance(model, Learner)
        return model

    def export(self, version: int, *, moved_only: bool = False) -> Weights:
        """What is to serve, under this version: the champion's network, and what is told as it is now whoever serves:
        how often people repeat themselves, how long lists are worth keeping, and the items' factors (with `moved_only`,
        those that have moved since).
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
        """Test, then train, on the next entry; what was decided by it. One that came before changes nothing."""
        if not self.seen.is_new(entry.entry_id):
            return ()
        match entry:
            case Ranked():
                self.lists.add(entry)
                self.ttl.add(entry)
            case DefaultList():
                self.ttl.add(entry)
            case ListOutcome():
                pair = self.lists.settle(entry)
                for variant in self.variants.values() if pair is not None else ():
                    variant.model.learn(pair or ())
            case Choice():
                self.ttl.ask(entry)
                return self._choice(entry)
            case Command():
                return (*self._close(), self._obey(entry))
            case _:
                assert_never(entry)
        return ()

    def variant_statuses(self) -> tuple[VariantStatus, ...]:
        """How every lineage stands, the champion first."""
        ordered = sorted(self.variants.values(), key=lambda variant: variant is not self.champion)
        return tuple(self._variant_status(variant) for variant in ordered)

    def new_variant(self, name: str, model: Learner | LoadedModel, config: VariantConfig | None) -> ModelVariant:
        """A lineage joins: it takes part from the next example on."""
        self.variants[name] = ModelVariant(name, model, config)
        self.promotion.join(name)
        return self.variants[name]

    def _new(self, name: str, config: VariantConfig) -> ModelVariant:
        vectors = self.plan.vectors and name == FIRST
        return ModelVariant(name, make_learner(self.plan.columns, config, vectors=vectors), config)

    def _choice(self, choice: Choice) -> tuple[PromotionDecision, ...]:
        """Note it for the block, have all learn from it, and once the block is full, measure and decide."""
        example = from_choice(choice, len(self.plan.columns)) if choice.table == self.table else None
        if example is not None:
            self.block.add(choice.user_id, example, self.variants.values())
        for variant in self.variants.values():
            variant.model.learn((choice,))
        return self._close() if len(self.block.examples) == self.plan.block else ()

    def _close(self) -> tuple[PromotionDecision, ...]:
        """Measure the examples of the block, if there are any, and have the gate decide."""
        block, self.block = self.block, PromotionBlock()
        if not block.examples:
            return ()
        metrics = {name: example_metrics(arrays, block.examples) for name, arrays in block.weights.items()}
        for name, found in metrics.items():
            self.variants[name].metrics.add(found)
        decisions = self.promotion.observe({name: found.gain for name, found in metrics.items()}, block.people)
        self._tidy()
        return decisions

    def _obey(self, command: Command) -> PromotionDecision:
        reason = command.reason or "an operator's decision"
        if command.action == "rollback":
            decision = self.promotion.roll_back(reason=reason)
        elif command.uri:
            decision = self._promote_file(command, reason)
        else:
            decision = self.promotion.promote(command.variant, reason=reason)
        self._tidy()
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

    def _tidy(self) -> None:
        """What no recipe asks for stays only while it serves, or may serve again."""
        kept = {*self.plan.configs, self.promotion.champion, self.promotion.previous}
        for name in [name for name in self.variants if name not in kept]:
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
