"""The promotion policy: which model variant serves, decided by metrics of all variants on the same examples.

Each variant is compared with the champion, test-then-train, by an interval that is valid at every look
(`inference.evaluation.intervals.confidence_sequence`). A variant whose lower bound exceeds the minimum effect is
promoted; the champion before stays as rollback candidate, and if it proves better in turn, the promotion is rolled
back. A variant whose upper bound is below it, or that stays undecided up to a horizon, is refused, and cools down
before it is compared anew: each time twice as long, and with half the risk, so that the risk of all comparisons with
one champion stays below the level.
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
MAX_COOL_DOWN_DOUBLINGS = 6
"""How many times the cool-down is doubled at most."""


class PromotionRules(Struct, frozen=True, kw_only=True):
    """The parameters of the policy. `level` is the risk that a champion is ever replaced by a variant that is not
    better.

    `minimum_effect` is a gain, `horizon` and `cool_down` count examples.
    """

    level: float = 0.05
    minimum_effect: float = 0.002
    horizon: int = 20_000
    cool_down: int = 2_000


class PromotionDecision(Struct, frozen=True, kw_only=True):
    """A decision about a variant, against which champion, and why."""

    decision: Literal["promoted", "refused", "rolled-back"]
    variant: str
    against: str
    reason: str
    by: Literal["gate", "operator"] = "gate"
    difference: Difference | None = None


class ComparisonSnapshot(Struct, frozen=True):
    """The state of a comparison."""

    level: float
    since: int
    count: int
    total: float
    stakes: Packed


class PromotionSnapshot(
    Struct, frozen=True, kw_only=True, rename={"has_rollback_candidate": "guarded", "cooling_down": "resting"}
):
    """The state of a policy: champion, rollback candidate, ends of cool-downs, and running comparisons."""

    champion: str
    previous: str
    has_rollback_candidate: bool
    scored: int
    cooling_down: dict[str, int]
    refusals: dict[str, int]
    trials: dict[str, ComparisonSnapshot]


class VariantComparison:
    """A comparison with the champion that began when `since` examples had been scored."""

    def __init__(self, level: float, since: int) -> None:
        self.level = level
        self.since = since
        self.sequence = ConfidenceSequence(level)

    def difference(self) -> Difference:
        """Return by how much the variant gains more than the champion, as it is published."""
        interval = self.sequence.interval()
        return Difference(mean=interval.value, lower=interval.low, upper=interval.high, people=self.sequence.count)

    def snapshot(self) -> ComparisonSnapshot:
        """Return the state for `restored_comparison`."""
        own = self.sequence
        return ComparisonSnapshot(self.level, self.since, own.count, own.total, pack(own.stakes))


def restored_comparison(snapshot: ComparisonSnapshot) -> VariantComparison:
    """Return the comparison that was snapshotted."""
    comparison = VariantComparison(snapshot.level, snapshot.since)
    comparison.sequence.count, comparison.sequence.total = snapshot.count, snapshot.total
    comparison.sequence.stakes = unpack(snapshot.stakes).astype(np.float64, copy=False)
    return comparison


class PromotionPolicy:
    """Decides which of some variants serves. Decisions are a function of the blocks and commands in their order."""

    def __init__(self, names: Iterable[str], champion: str, rules: PromotionRules) -> None:
        self.rules = rules
        self.champion = champion
        self.previous = ""
        """The champion before, if it is still a variant; else empty."""
        self.has_rollback_candidate = False
        """Whether the champion before may still be restored by a rollback without an operator."""
        self.scored = 0
        self._names = list(names)
        self._cooling_down: dict[str, int] = {}
        self._refusals: dict[str, int] = {}
        self._comparisons: dict[str, VariantComparison] = {}

    def role(self, name: str) -> Role:
        """Return the variant's role now."""
        if name == self.champion:
            return "champion"
        if self.has_rollback_candidate and name == self.previous:
            return "guard"
        return "resting" if self.scored < self._cooling_down.get(name, 0) else "challenger"

    def difference(self, name: str) -> Difference | None:
        """Return by how much the variant gains more than the champion; none if it is not compared or without
        examples.
        """
        comparison = self._comparisons.get(name)
        return comparison.difference() if comparison is not None and comparison.sequence.count else None

    def observe(self, gains: Gains, users: Sequence[UserId]) -> tuple[PromotionDecision, ...]:
        """Add a block: the gain of each variant by example, `[examples]`, and whose examples they are; return
        decisions.
        """
        self._begin_comparisons()
        self.scored += len(users)
        for name, comparison in self._comparisons.items():
            comparison.sequence.add(means_by_user(gains[name] - gains[self.champion], users))
        differences = {name: comparison.difference() for name, comparison in self._comparisons.items()}
        better = [name for name, difference in differences.items() if difference.lower > self.rules.minimum_effect]
        if better:
            return (self._promote(max(better, key=lambda name: differences[name].lower), differences),)
        return tuple(
            self._refuse(name, difference, why)
            for name, difference in differences.items()
            if (why := self._settled(name, difference))
        )

    def promote(self, name: str, *, reason: str) -> PromotionDecision:
        """Promote a variant by an operator's command; the champion before becomes the rollback candidate."""
        before, difference = self.champion, self.difference(name)
        if name not in self._names or name == before:
            why = "it serves already" if name == before else f"there is none of this name, but {sorted(self._names)}"
            return PromotionDecision(decision="refused", variant=name, against=before, reason=why, by="operator")
        self._set_champion(name, has_rollback_candidate=True)
        return PromotionDecision(
            decision="promoted", variant=name, against=before, reason=reason, by="operator", difference=difference
        )

    def roll_back(self, *, reason: str) -> PromotionDecision:
        """Restore the champion before by an operator's command."""
        before, back = self.champion, self.previous
        if not back:
            why = "there is no champion before this one"
            return PromotionDecision(decision="refused", variant=before, against=before, reason=why, by="operator")
        difference = self.difference(back)
        self._set_champion(back, has_rollback_candidate=False)
        return PromotionDecision(
            decision="rolled-back", variant=back, against=before, reason=reason, by="operator", difference=difference
        )

    def join(self, name: str) -> None:
        """Add a variant."""
        if name not in self._names:
            self._names.append(name)

    def leave(self, name: str) -> None:
        """Remove a variant; it must not be the champion."""
        self._names.remove(name)
        self.forget(name)
        if self.previous == name:
            self.previous, self.has_rollback_candidate = "", False

    def forget(self, name: str) -> None:
        """Drop the comparisons and refusals of a variant whose model was replaced: it is compared anew."""
        for by_variant in (self._comparisons, self._cooling_down, self._refusals):
            by_variant.pop(name, None)

    def snapshot(self) -> PromotionSnapshot:
        """Return the state for `restore`."""
        return PromotionSnapshot(
            champion=self.champion,
            previous=self.previous,
            has_rollback_candidate=self.has_rollback_candidate,
            scored=self.scored,
            cooling_down=self._cooling_down,
            refusals=self._refusals,
            trials={name: comparison.snapshot() for name, comparison in self._comparisons.items()},
        )

    def restore(self, snapshot: PromotionSnapshot) -> None:
        """Restore the policy from a checkpoint, for the variants that exist now."""
        self.champion, self.previous, self.has_rollback_candidate = (
            snapshot.champion,
            snapshot.previous,
            snapshot.has_rollback_candidate,
        )
        self.scored = snapshot.scored
        self._cooling_down = {name: until for name, until in snapshot.cooling_down.items() if name in self._names}
        self._refusals = {name: count for name, count in snapshot.refusals.items() if name in self._names}
        self._comparisons = {
            name: restored_comparison(comparison) for name, comparison in snapshot.trials.items() if name in self._names
        }

    def _begin_comparisons(self) -> None:
        """Start comparing variants that neither serve nor cool down."""
        share = self.rules.level / max(1, len(self._names) - 1)
        for name in self._names:
            if name not in self._comparisons and self.role(name) in ("guard", "challenger"):
                self._comparisons[name] = VariantComparison(
                    share / 2.0 ** (1 + self._refusals.get(name, 0)), self.scored
                )

    def _promote(self, name: str, differences: Mapping[str, Difference]) -> PromotionDecision:
        """Promote a variant whose gain is established, or roll back to it."""
        before, role, interval = self.champion, self.role(name), differences[name]
        self._set_champion(name, has_rollback_candidate=role != "guard")
        return PromotionDecision(
            decision="rolled-back" if role == "guard" else "promoted",
            variant=name,
            against=before,
            reason=f"gains {interval.mean:+.4f} more than {before}, lower bound {interval.lower:+.4f}: "
            f"above the minimum of {self.rules.minimum_effect:+.4f}",
            difference=interval,
        )

    def _settled(self, name: str, interval: Difference) -> str:
        """Return why the comparison ends, empty if it goes on."""
        if interval.upper < self.rules.minimum_effect:
            return (
                f"gains {interval.mean:+.4f} more than {self.champion}, upper bound {interval.upper:+.4f}: "
                f"below the minimum of {self.rules.minimum_effect:+.4f}"
            )
        if self.scored - self._comparisons[name].since >= self.rules.horizon:
            return f"undecided after {self.scored - self._comparisons[name].since} examples"
        return ""

    def _refuse(self, name: str, interval: Difference, why: str) -> PromotionDecision:
        if self.role(name) == "guard":
            self.has_rollback_candidate = False
            why = f"{why}; {self.champion} keeps its place"
        del self._comparisons[name]
        before = self._refusals.get(name, 0)
        self._refusals[name] = before + 1
        self._cooling_down[name] = self.scored + self.rules.cool_down * 2 ** min(before, MAX_COOL_DOWN_DOUBLINGS)
        return PromotionDecision(
            decision="refused", variant=name, against=self.champion, reason=why, difference=interval
        )

    def _set_champion(self, name: str, *, has_rollback_candidate: bool) -> None:
        """Make a variant the champion: comparisons restart after the cool-down, the rollback candidate's at once."""
        before = self.champion
        self._comparisons.clear()
        self._refusals.clear()
        self._cooling_down = {other: self.scored + self.rules.cool_down for other in self._names if other != name}
        if has_rollback_candidate:
            del self._cooling_down[before]
        self.champion, self.has_rollback_candidate = name, has_rollback_candidate
        self.previous = before if has_rollback_candidate else ""


def means_by_user(differences: Doubles, users: Sequence[UserId]) -> list[float]:
    """Return the mean difference of each user, in order of appearance: a user counts once in a block.

    >>> means_by_user(np.array([0.5, 0.0, 0.1]), [UserId("ann"), UserId("bob"), UserId("ann")])
    [0.3, 0.0]
    """
    indexes: dict[UserId, list[int]] = {}
    for index, user in enumerate(users):
        indexes.setdefault(user, []).append(index)
    return [float(differences[own].mean()) for own in indexes.values()]
