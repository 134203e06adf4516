"""Lists that were drawn and seen, joined from the ranking log: the input of off-policy evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.exploration import rules_of_draw
from inference.slate import SlateRules
from schemas.ids import ItemId, ListId, UserId
from schemas.ranking_log import Choice, Draw, ListOutcome, Ranked, RankingLogEntry

Doubles = NDArray[np.float64]


class LoggedList(Struct, frozen=True, kw_only=True):
    """A drawn list that its user saw. `rows` are its items' rows in the draw, from the top; `propensities` and `clicks`
    (0 or 1) float64 `[positions]`; `features` float32 `[drawn from, features]` in the columns of `table`.
    """

    user_id: UserId
    rows: tuple[int, ...]
    propensities: Doubles
    clicks: Doubles
    draw: Draw
    rules: SlateRules
    features: NDArray[np.float32]
    table: str


class SeenLists(Struct, frozen=True, kw_only=True):
    """The lists of a ranking log for off-policy evaluation, and the number of unusable ones, by reason.

    `exploited` lists were seen and not drawn: `exploited_clicks` is what they earned. `unseen` were drawn and not
    shown; `foreign` were shown without a single item of theirs.
    """

    lists: tuple[LoggedList, ...]
    exploited: int = 0
    exploited_clicks: int = 0
    unseen: int = 0
    foreign: int = 0


def seen_lists(entries: Iterable[RankingLogEntry]) -> SeenLists:
    """Join each list with its outcome, in the order of their ids; a repeated entry counts once.

    An item of the list that was not shown was not clicked. Other items shown beside the list are ignored.
    """
    ranked: dict[ListId, Ranked] = {}
    clicked: dict[ListId, set[ItemId]] = {}
    shown: dict[ListId, set[ItemId]] = {}
    for entry in entries:
        match entry:
            case Ranked():
                ranked[entry.list_id] = entry
            case ListOutcome():
                clicked.setdefault(entry.list_id, set()).update(entry.clicked)
                shown.setdefault(entry.list_id, set()).update(entry.shown)
            case Choice():
                continue
    foreign = {
        name for name, ranked_list in ranked.items() if name in shown and shown[name].isdisjoint(ranked_list.items)
    }
    used = [ranked_list for name, ranked_list in sorted(ranked.items()) if name in shown and name not in foreign]
    best = [ranked_list for ranked_list in used if ranked_list.draw is None]
    return SeenLists(
        lists=tuple(
            _logged(ranked_list, ranked_list.draw, clicked[ranked_list.list_id])
            for ranked_list in used
            if ranked_list.draw is not None
        ),
        exploited=len(best),
        exploited_clicks=sum(len(clicked[ranked_list.list_id].intersection(ranked_list.items)) for ranked_list in best),
        unseen=sum(ranked_list.draw is not None and name not in shown for name, ranked_list in ranked.items()),
        foreign=len(foreign),
    )


def _logged(ranked_list: Ranked, draw: Draw, clicked: set[ItemId]) -> LoggedList:
    row_of = {item: row for row, item in enumerate(draw.items)}
    return LoggedList(
        user_id=ranked_list.user_id,
        rows=tuple(row_of[item] for item in ranked_list.items),
        propensities=np.array(ranked_list.propensities, np.float64),
        clicks=np.array([item in clicked for item in ranked_list.items], np.float64),
        draw=draw,
        rules=rules_of_draw(draw),
        features=_features(ranked_list, draw, row_of),
        table=ranked_list.table,
    )


def _features(ranked_list: Ranked, draw: Draw, row_of: Mapping[ItemId, int]) -> NDArray[np.float32]:
    """Return the feature rows of everything that the list was drawn from."""
    placed = np.frombuffer(ranked_list.features, "<f4").reshape(len(ranked_list.items), -1)
    rest = [row for item, row in row_of.items() if item not in ranked_list.items]
    features = np.zeros((len(draw.items), placed.shape[1]), np.float32)
    features[[row_of[item] for item in ranked_list.items]] = placed
    features[rest] = np.frombuffer(draw.features, "<f4").reshape(len(rest), placed.shape[1])
    return features
