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
from inference.evaluation.intervals.confidence_sequence import SequenceInterval
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
from schemas.model_updates import Difference, VariantStatus
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
    recipes: Mapping[str, VariantConfig]
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

    def add(self, user: UserId, example: Example, lineages: Iterable[ModelVariant]) -> None:
        """One more example, not learned from yet."""
        if not self.examples:
            self.weights = {lineage.name: lineage.model.weights() for lineage in lineages}
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
        self.lineages = {name: self._new(name, recipe) for name, recipe in plan.recipes.items()}
        self.gate = PromotionPolicy(self.lineages, FIRST, plan.rules)
        self.lists = ShownLists()
        self.life = ListTtl()
        self.seen = SeenEntries()
        self.block = PromotionBlock()

    @property
    def champion(self) -> ModelVariant:
        """The lineage that serves."""
        return self.lineages[self.gate.champion]

    @property
    def first(self) -> Learner:
        """The learner that has seen everything: what it counts is true of all."""
        model = self.lineages[FIRST].model
        assert isinstance(model, Learner)
        return model

    def export(self, version: int, *, moved_only: bool = False) -> Weights:
        """What is to serve, under this version: the champion's network, and what is told as it is now whoever serves:
        how often people repeat themselves, how long lists are worth keeping, and the items' factors (with `moved_only`,
        those that have moved since).
        """
        others = {name: self.lineages[name].model.weights() for name in self.plan.served}
        ids, vectors = self.first.vectors(moved_only=moved_only)
        return replace(
            self.champion.model.export(version),
            repeat_rate=self.first.repeat_rate,
            list_life=self.life.seconds,
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
                self.life.add(entry)
            case DefaultList():
                self.life.add(entry)
            case ListOutcome():
                pair = self.lists.settle(entry)
                for lineage in self.lineages.values() if pair is not None else ():
                    lineage.model.learn(pair or ())
            case Choice():
                self.life.ask(entry)
                return self._choice(entry)
            case Command():
                return (*self._close(), self._obey(entry))
            case _:
                assert_never(entry)
        return ()

    def standings(self) -> tuple[VariantStatus, ...]:
        """How every lineage stands, the champion first."""
        ordered = sorted(self.lineages.values(), key=lambda lineage: lineage is not self.champion)
        return tuple(self._standing(lineage) for lineage in ordered)

    def new_lineage(self, name: str, model: Learner | LoadedModel, recipe: VariantConfig | None) -> ModelVariant:
        """A lineage joins: it takes part from the next example on."""
        self.lineages[name] = ModelVariant(name, model, recipe)
        self.gate.join(name)
        return self.lineages[name]

    def _new(self, name: str, recipe: VariantConfig) -> ModelVariant:
        vectors = self.plan.vectors and name == FIRST
        return ModelVariant(name, make_learner(self.plan.columns, recipe, vectors=vectors), recipe)

    def _choice(self, choice: Choice) -> tuple[PromotionDecision, ...]:
        """Note it for the block, have all learn from it, and once the block is full, measure and decide."""
        example = from_choice(choice, len(self.plan.columns)) if choice.table == self.table else None
        if example is not None:
            self.block.add(choice.user_id, example, self.lineages.values())
        for lineage in self.lineages.values():
            lineage.model.learn((choice,))
        return self._close() if len(self.block.examples) == self.plan.block else ()

    def _close(self) -> tuple[PromotionDecision, ...]:
        """Measure the examples of the block, if there are any, and have the gate decide."""
        block, self.block = self.block, PromotionBlock()
        if not block.examples:
            return ()
        measured = {name: example_metrics(arrays, block.examples) for name, arrays in block.weights.items()}
        for name, found in measured.items():
            self.lineages[name].tally.add(found)
        verdicts = self.gate.observe({name: found.gain for name, found in measured.items()}, block.people)
        self._tidy()
        return verdicts

    def _obey(self, command: Command) -> PromotionDecision:
        reason = command.reason or "an operator's decision"
        if command.action == "rollback":
            verdict = self.gate.roll_back(reason=reason)
        elif command.uri:
            verdict = self._promote_file(command, reason)
        else:
            verdict = self.gate.promote(command.lineage, reason=reason)
        self._tidy()
        return verdict

    def _promote_file(self, command: Command, reason: str) -> PromotionDecision:
        name = f"loaded-{command.sha256[:8]}"
        try:
            weights = load_weights(Path(command.uri), command.sha256, columns=self.plan.columns)
        except UnusableWeights as exc:
            return PromotionDecision(
                decision="refused", lineage=name, against=self.gate.champion, reason=str(exc), by="operator"
            )
        if name not in self.lineages:
            self.new_lineage(name, LoadedModel(weights), None)
        return self.gate.promote(name, reason=reason)

    def _tidy(self) -> None:
        """What no recipe asks for stays only while it serves, or may serve again."""
        kept = {*self.plan.recipes, self.gate.champion, self.gate.previous}
        for name in [name for name in self.lineages if name not in kept]:
            del self.lineages[name]
            self.gate.leave(name)

    def _standing(self, lineage: ModelVariant) -> VariantStatus:
        tally, found = lineage.tally, self.gate.difference(lineage.name)
        return VariantStatus(
            lineage=lineage.name,
            role=self.gate.role(lineage.name),
            recipe=lineage.what,
            examples=tally.examples,
            gain=tally.gain,
            hit_rate=tally.hit,
            loss=tally.loss,
            difference=difference_of(found) if found is not None else None,
        )


def difference_of(found: SequenceInterval) -> Difference:
    """An interval as it is published."""
    return Difference(mean=found.mean, lower=found.lower, upper=found.upper, people=found.count)
