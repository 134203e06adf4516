"""Baselines tuned on the events before evaluation begins, with a stated budget."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from inference.evaluation.baselines.baseline import Personal
from inference.evaluation.baselines.simple import SimpleBaseline
from schemas.ids import ItemId, UserId

Parameters = Mapping[str, float]
VALIDATION_SHARE = 0.25
"""The last share of the tuning events, on which trials are evaluated."""
MAX_VALIDATION_CHOICES = 1_000
"""How many choices a trial is evaluated on at most, evenly spread."""
MIN_REPEAT_SHARE = 0.01
"""Below this share of repeats among choices, trials exclude items that the user has chosen already."""


class TuningTrial(Struct, frozen=True):
    """One parameter setting and its hit rate."""

    parameters: Parameters
    hit_rate: float


class TuningChoice(Struct, frozen=True):
    """A choice from before evaluation begins."""

    user: UserId
    item: ItemId
    at: float


class Tuned:
    """A baseline that stores choices until it is first asked for a list. Then it evaluates each of `trials` on them,
    test-then-train, and goes on with the one of the highest hit rate (of equal ones the first).

    It is never tuned on later choices. The budget is `len(trials)`. `report(number, of)` is called when each trial
    begins.
    """

    def __init__(
        self,
        make: Callable[..., SimpleBaseline],
        trials: Sequence[Parameters],
        report: Callable[[int, int], None] = lambda number, of: None,
    ) -> None:
        self._make = make
        self._trials = tuple(trials)
        self._report = report
        self._before: list[TuningChoice] = []
        self._baseline: SimpleBaseline | None = None
        self.trials: tuple[TuningTrial, ...] = ()

    @property
    def chosen(self) -> TuningTrial | None:
        """The trial that is used; none before the first list."""
        return max(self.trials, key=lambda trial: trial.hit_rate) if self.trials else None

    def learn(self, user: UserId, item: ItemId, at: float) -> None:
        """See `SimpleBaseline`."""
        if self._baseline is None:
            self._before.append(TuningChoice(user, item, at))
        else:
            self._baseline.learn(user, item, at)

    def top(self, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]) -> list[ItemId]:
        """See `SimpleBaseline`."""
        return self._ready().top(history, now, k, exclude)

    def top_of(
        self, user: UserId, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]
    ) -> list[ItemId]:
        """See `Personal`."""
        return top_of(self._ready(), user, history, now, k, exclude)

    def _ready(self) -> SimpleBaseline:
        if self._baseline is None:
            self.trials = tuple(self._tried(number) for number in range(len(self._trials)))
            best = self.chosen.parameters if self.chosen else {}
            self._baseline = self._make(**best)
            for choice in self._before:
                self._baseline.learn(choice.user, choice.item, choice.at)
            self._before = []
        return self._baseline

    def _tried(self, number: int) -> TuningTrial:
        self._report(number + 1, len(self._trials))
        parameters = self._trials[number]
        return TuningTrial(parameters, hit_rate(self._make(**parameters), self._before))


def top_of(
    baseline: SimpleBaseline, user: UserId, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]
) -> list[ItemId]:
    """Return the baseline's list for this user, whether or not it needs the user's id."""
    if isinstance(baseline, Personal):
        return baseline.top_of(user, history, now, k, exclude)
    return baseline.top(history, now, k, exclude)


def hit_rate(baseline: SimpleBaseline, rows: Sequence[TuningChoice], k: int = 10) -> float:
    """Return HR@k over the last part of the rows, test-then-train over all of them; 0 without rows."""
    begin = len(rows) - int(len(rows) * VALIDATION_SHARE)
    step = max(1, (len(rows) - begin) // MAX_VALIDATION_CHOICES)
    repeats = _share_of_repeats(rows) >= MIN_REPEAT_SHARE
    histories: dict[UserId, list[ItemId]] = {}
    evaluated = hits = 0
    for index, row in enumerate(rows):
        history = histories.setdefault(row.user, [])
        if index >= begin and (index - begin) % step == 0:
            evaluated += 1
            hits += row.item in top_of(baseline, row.user, history, row.at, k, () if repeats else history)
        baseline.learn(row.user, row.item, row.at)
        history.append(row.item)
    return hits / evaluated if evaluated else 0.0


def _share_of_repeats(rows: Sequence[TuningChoice]) -> float:
    return 1.0 - len({(row.user, row.item) for row in rows}) / max(1, len(rows))
