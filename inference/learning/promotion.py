"""The gate: which lineage serves, decided by what is measured of all of them on the same examples, test-then-train.

Each lineage is compared with the champion by an interval that may be looked at after every block
(`inference.evaluation.intervals.confidence_sequence`). One that surely gains more by a minimum effect is promoted; the
champion before stays as guard, and if it proves better in turn, the promotion is rolled back. One that surely does not
gain so much, or stays undecided up to a horizon, is refused, and rests before it is compared anew: each time twice as
long, and with half the risk, so that what all comparisons of one reign risk together stays below the level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.evaluation.intervals.confidence_sequence import ConfidenceSequence
from inference.learning.checkpoint import Packed, pack, unpack
from schemas.ids import UserId
from schemas.model_updates import Difference, Role

Doubles = NDArray[np.float64]
Gains = Mapping[str, Doubles]
LONGEST_REST = 6
"""How many times the rest is doubled at most."""


class PromotionRules(Struct, frozen=True, kw_only=True):
    """When something is decided. `level` is the risk that a champion is ever replaced by one that is not better.

    `minimum_effect` is a gain, `horizon` and `cool_down` count examples.
    """

    level: float = 0.05
    minimum_effect: float = 0.002
    horizon: int = 20_000
    cool_down: int = 2_000


class PromotionDecision(Struct, frozen=True, kw_only=True):
    """What was decided about a lineage, against which champion, and why."""

    decision: Literal["promoted", "refused", "rolled-back"]
    variant: str
    against: str
    reason: str
    by: Literal["gate", "operator"] = "gate"
    difference: Difference | None = None


class ComparisonSnapshot(Struct, frozen=True):
    """A trial: its numbers as they are."""

    level: float
    since: int
    count: int
    total: float
    stakes: Packed


class PromotionSnapshot(
    Struct, frozen=True, kw_only=True, rename={"has_rollback_candidate": "guarded", "cooling_down": "resting"}
):
    """A gate: who serves, who guards, who rests until when, and the comparisons that run."""

    champion: str
    previous: str
    has_rollback_candidate: bool
    scored: int
    cooling_down: dict[str, int]
    refusals: dict[str, int]
    trials: dict[str, ComparisonSnapshot]


class VariantComparison:
    """A comparison with the champion that has been running since so many examples were scored."""

    def __init__(self, level: float, since: int) -> None:
        self.level = level
        self.since = since
        self.sequence = ConfidenceSequence(level)

    def difference(self) -> Difference:
        """Return by how much the variant gains more than the champion, as it is published."""
        interval = self.sequence.interval()
        return Difference(mean=interval.value, lower=interval.low, upper=interval.high, people=self.sequence.count)

    def snapshot(self) -> ComparisonSnapshot:
        """What `restored_comparison` needs."""
        own = self.sequence
        return ComparisonSnapshot(self.level, self.since, own.count, own.total, pack(own.stakes))


def restored_comparison(kept: ComparisonSnapshot) -> VariantComparison:
    """The trial that was kept."""
    trial = VariantComparison(kept.level, kept.since)
    trial.sequence.count, trial.sequence.total = kept.count, kept.total
    trial.sequence.stakes = unpack(kept.stakes).astype(np.float64, copy=False)
    return trial


class PromotionPolicy:
    """Who serves among some lineages. What it decides is a function of the blocks and commands in their order."""

    def __init__(self, names: Iterable[str], champion: str, rules: PromotionRules) -> None:
        self.rules = rules
        self.champion = champion
        self.previous = ""
        """The champion before, if it is still there."""
        self.has_rollback_candidate = False
        """Whether the champion before may still take back its place by itself."""
        self.scored = 0
        self._names = list(names)
        self._cooling_down: dict[str, int] = {}
        self._refusals: dict[str, int] = {}
        self._trials: dict[str, VariantComparison] = {}

    def role(self, name: str) -> Role:
        """What the lineage is now."""
        if name == self.champion:
            return "champion"
        if self.has_rollback_candidate and name == self.previous:
            return "guard"
        return "resting" if self.scored < self._cooling_down.get(name, 0) else "challenger"

    def difference(self, name: str) -> Difference | None:
        """By how much the lineage gains more than the champion; none if it is not compared, or with nothing yet."""
        trial = self._trials.get(name)
        return trial.difference() if trial is not None and trial.sequence.count else None

    def observe(self, gains: Gains, people: Sequence[UserId]) -> tuple[PromotionDecision, ...]:
        """Count a block: what each lineage gained by each example, `[examples]`, and whose examples they are."""
        self._begin_trials()
        self.scored += len(people)
        for name, trial in self._trials.items():
            trial.sequence.add(by_person(gains[name] - gains[self.champion], people))
        found = {name: trial.difference() for name, trial in self._trials.items()}
        better = [name for name, interval in found.items() if interval.lower > self.rules.minimum_effect]
        if better:
            return (self._take_over(max(better, key=lambda name: found[name].lower), found),)
        return tuple(
            self._refuse(name, found[name], why) for name in found if (why := self._settled(name, found[name]))
        )

    def promote(self, name: str, *, reason: str) -> PromotionDecision:
        """An operator has the lineage serve; the champion before guards it."""
        before, known = self.champion, self.difference(name)
        if name not in self._names or name == before:
            why = "it serves already" if name == before else f"there is none of this name, but {sorted(self._names)}"
            return PromotionDecision(decision="refused", variant=name, against=before, reason=why, by="operator")
        self._crown(name, has_rollback_candidate=True)
        return PromotionDecision(
            decision="promoted", variant=name, against=before, reason=reason, by="operator", difference=known
        )

    def roll_back(self, *, reason: str) -> PromotionDecision:
        """An operator has the champion before serve again."""
        before, back = self.champion, self.previous
        if not back:
            why = "there is no champion before this one"
            return PromotionDecision(decision="refused", variant=before, against=before, reason=why, by="operator")
        known = self.difference(back)
        self._crown(back, has_rollback_candidate=False)
        return PromotionDecision(
            decision="rolled-back", variant=back, against=before, reason=reason, by="operator", difference=known
        )

    def join(self, name: str) -> None:
        """One more lineage."""
        if name not in self._names:
            self._names.append(name)

    def leave(self, name: str) -> None:
        """A lineage that is there no longer; never the champion."""
        self._names.remove(name)
        self.forget(name)
        if self.previous == name:
            self.previous, self.has_rollback_candidate = "", False

    def forget(self, name: str) -> None:
        """The lineage is another one than before: it is compared anew."""
        for known in (self._trials, self._cooling_down, self._refusals):
            known.pop(name, None)

    def snapshot(self) -> PromotionSnapshot:
        """What `restore` needs."""
        return PromotionSnapshot(
            champion=self.champion,
            previous=self.previous,
            has_rollback_candidate=self.has_rollback_candidate,
            scored=self.scored,
            cooling_down=self._cooling_down,
            refusals=self._refusals,
            trials={name: trial.snapshot() for name, trial in self._trials.items()},
        )

    def restore(self, kept: PromotionSnapshot) -> None:
        """Become the gate that was kept, among the lineages of now."""
        self.champion, self.previous, self.has_rollback_candidate = (
            kept.champion,
            kept.previous,
            kept.has_rollback_candidate,
        )
        self.scored = kept.scored
        self._cooling_down = {name: until for name, until in kept.cooling_down.items() if name in self._names}
        self._refusals = {name: count for name, count in kept.refusals.items() if name in self._names}
        self._trials = {name: restored_comparison(trial) for name, trial in kept.trials.items() if name in self._names}

    def _begin_trials(self) -> None:
        """Compare whoever neither serves nor rests."""
        share = self.rules.level / max(1, len(self._names) - 1)
        for name in self._names:
            if name not in self._trials and self.role(name) in ("guard", "challenger"):
                self._trials[name] = VariantComparison(share / 2.0 ** (1 + self._refusals.get(name, 0)), self.scored)

    def _take_over(self, name: str, found: Mapping[str, Difference]) -> PromotionDecision:
        """The lineage surely gains more: it serves."""
        before, role, interval = self.champion, self.role(name), found[name]
        self._crown(name, has_rollback_candidate=role != "guard")
        return PromotionDecision(
            decision="rolled-back" if role == "guard" else "promoted",
            variant=name,
            against=before,
            reason=f"gains {interval.mean:+.4f} more than {before}, surely {interval.lower:+.4f} or more: "
            f"above the minimum of {self.rules.minimum_effect:+.4f}",
            difference=interval,
        )

    def _settled(self, name: str, interval: Difference) -> str:
        """Why the comparison is over, empty if it is not."""
        if interval.upper < self.rules.minimum_effect:
            return (
                f"gains {interval.mean:+.4f} more than {self.champion}, surely no more than {interval.upper:+.4f}: "
                f"below the minimum of {self.rules.minimum_effect:+.4f}"
            )
        if self.scored - self._trials[name].since >= self.rules.horizon:
            return f"undecided after {self.scored - self._trials[name].since} examples"
        return ""

    def _refuse(self, name: str, interval: Difference, why: str) -> PromotionDecision:
        if self.role(name) == "guard":
            self.has_rollback_candidate = False
            why = f"{why}; {self.champion} keeps its place"
        del self._trials[name]
        before = self._refusals.get(name, 0)
        self._refusals[name] = before + 1
        self._cooling_down[name] = self.scored + self.rules.cool_down * 2 ** min(before, LONGEST_REST)
        return PromotionDecision(
            decision="refused", variant=name, against=self.champion, reason=why, difference=interval
        )

    def _crown(self, name: str, *, has_rollback_candidate: bool) -> None:
        """Another lineage serves: every comparison begins anew, after the cool-down but for the guard's."""
        before = self.champion
        self._trials.clear()
        self._refusals.clear()
        self._cooling_down = {each: self.scored + self.rules.cool_down for each in self._names if each != name}
        if has_rollback_candidate:
            del self._cooling_down[before]
        self.champion, self.has_rollback_candidate = name, has_rollback_candidate
        self.previous = before if has_rollback_candidate else ""


def by_person(differences: Doubles, people: Sequence[UserId]) -> list[float]:
    """The mean difference of each person, in order of appearance: nobody counts twice in a block.

    >>> by_person(np.array([0.5, 0.0, 0.1]), [UserId("ann"), UserId("bob"), UserId("ann")])
    [0.3, 0.0]
    """
    places: dict[UserId, list[int]] = {}
    for place, person in enumerate(people):
        places.setdefault(person, []).append(place)
    return [float(differences[own].mean()) for own in places.values()]
