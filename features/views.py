"""The feature table: what Feast serves and the ranker sees, from one definition.

A row names a feature, the view it lives in and the pure function that computes it from a user's state. Adding a
feature is adding a row; the ranker's width, Feast's views and the off-line log follow from the table. Features that
other teams own are rows of another type, `External`: read in bulk from Feast, and `default` where there is no value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from math import log1p

from msgspec import Struct

from features.decay import DAY
from features.half_lives import POPULARITY_SECONDS
from features.ports import FeatureRow
from features.user_state import UserState
from schemas.ids import UserId
from schemas.statistics import ItemStatistics

HALF_LIFE_HOURS = tuple(seconds / 3_600 for seconds in POPULARITY_SECONDS)

USER_KEY = "user_id"
USER_VIEW = "user_features"
CONTEXT_VIEW = "user_context"
CATEGORY_VIEW = "user_category"
ITEM_VIEW = "item_features"


class UserFeature(Struct, frozen=True):
    """A feature that Lifelong computes: a pure function of the user's state."""

    view: str
    name: str
    value: Callable[[UserState], float]


class External(Struct, frozen=True):
    """A feature that another team writes to Feast, per user; `default` for users without one."""

    view: str
    name: str
    default: float = 0.0


def _days_known(state: UserState) -> float:
    return log1p(max(0.0, state.last_at - state.first_at) / DAY)


def _mean_gap_days(state: UserState) -> float:
    return log1p(max(0.0, state.last_at - state.first_at) / DAY / max(1, state.choices))


def _repeat_gap_days(state: UserState) -> float:
    return log1p(state.gap_sum / max(1, state.repeats) / DAY)


def _mean_reward(state: UserState) -> float:
    return sum(entry.reward for entry in state.recent) / max(1, len(state.recent))


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
    UserFeature(USER_VIEW, "mean_liking", _mean_reward),
    UserFeature(USER_VIEW, "sessions", lambda state: log1p(state.session.number)),
    UserFeature(CONTEXT_VIEW, "session_events", lambda state: log1p(state.session.events)),
    UserFeature(CONTEXT_VIEW, "session_skips", lambda state: log1p(state.session.skips)),
    UserFeature(CONTEXT_VIEW, "hour", _hour),
    UserFeature(CONTEXT_VIEW, "weekday", _weekday),
)


class FeatureView(Struct, frozen=True):
    """A feature view: the keys of its entities and the names of its values."""

    name: str
    keys: tuple[str, ...]
    fields: tuple[str, ...]


def _fields(view: str) -> tuple[str, ...]:
    return tuple(feature.name for feature in USER_FEATURES if feature.view == view)


VIEWS: tuple[FeatureView, ...] = (
    FeatureView(USER_VIEW, (USER_KEY,), _fields(USER_VIEW)),
    FeatureView(CONTEXT_VIEW, (USER_KEY,), _fields(CONTEXT_VIEW)),
    FeatureView(CATEGORY_VIEW, (USER_KEY, "category"), ("strength",)),
    FeatureView(
        ITEM_VIEW, ("item_id",), ("count", "mean_value", *(f"popularity_{hours:g}h" for hours in HALF_LIFE_HOURS))
    ),
)
"""The views that Lifelong writes; `strength` is signed, as of its memory, negative for a dislike."""


def item_row(row: ItemStatistics) -> dict[str, float]:
    """Return an item's statistics by feature name, as of `row.at`."""
    mean = row.value_sum / row.value_count if row.value_count else 0.0
    decayed = zip(HALF_LIFE_HOURS, row.popularity, strict=True)
    return {"count": float(row.count), "mean_value": mean} | {f"popularity_{hours:g}h": v for hours, v in decayed}


def user_row(state: UserState) -> dict[str, float]:
    """Return the user's features by name, as written to Feast and as ranked.

    >>> from schemas.ids import UserId
    >>> user_row(UserState(user_id=UserId("u1")))["choices"]
    0.0
    """
    return {feature.name: feature.value(state) for feature in USER_FEATURES}


def has_user_features(values: Mapping[str, float]) -> bool:
    """Return whether all features of a user that Lifelong writes are present: a list of another release may lack some.

    >>> has_user_features({"choices": 1.0})
    False
    """
    return all(feature.name in values for feature in USER_FEATURES if feature.view in (USER_VIEW, CONTEXT_VIEW))


def user_rows(
    user: UserId, at: float, values: Mapping[str, float], categories: Mapping[str, float]
) -> list[FeatureRow]:
    """Return a user's rows in every view, as of one feature time."""
    entity = {USER_KEY: str(user)}
    rows = [
        FeatureRow(view, entity, at, {name: values[name] for name in _fields(view)})
        for view in (USER_VIEW, CONTEXT_VIEW)
    ]
    return rows + [
        FeatureRow(CATEGORY_VIEW, entity | {"category": name}, at, {"strength": strength})
        for name, strength in categories.items()
    ]


def feature_schema_id(names: tuple[str, ...]) -> str:
    """Return the id of a ranker's input: two schemas with the same columns in the same order have the same id.

    >>> feature_schema_id(("a", "b")) == feature_schema_id(("a", "b"))
    True
    >>> feature_schema_id(("a", "b")) == feature_schema_id(("b", "a"))
    False
    """
    return blake2b("|".join(names).encode(), digest_size=6).hexdigest()
