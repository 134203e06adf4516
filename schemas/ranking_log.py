"""What training and off-policy evaluation need: the `ranking-log` topic, of one partition: its offsets are the order.

Feature blocks are little-endian float32, row by row: `[rows, features]` in the order of the feature table that
`table` names (see `features.views`).
"""

from __future__ import annotations

from typing import Literal

from schemas.ids import EventId, ItemId, ListId, Time, UserId
from schemas.record import Record


class _Entry(Record, frozen=True, kw_only=True, tag_field="type"):
    entry_id: str
    user_id: UserId
    event_time: Time


class DrawQuota(Record, frozen=True, kw_only=True):
    """A quota of the plan over the drawn-from items: the list holds so many of these rows."""

    rows: tuple[int, ...]
    at_least: int = 0
    at_most: int


class Draw(Record, frozen=True, kw_only=True):
    """How a list was drawn: everything that its propensities follow from.

    `items`, best first by `scores`, are what it was drawn from. Pinned rows take the first places. Then, place by
    place, each row that is still open gets the place with a probability proportional to exp(score / temperature);
    open is what is not placed and what the quotas allow: no `at_most` is exceeded, and when as many places are left
    (of `size`) as the `at_least`s still want, only what they want. `features` are the rows of the items that got no
    place, in their order here; those of the others are the list's own. `seed` is what the random numbers came from.
    """

    seed: int
    temperature: float
    size: int
    items: tuple[ItemId, ...]
    scores: tuple[float, ...]
    features: bytes
    pinned: tuple[int, ...] = ()
    quotas: tuple[DrawQuota, ...] = ()


class Ranked(_Entry, frozen=True, kw_only=True, tag="ranked"):
    """A list was published: its items as they were ranked, and the user's feature rows as of then.

    `propensities[k]` is the probability with which item k came to place k, given the items above it and given that
    the list was drawn: their product is the probability of the whole list. It is 1 where nothing else was possible
    (a pin, the last item that a quota allows), and none in a list that was not drawn. `draw` says how it was drawn.
    `user_categories` are signed strengths of what is remembered about categories, the strongest ones; `external`
    are the features of other teams, by the name of their row. `arm` is the person's in the experiment that ran;
    `as_champion`: the arm's own weights were not there, and the champion's ranked.
    """

    list_id: ListId
    table: str
    items: tuple[ItemId, ...]
    features: bytes
    propensities: tuple[float | None, ...]
    feature_time: Time
    user_features: dict[str, float]
    user_categories: dict[str, float] = {}
    external: dict[str, float] = {}
    model_version: int
    draw: Draw | None = None
    experiment: str | None = None
    arm: str | None = None
    as_champion: bool = False


class Choice(_Entry, frozen=True, kw_only=True, tag="choice"):
    """An organic example: what the person took, among the candidates of just before.

    `rank` is the place (from 1) in the list that would have been served at that moment, none if it was not in it;
    `chosen` the row of the item that was taken, none if no source had proposed it; `newest` are the person's items
    before it, newest first. While an experiment runs, `arm` is
    the person's, `places` is the place (from 1) of the item among all candidates by the weights of each arm, shadows
    too, and `list_id` the list in which it was clicked, if it was in one.
    """

    event_id: EventId
    item_id: ItemId
    table: str
    items: tuple[ItemId, ...]
    features: bytes
    chosen: int | None
    rank: int | None
    seen_before: bool
    model_version: int
    weight: float = 1.0
    newest: tuple[ItemId, ...] = ()
    experiment: str | None = None
    arm: str | None = None
    places: dict[str, int] = {}
    list_id: ListId | None = None


class Outcome(_Entry, frozen=True, kw_only=True, tag="outcome"):
    """A shown example matured: what was clicked of what was shown.

    A `late` one corrects it: these were clicked while the list was not open (it had matured, or its impression came
    later than the click); `shown` is then empty.
    """

    list_id: ListId
    shown: tuple[ItemId, ...]
    clicked: tuple[ItemId, ...]
    late: bool = False


class DefaultList(_Entry, frozen=True, kw_only=True, tag="default"):
    """The list for people never seen was published anew: what it holds. `user_id` is `@default`.

    Choices are compared with it and with the person's own last list: that tells how long lists are worth keeping.
    """

    items: tuple[ItemId, ...]


class Command(Record, frozen=True, kw_only=True, tag_field="type", tag="command"):
    """What an operator decides about models. It stands in the log, so that its place among the examples is known.

    `promote` names a lineage, or weights to load as one: a file that the trainer can read, and its SHA-256. `rollback`
    goes back to the champion before.
    """

    entry_id: str
    event_time: Time
    action: Literal["promote", "rollback"]
    lineage: str = ""
    uri: str = ""
    sha256: str = ""
    reason: str = ""


RankingLogEntry = Ranked | Choice | Outcome
"""What rankers are learned from and judged by."""

RankingLogValue = RankingLogEntry | DefaultList | Command
