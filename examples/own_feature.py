"""A user feature of your own: the share of a user's recent choices that fall into the night.

Run it in place of `lifelong`, with the same commands; every process of a system needs the same features.

    python -m examples.own_feature backtest log.csv
    python -m examples.own_feature worker

The feature table is a tuple in `features/views.py`, and there is no plug-in point outside it: `register` replaces the
tuple before anything else is imported. In a fork, add the row to the table instead.
"""

from __future__ import annotations

from features import views
from features.decay import DAY
from features.user_state import UserState

NIGHT_ENDS = 6 * 3_600.0
"""Seconds after midnight UTC."""


def night_share(state: UserState) -> float:
    """The share of recent choices before six in the morning, in [0, 1]; 0 for an unknown user.

    >>> from schemas.ids import UserId
    >>> night_share(UserState(user_id=UserId("ann")))
    0.0
    """
    nights = sum(entry.at % DAY < NIGHT_ENDS for entry in state.recent)
    return nights / max(1, len(state.recent))


ROW = views.UserFeature(views.USER_VIEW, "night_share", night_share)


def register() -> None:
    """Add the row to the feature table, and its field to the Feast view that serves it."""
    views.USER_FEATURES = (*views.USER_FEATURES, ROW)
    views.VIEWS = tuple(
        views.FeatureView(view.name, view.keys, (*view.fields, ROW.name)) if view.name == ROW.view else view
        for view in views.VIEWS
    )


if __name__ in ("__main__", "__mp_main__"):  # `__mp_main__`: the worker processes of `--ablate`
    register()

if __name__ == "__main__":
    from deploy.cli.app import main

    main()
