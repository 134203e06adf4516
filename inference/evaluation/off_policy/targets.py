"""Target policies, and what each of them would have shown instead of the logged lists."""

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
RARE_SHOWN_SHARE = 0.01
RARE_SHOWN_COUNT = 10.0
"""An item that the log shows with less than this probability, or so many times in all, counts as uncovered."""
MARGINAL_DRAWS = 500
"""From how many drawn slates the marginals of a random policy are estimated."""


class Target(Struct, frozen=True):
    """A policy by name; `fill(list)` is the policy where this list was drawn, under the same pins and quotas."""

    name: str
    what: str
    fill: Callable[[LoggedList], LoggedPolicy]


def exploiting() -> Target:
    """Return the logging ranker without exploration."""
    return Target("exploit", "unexplored", lambda logged: LoggedPolicy(np.array(logged.draw.scores)))


def uniform() -> Target:
    """Return the uniform policy."""
    return Target("uniform", "all alike", lambda logged: LoggedPolicy(np.zeros(len(logged.draw.items)), 1.0))


def by_column(name: str, column: int, what: str) -> Target:
    """Return the policy that ranks by one feature column, highest first."""
    return Target(name, what, lambda logged: LoggedPolicy(logged.features[:, column].astype(np.float64)))


def by_model(ranker: Ranker, what: str) -> Target:
    """Return the policy that ranks by a model's scores of the logged features, highest first."""

    def fill(logged: LoggedList) -> LoggedPolicy:
        mask = np.ones((1, len(logged.features)), np.bool_)
        return LoggedPolicy(ranker.score(logged.features[None], mask).values[0].astype(np.float64))

    return Target("model", what, fill)


class EvaluatedTarget(Struct, frozen=True):
    """A target on one list: the ratio of what was shown `[positions]`, the expected features of what the target would
    show there `[positions, features]`, and the share of that which the log hardly ever shows `[positions]`.
    """

    ratio: Doubles
    wanted: Floats
    uncovered: Doubles


class TargetEvaluator:
    """Evaluates targets on the same lists, by the same assumption; what depends on the log alone is computed once."""

    def __init__(self, lists: Sequence[LoggedList], by: By, *, draws: int = MARGINAL_DRAWS) -> None:
        self._lists = lists
        self._by: By = by
        self._draws = draws
        self._logged_shares = [self._log_shares(logged) for logged in lists]
        self._rare = min(RARE_SHOWN_SHARE, RARE_SHOWN_COUNT / max(1, len(lists)))
        self._users = np.unique([logged.user_id for logged in lists], return_inverse=True)[1].astype(np.int64)
        self._positions = max((len(logged.rows) for logged in lists), default=0)
        self._clicks = self._padded([logged.clicks for logged in lists])
        self._filled = self._padded([np.ones(len(logged.rows)) for logged in lists]).astype(np.bool_)

    def trial(self, target: Target) -> LoggedTrial:
        """Return the target's trial on all lists, with a click model where their features have one schema."""
        tried = [
            self._try(logged, target.fill(logged), shares)
            for logged, shares in zip(self._lists, self._logged_shares, strict=True)
        ]
        modelled = None
        if self._by != "slate" and len({logged.table for logged in self._lists}) == 1:
            shown = self._padded_rows([logged.features[list(logged.rows)] for logged in self._lists])
            wanted = self._padded_rows([evaluated.wanted for evaluated in tried])
            modelled = cross_fitted(self._clicks, self._filled, self._users, shown, wanted)
        return LoggedTrial(
            by=self._by,
            clicks=self._clicks,
            ratio=self._padded([evaluated.ratio for evaluated in tried]),
            filled=self._filled,
            users=self._users,
            modelled=modelled,
            uncovered=float(np.mean([evaluated.uncovered.mean() for evaluated in tried])),
        )

    def _log_shares(self, logged: LoggedList) -> Doubles:
        """Return the probability that the logging policy shows each row at each position, `[positions, rows]`.

        The logged list itself is one draw more than those of `_shares`, so the probability of a shown row is above
        zero.
        """
        shares = self._shares(logged, LoggedPolicy(np.array(logged.draw.scores), logged.draw.temperature))
        own = np.arange(len(logged.rows)), list(logged.rows)
        shares[own] = (self._draws * shares[own] + logged.propensities) / (self._draws + 1)
        return shares

    def _shares(self, logged: LoggedList, policy: LoggedPolicy) -> Doubles:
        """Return the policy's probabilities `[positions, rows]`: marginal, or given what was shown above."""
        if self._by != "item":
            return along(policy, logged.rules, logged.rows)
        rng = np.random.default_rng(logged.draw.seed)
        return marginals(policy, logged.rules, len(logged.rows), rng, draws=self._draws)

    def _try(self, logged: LoggedList, policy: LoggedPolicy, logged_shares: Doubles) -> EvaluatedTarget:
        shares = self._shares(logged, policy)
        own = np.arange(len(logged.rows)), list(logged.rows)
        uncovered = np.where(logged_shares < self._rare, shares, 0.0).sum(axis=1)
        return EvaluatedTarget(
            shares[own] / logged_shares[own], (shares @ logged.features).astype(np.float32), uncovered
        )

    def _padded(self, parts: Sequence[Doubles]) -> Doubles:
        padded = np.zeros((len(parts), self._positions))
        for row, part in enumerate(parts):
            padded[row, : len(part)] = part
        return padded

    def _padded_rows(self, parts: Sequence[Floats]) -> Floats:
        padded = np.zeros((len(parts), self._positions, parts[0].shape[1]), np.float32)
        for row, part in enumerate(parts):
            padded[row, : len(part)] = part
        return padded
