"""The feature table: what Feast serves and the ranker sees, from one definition.

A row names a feature, the view it lives in and the pure function that computes it from a person's state. Adding a
feature is adding a row; the ranker's width, Feast's views and the off-line log follow from the table. Features that
other teams own are rows of their own kind, `External`: read in bulk from Feast, and `default` until they are there.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from math import log1p

from msgspec import Struct

from features.decay import DAY
from features.user_state import UserState

USER_VIEW = "user_features"
CONTEXT_VIEW = "user_context"


class UserFeature(Struct, frozen=True):
    """A feature that is computed here: a pure function of the person's state."""

    view: str
    name: str
    value: Callable[[UserState], float]


class External(Struct, frozen=True):
    """A feature that somebody else writes to Feast, per user; `default` for people without one."""

    view: str
    name: str
    default: float = 0.0


def _days_known(state: UserState) -> float:
    return log1p(max(0.0, state.last_at - state.first_at) / DAY)


def _mean_gap_days(state: UserState) -> float:
    return log1p(max(0.0, state.last_at - state.first_at) / DAY / max(1, state.choices))


def _repeat_gap_days(state: UserState) -> float:
    return log1p(state.gap_sum / max(1, state.repeats) / DAY)


def _mean_liking(state: UserState) -> float:
    return sum(entry.liking for entry in state.recent) / max(1, len(state.recent))


def _hour(state: UserState) -> float:
    return state.last_at % DAY / 3_600.0


def _weekday(state: UserState) -> float:
    return float(int(state.last_at // DAY + 3) % 7)


USER_FEATURES: tuple[UserFeature, ...] = (
    UserFeature(USER_VIEW, "choices", lambda state: log1p(state.choices)),
    UserFeature(USER_VIEW, "days_known", _days_known),
    UserFeature(USER_VIEW, "mean_gap_days", _mean_gap_days),
    UserFeature(USER_VIEW, "repeat_rate", lambda state: state.repeats / max(1, state.choices)),
    UserFeature(USER_VIEW, "repeat_gap_days", _repeat_gap_days),
    UserFeature(USER_VIEW, "mean_liking", _mean_liking),
    UserFeature(USER_VIEW, "sessions", lambda state: log1p(state.session.number)),
    UserFeature(CONTEXT_VIEW, "session_events", lambda state: log1p(state.session.events)),
    UserFeature(CONTEXT_VIEW, "session_skips", lambda state: log1p(state.session.skips)),
    UserFeature(CONTEXT_VIEW, "hour", _hour),
    UserFeature(CONTEXT_VIEW, "weekday", _weekday),
)


def user_row(state: UserState) -> dict[str, float]:
    """The person's features by name, as written to Feast and as ranked.

    >>> from schemas.ids import UserId
    >>> user_row(UserState(user_id=UserId("u1")))["choices"]
    0.0
    """
    return {feature.name: feature.value(state) for feature in USER_FEATURES}


def table_id(names: tuple[str, ...]) -> str:
    """The name of a ranker's input: two tables with the same columns in the same order have the same.

    >>> table_id(("a", "b")) == table_id(("a", "b")), table_id(("a", "b")) == table_id(("b", "a"))
    (True, False)
    """
    return blake2b("|".join(names).encode(), digest_size=6).hexdigest()
