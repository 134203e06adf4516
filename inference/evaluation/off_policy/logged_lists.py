"""Lists that were drawn and seen, put together from the ranking log: what off-policy evaluation works on."""

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
    """A drawn list that somebody saw. `rows` are its items' rows in the draw, from the top; `propensities` and
    `clicks` (0 or 1) float64 `[places]`; `features` float32 `[drawn from, features]` in the columns of `table`.
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
    """What a ranking log holds for off-policy evaluation, and how much of it cannot be used, by reason.

    `exploited` lists were seen and had nothing drawn: `exploited_clicks` tells what they earned. `unseen` were drawn,
    and nobody was shown them; `foreign` were shown without a single item of theirs.
    """

    lists: tuple[LoggedList, ...]
    exploited: int = 0
    exploited_clicks: int = 0
    unseen: int = 0
    foreign: int = 0


def seen_lists(entries: Iterable[RankingLogEntry]) -> SeenLists:
    """Join each list with its outcome, in the order of their ids; an entry that is there twice counts once.

    An item of the list that was not shown was not clicked. Whatever else was shown beside the list is passed over.
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
    foreign = {name for name, made in ranked.items() if name in shown and shown[name].isdisjoint(made.items)}
    used = [made for name, made in sorted(ranked.items()) if name in shown and name not in foreign]
    best = [made for made in used if made.draw is None]
    return SeenLists(
        lists=tuple(_logged(made, made.draw, clicked[made.list_id]) for made in used if made.draw is not None),
        exploited=len(best),
        exploited_clicks=sum(len(clicked[made.list_id].intersection(made.items)) for made in best),
        unseen=sum(made.draw is not None and name not in shown for name, made in ranked.items()),
        foreign=len(foreign),
    )


def _logged(made: Ranked, draw: Draw, clicked: set[ItemId]) -> LoggedList:
    at = {item: row for row, item in enumerate(draw.items)}
    return LoggedList(
        user_id=made.user_id,
        rows=tuple(at[item] for item in made.items),
        propensities=np.array(made.propensities, np.float64),
        clicks=np.array([item in clicked for item in made.items], np.float64),
        draw=draw,
        rules=rules_of_draw(draw),
        features=_features(made, draw, at),
        table=made.table,
    )


def _features(made: Ranked, draw: Draw, at: Mapping[ItemId, int]) -> NDArray[np.float32]:
    """The rows of everything that the list was drawn from."""
    placed = np.frombuffer(made.features, "<f4").reshape(len(made.items), -1)
    rest = [row for item, row in at.items() if item not in made.items]
    features = np.zeros((len(draw.items), placed.shape[1]), np.float32)
    features[[at[item] for item in made.items]] = placed
    features[rest] = np.frombuffer(draw.features, "<f4").reshape(len(rest), placed.shape[1])
    return features
