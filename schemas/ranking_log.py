"""What training and off-policy evaluation need: the `ranking-log` topic, of one partition: its offsets are the order.

Feature blocks are little-endian float32, row by row: `[rows, features]` in the order of the feature table that
`table` names (see `features.views`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.bounds import ID_LENGTH, LARGEST_COUNT, Label, Sum, WholeNumber
from schemas.ids import AnyUser, BareItem, EventKey, ItemKey, ListKey, Time
from schemas.record import Record

EntryKey = Annotated[str, Meta(min_length=1, max_length=2 * ID_LENGTH)]
"""The id of an entry: it may hold that of a list."""
Items = Annotated[tuple[BareItem, ...], Meta(max_length=1_000)]
Row = Annotated[int, Meta(ge=0, le=1_000_000)]
Probability = Annotated[float, Meta(ge=0, le=1)]


class _Entry(Record, frozen=True, kw_only=True, tag_field="type"):
    entry_id: EntryKey
    user_id: AnyUser
    event_time: Time


class DrawQuota(Record, frozen=True, kw_only=True):
    """A quota of the plan over the drawn-from items: the list holds so many of these rows."""

    rows: tuple[Row, ...]
    at_least: Row = 0
    at_most: Row


class Draw(Record, frozen=True, kw_only=True):
    """How a list was drawn: everything that its propensities follow from.

    `items`, best first by `scores`, are what it was drawn from. Pinned rows take the first places. Then, place by
    place, each row that is still open gets the place with a probability proportional to exp(score / temperature);
    open is what is not placed and what the quotas allow: no `at_most` is exceeded, and when as many places are left
    (of `size`) as the `at_least`s still want, only what they want. `features` are the rows of the items that got no
    place, in their order here; those of the others are the list's own. `seed` is what the random numbers came from.
    """

    seed: int
    temperature: Annotated[float, Meta(gt=0, le=LARGEST_COUNT)]
    size: Row
    items: Items
    scores: tuple[Sum, ...]
    features: bytes
    pinned: tuple[Row, ...] = ()
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

    list_id: ListKey
    table: Label
    items: Items
    features: bytes
    propensities: tuple[Probability | None, ...]
    feature_time: Time
    user_features: dict[str, Sum]
    user_categories: dict[str, Sum] = {}
    external: dict[str, Sum] = {}
    model_version: WholeNumber
    draw: Draw | None = None
    experiment: Label | None = None
    arm: Label | None = None
    as_champion: bool = False


class Choice(_Entry, frozen=True, kw_only=True, tag="choice"):
    """An organic example: what the person took, among the candidates of just before.

    `rank` is the place (from 1) in the list that would have been served at that moment, none if it was not in it;
    `chosen` the row of the item that was taken, none if no source had proposed it; `newest` are the person's items
    before it, newest first. While an experiment runs, `arm` is
    the person's, `places` is the place (from 1) of the item among all candidates by the weights of each arm, shadows
    too, and `list_id` the list in which it was clicked, if it was in one.
    """

    event_id: EventKey
    item_id: ItemKey
    table: Label
    items: Items
    features: bytes
    chosen: Row | None
    rank: Row | None
    seen_before: bool
    model_version: WholeNumber
    weight: Annotated[float, Meta(ge=0, le=1_000)] = 1.0
    newest: Items = ()
    experiment: Label | None = None
    arm: Label | None = None
    places: dict[Label, Row] = {}
    list_id: ListKey | None = None


class ListOutcome(_Entry, frozen=True, kw_only=True, tag="outcome"):
    """A shown example matured: what was clicked of what was shown.

    A `late` one corrects it: these were clicked while the list was not open (it had matured, or its impression came
    later than the click); `shown` is then empty.
    """

    list_id: ListKey
    shown: Items
    clicked: Items
    late: bool = False


class DefaultList(_Entry, frozen=True, kw_only=True, tag="default"):
    """The list for people never seen was published anew: what it holds. `user_id` is `@default`.

    Choices are compared with it and with the person's own last list: that tells how long lists are worth keeping.
    """

    items: Items


class Command(Record, frozen=True, kw_only=True, tag_field="type", tag="command", rename={"variant": "lineage"}):
    """What an operator decides about models. It stands in the log, so that its place among the examples is known.

    `promote` names a lineage, or weights to load as one: a file that the trainer can read, and its SHA-256. `rollback`
    goes back to the champion before.
    """

    entry_id: EntryKey
    event_time: Time
    action: Literal["promote", "rollback"]
    variant: Label = ""
    uri: Annotated[str, Meta(max_length=4_000)] = ""
    sha256: Label = ""
    reason: Annotated[str, Meta(max_length=4_000)] = ""


RankingLogEntry = Ranked | Choice | ListOutcome
"""What rankers are learned from and judged by."""

RankingLogValue = RankingLogEntry | DefaultList | Command
