"""Policies that are put to the test, and what each of them would have done with the lists of a log."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.evaluation.off_policy.click_model import cross_fitted
from inference.evaluation.off_policy.estimators import By, LoggedTrial
from inference.evaluation.off_policy.logged_lists import LoggedList
from inference.evaluation.off_policy.policies import LoggedPolicy, along, marginals
from inference.ports import Ranker

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
RARE = 0.01
EXPECTED = 10.0
"""What the log shows less often than this, or so many times in all, it hardly ever shows."""
DRAWS = 500
"""From how many drawn slates the marginals of a policy with chance are worked out."""


class Target(Struct, frozen=True):
    """A policy by name; `fill(list)` is what it would do where this list was drawn, under the same pins and quotas."""

    name: str
    what: str
    fill: Callable[[LoggedList], LoggedPolicy]


def exploiting() -> Target:
    """The ranker that ranked, had it not explored."""
    return Target("exploit", "unexplored", lambda one: LoggedPolicy(np.array(one.draw.scores)))


def uniform() -> Target:
    """Anything with the same probability."""
    return Target("uniform", "all alike", lambda one: LoggedPolicy(np.zeros(len(one.draw.items)), 1.0))


def by_column(name: str, column: int, what: str) -> Target:
    """The highest first in one column of the feature table."""
    return Target(name, what, lambda one: LoggedPolicy(one.features[:, column].astype(np.float64)))


def by_model(ranker: Ranker, what: str) -> Target:
    """The highest first by a model's scores of the features as they were."""

    def fill(one: LoggedList) -> LoggedPolicy:
        mask = np.ones((1, len(one.features)), np.bool_)
        return LoggedPolicy(ranker.score(one.features[None], mask).values[0].astype(np.float64))

    return Target("model", what, fill)


class EvaluatedTarget(Struct, frozen=True):
    """Of each list: the ratio of what was shown `[places]`, the features that the target would show there, and which
    share of that the log hardly ever shows.
    """

    ratio: Doubles
    wanted: Floats
    uncovered: Doubles


class TargetEvaluator:
    """Tries targets over the same lists, by the same assumption; what depends on the log alone is worked out once."""

    def __init__(self, lists: Sequence[LoggedList], by: By, *, draws: int = DRAWS) -> None:
        self._lists = lists
        self._by: By = by
        self._draws = draws
        self._done = [self._logged(one) for one in lists]
        self._rare = min(RARE, EXPECTED / max(1, len(lists)))
        self._users = np.unique([one.user_id for one in lists], return_inverse=True)[1].astype(np.int64)
        self._places = max((len(one.rows) for one in lists), default=0)
        self._clicks = self._padded([one.clicks for one in lists])
        self._filled = self._padded([np.ones(len(one.rows)) for one in lists]).astype(np.bool_)

    def trial(self, target: Target) -> LoggedTrial:
        """The target over all lists; a model of the clicks comes with it where their features are of one table."""
        tried = [self._try(one, target.fill(one), done) for one, done in zip(self._lists, self._done, strict=True)]
        modelled = None
        if self._by != "slate" and len({one.table for one in self._lists}) == 1:
            shown = self._padded_rows([one.features[list(one.rows)] for one in self._lists])
            wanted = self._padded_rows([each.wanted for each in tried])
            modelled = cross_fitted(self._clicks, self._filled, self._users, shown, wanted)
        return LoggedTrial(
            by=self._by,
            clicks=self._clicks,
            ratio=self._padded([each.ratio for each in tried]),
            filled=self._filled,
            users=self._users,
            modelled=modelled,
            uncovered=float(np.mean([each.uncovered.mean() for each in tried])),
        )

    def _logged(self, one: LoggedList) -> Doubles:
        """With which probability the log has each row at each place, `[places, rows]`, see `_shares`.

        Of what was shown, one list more is known than was drawn here: its own. So it is never zero.
        """
        shares = self._shares(one, LoggedPolicy(np.array(one.draw.scores), one.draw.temperature))
        own = np.arange(len(one.rows)), list(one.rows)
        shares[own] = (self._draws * shares[own] + one.propensities) / (self._draws + 1)
        return shares

    def _shares(self, one: LoggedList, policy: LoggedPolicy) -> Doubles:
        """What the policy does `[places, rows]`: at each place alone, or given what was shown above."""
        if self._by != "item":
            return along(policy, one.rules, one.rows)
        rng = np.random.default_rng(one.draw.seed)
        return marginals(policy, one.rules, len(one.rows), rng, draws=self._draws)

    def _try(self, one: LoggedList, policy: LoggedPolicy, done: Doubles) -> EvaluatedTarget:
        shares = self._shares(one, policy)
        own = np.arange(len(one.rows)), list(one.rows)
        uncovered = np.where(done < self._rare, shares, 0.0).sum(axis=1)
        return EvaluatedTarget(shares[own] / done[own], (shares @ one.features).astype(np.float32), uncovered)

    def _padded(self, parts: Sequence[Doubles]) -> Doubles:
        found = np.zeros((len(parts), self._places))
        for row, part in enumerate(parts):
            found[row, : len(part)] = part
        return found

    def _padded_rows(self, parts: Sequence[Floats]) -> Floats:
        found = np.zeros((len(parts), self._places, parts[0].shape[1]), np.float32)
        for row, part in enumerate(parts):
            found[row, : len(part)] = part
        return found
