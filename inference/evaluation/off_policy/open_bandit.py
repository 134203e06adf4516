"""The Open Bandit data set (Saito, Aihara, Matsutani and Narita, NeurIPS 2021): a row is one item at a page position.

Two policies ran side by side on the same traffic: one at random, one by Thompson sampling. So the estimate of one from
the log of the other can be compared with what it earned itself, which validates the estimators end to end. Rows name no
user; each counts as a user of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from msgspec import Struct
from numpy.typing import NDArray

from inference.evaluation.intervals.interval import Interval
from inference.evaluation.off_policy.click_model import cross_fitted
from inference.evaluation.off_policy.decisions import PolicyDecision, decide, on_policy
from inference.evaluation.off_policy.estimators import LoggedTrial

RARE_SHOWN_COUNT = 10.0
"""An item that a log shows less often than this at a position counts as uncovered."""
BANDIT_COLUMNS = ("item_id", "position", "click", "propensity_score")


class Bandit(Struct, frozen=True, kw_only=True):
    """A log of impressions: `items` (numbers), `positions` (from 0), `clicks` and `propensities`, `[impressions]`
    each.
    """

    name: str
    items: NDArray[np.int64]
    positions: NDArray[np.int64]
    clicks: NDArray[np.float64]
    propensities: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of positions and items."""
        return int(self.positions.max()) + 1, int(self.items.max()) + 1


def is_bandit(frame: pd.DataFrame) -> bool:
    """Return whether the table has the columns of an Open Bandit log."""
    return set(BANDIT_COLUMNS) <= set(frame.columns)


def bandit_of(path: Path, frame: pd.DataFrame) -> Bandit:
    """Return the log in a file's table."""
    return Bandit(
        name=path.stem,
        items=frame["item_id"].to_numpy(np.int64),
        positions=frame["position"].to_numpy(np.int64) - int(frame["position"].min()),
        clicks=frame["click"].to_numpy(np.float64),
        propensities=frame["propensity_score"].to_numpy(np.float64),
    )


def policy_of(log: Bandit, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the logging policy as the probability of each item at each position, `[positions, items]`.

    Uniform where its propensities are; else the share of each item there, which is the policy's mean over the log's
    time: exact for its value where clicks do not change over that time.
    """
    if np.ptp(log.propensities) < 1e-9:
        return np.full(shape, 1.0 / shape[1])
    counts = np.zeros(shape)
    np.add.at(counts, (log.positions, log.items), 1.0)
    probabilities: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True).clip(1.0)
    return probabilities


def trial_of(log: Bandit, policy: NDArray[np.float64]) -> LoggedTrial:
    """Return the trial of a policy `[positions, items]` on this log."""
    logging_policy = policy_of(log, log.shape)
    one_hot = np.eye(policy.shape[1], dtype=np.float32)
    levels = np.eye(policy.shape[0], dtype=np.float32)[log.positions]
    clicks, filled = log.clicks[:, None], np.ones((len(log.items), 1), np.bool_)
    users = np.arange(len(log.items))
    shown = np.concatenate([one_hot[log.items], levels], axis=1)[:, None]
    wanted = np.concatenate([policy.astype(np.float32)[log.positions], levels], axis=1)[:, None]
    return LoggedTrial(
        by="item",
        clicks=clicks,
        ratio=(policy[log.positions, log.items] / log.propensities)[:, None],
        filled=filled,
        users=users,
        modelled=cross_fitted(clicks, filled, users, shown, wanted),
        uncovered=float(np.where(logging_policy < RARE_SHOWN_COUNT / len(users), policy, 0.0).sum(axis=1).mean()),
    )


class Checked(Struct, frozen=True, kw_only=True, rename={"decisions": "verdicts"}):
    """One log: what its policy earned, and its estimates of the others. `own` is what each of those earned itself."""

    log: str
    impressions: int
    clicks: int
    earned: Interval
    decisions: tuple[PolicyDecision, ...]
    own: Mapping[str, Interval]


def check(logs: Sequence[Bandit], *, clip: float) -> list[Checked]:
    """Evaluate from each log the policies of the other logs over the same items."""
    return [
        _checked(log, [other for other in logs if _same_items(log, other) and other is not log], clip) for log in logs
    ]


def _same_items(left: Bandit, right: Bandit) -> bool:
    return left.shape == right.shape


def _checked(log: Bandit, others: Sequence[Bandit], clip: float) -> Checked:
    decisions = [decide(other.name, "", trial_of(log, policy_of(other, log.shape)), clip=clip) for other in others]
    return Checked(
        log=log.name,
        impressions=len(log.items),
        clicks=int(log.clicks.sum()),
        earned=_earned(log),
        decisions=tuple(decisions),
        own={other.name: _earned(other) for other in others},
    )


def _earned(log: Bandit) -> Interval:
    return on_policy(trial_of(log, policy_of(log, log.shape)))
