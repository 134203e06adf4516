"""Baselines tuned on what came before judging begins, with a budget that is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from inference.evaluation.baselines.baseline import Personal
from inference.evaluation.baselines.simple import SimpleBaseline
from schemas.ids import ItemId, UserId

Parameters = Mapping[str, float]
JUDGED = 0.25
"""The last share of what came before, on which trials are judged."""
MOST = 1_000
"""How many choices a trial is judged on at most, evenly spread."""
RARE = 0.01
"""Below this share of repeats among choices, trials are judged without what a person has chosen already."""


class TuningTrial(Struct, frozen=True):
    """One setting that was tried, and its hit rate."""

    parameters: Parameters
    hit_rate: float


class TuningChoice(Struct, frozen=True):
    """A row that came before judging began."""

    user: UserId
    item: ItemId
    at: float


class Tuned:
    """A floor that keeps what it learns until it is first asked for a list. Then it tries each of `trials` on all of
    that, test-then-train, keeps the one that hit most (of equals the first), and goes on with it.

    Nothing that comes after the first question is tuned on. The budget is `len(trials)`. `report(number, of)` is told
    of each trial when it begins.
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
        self._floor: SimpleBaseline | None = None
        self.trials: tuple[TuningTrial, ...] = ()

    @property
    def chosen(self) -> TuningTrial | None:
        """What is used; none before the first question."""
        return max(self.trials, key=lambda trial: trial.hit_rate) if self.trials else None

    def learn(self, user: UserId, item: ItemId, at: float) -> None:
        """See `SimpleBaseline`."""
        if self._floor is None:
            self._before.append(TuningChoice(user, item, at))
        else:
            self._floor.learn(user, item, at)

    def top(self, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]) -> list[ItemId]:
        """See `SimpleBaseline`."""
        return self._ready().top(history, now, k, exclude)

    def top_of(
        self, user: UserId, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]
    ) -> list[ItemId]:
        """See `Personal`."""
        return top_of(self._ready(), user, history, now, k, exclude)

    def _ready(self) -> SimpleBaseline:
        if self._floor is None:
            self.trials = tuple(self._tried(number) for number in range(len(self._trials)))
            best = self.chosen.parameters if self.chosen else {}
            self._floor = self._make(**best)
            for choice in self._before:
                self._floor.learn(choice.user, choice.item, choice.at)
            self._before = []
        return self._floor

    def _tried(self, number: int) -> TuningTrial:
        self._report(number + 1, len(self._trials))
        parameters = self._trials[number]
        return TuningTrial(parameters, hit_rate(self._make(**parameters), self._before))


def top_of(
    baseline: SimpleBaseline, user: UserId, history: Sequence[ItemId], now: float, k: int, exclude: Collection[ItemId]
) -> list[ItemId]:
    """The floor's list for this person, whether it needs to know who they are or not."""
    if isinstance(baseline, Personal):
        return baseline.top_of(user, history, now, k, exclude)
    return baseline.top(history, now, k, exclude)


def hit_rate(baseline: SimpleBaseline, rows: Sequence[TuningChoice], k: int = 10) -> float:
    """HR@k over the last part of the rows, test-then-train over all of them; 0 of none."""
    begin = len(rows) - int(len(rows) * JUDGED)
    step = max(1, (len(rows) - begin) // MOST)
    repeats = _share_of_repeats(rows) >= RARE
    histories: dict[UserId, list[ItemId]] = {}
    evaluated = hits = 0
    for place, row in enumerate(rows):
        history = histories.setdefault(row.user, [])
        if place >= begin and (place - begin) % step == 0:
            evaluated += 1
            hits += row.item in top_of(baseline, row.user, history, row.at, k, () if repeats else history)
        baseline.learn(row.user, row.item, row.at)
        history.append(row.item)
    return hits / evaluated if evaluated else 0.0


def _share_of_repeats(rows: Sequence[TuningChoice]) -> float:
    return 1.0 - len({(row.user, row.item) for row in rows}) / max(1, len(rows))
