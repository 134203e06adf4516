"""What training and off-policy evaluation need: the `ranking-log` topic. It has one partition: offsets are the order.

Feature blocks are little-endian float32, row by row: `[rows, features]` with the columns of the feature schema whose id
is `table` (see `features.views`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.bounds import ID_LENGTH, LARGEST_COUNT, Label, Sum, WholeNumber
from schemas.ids import AnyUser, BareItem, EventKey, ItemKey, ListKey, Time
from schemas.record import Record

EntryKey = Annotated[str, Meta(min_length=1, max_length=2 * ID_LENGTH)]
"""The id of an entry, which may contain the id of a list."""
Items = Annotated[tuple[BareItem, ...], Meta(max_length=1_000)]
Row = Annotated[int, Meta(ge=0, le=1_000_000)]
Probability = Annotated[float, Meta(ge=0, le=1)]


class _Entry(Record, frozen=True, kw_only=True, tag_field="type"):
    entry_id: EntryKey
    user_id: AnyUser
    event_time: Time


class DrawQuota(Record, frozen=True, kw_only=True):
    """A quota of the plan: the list holds `at_least` to `at_most` of these rows of the draw."""

    rows: tuple[Row, ...]
    at_least: Row = 0
    at_most: Row


class Draw(Record, frozen=True, kw_only=True):
    """How a list was drawn: everything that its propensities follow from.

    `items`, best first by `scores`, are the items it was drawn from. Pinned rows take the first ranks. Then, rank by
    rank, each open row gets the rank with a probability proportional to exp(score / temperature). A row is open while
    it has no rank and the quotas allow it: no `at_most` is exceeded, and once only as many ranks are left (of `size`)
    as the `at_least`s still require, only rows that they require are open. `features` are the rows of the items that
    got no rank, in their order here; those of the others are in the list's own. `seed` seeds the random numbers.
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
    """A published list: its items as they were ranked, and the user's features at that time.

    `table` is the feature-schema id. `propensities[k]` is the probability with which `items[k]` came to its rank, given
    the items above it and given that the list was drawn: their product is the probability of the whole list. It is 1
    where no other item was possible (a pin, the last item that a quota allows), and none in a list that was not drawn.
    `draw` says how it was drawn. `user_categories` are signed strengths of memories about categories, the strongest
    ones; `external` are features of other teams, by the name of their row. `arm` is the user's in the running
    experiment; `as_champion`: the arm's own weights were missing, and the champion's ranked.
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


class Choice(_Entry, frozen=True, kw_only=True, tag="choice", rename={"ranks": "places"}):
    """An organic example: the item that the user chose, among the candidates as of just before.

    `table` is the feature-schema id. `rank` is the item's rank (from 1) in the list that would have been served at that
    moment, none if it was not in it; `chosen` is the row of the chosen item, none if no source had proposed it;
    `newest` are the user's earlier items, newest first. While an experiment runs, `arm` is the user's, `ranks`
    (`places` as encoded) is the rank (from 1) of the item among all candidates by the weights of each arm, shadow arms
    too, and `list_id` is the list in which it was clicked, if it was in one.
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
    ranks: dict[Label, Row] = {}
    list_id: ListKey | None = None


class ListOutcome(_Entry, frozen=True, kw_only=True, tag="outcome"):
    """The outcome of a matured impression: which of the shown items were clicked.

    A `late` outcome corrects an earlier one: these items were clicked while the list was not open (it had matured, or
    its impression arrived after the click); `shown` is then empty.
    """

    list_id: ListKey
    shown: Items
    clicked: Items
    late: bool = False


class DefaultList(_Entry, frozen=True, kw_only=True, tag="default"):
    """The items of a newly published non-personalised list; `user_id` is `@default`.

    Choices are compared with it and with the user's own last list, which tells how long lists are worth keeping.
    """

    items: Items


class ErasureEntry(_Entry, frozen=True, kw_only=True, tag="erasure"):
    """The user was erased: what was written of them before `event_time` is to be removed from every copy."""


class Command(Record, frozen=True, kw_only=True, tag_field="type", tag="command", rename={"variant": "lineage"}):
    """An operator's decision about models. It is part of the log, so that its position among the examples is known.

    `promote` names a model variant, or weights to load as one: a file that the trainer can read, and its SHA-256.
    `rollback` returns to the previous champion. `variant` is encoded as `lineage`.
    """

    entry_id: EntryKey
    event_time: Time
    action: Literal["promote", "rollback"]
    variant: Label = ""
    uri: Annotated[str, Meta(max_length=4_000)] = ""
    sha256: Label = ""
    reason: Annotated[str, Meta(max_length=4_000)] = ""


RankingLogEntry = Ranked | Choice | ListOutcome
"""What rankers learn from and are evaluated on."""

RankingLogValue = RankingLogEntry | DefaultList | ErasureEntry | Command
