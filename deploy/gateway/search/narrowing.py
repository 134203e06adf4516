"""A user's list within a filter, or with boosts: its own items first, filled from the catalogue where they are too few.

What fills it is what goes with the list (by its words) and is popular, and nothing that the user's statements rule out.
A narrowed list is another list than the one that was ranked: it has an id of its own and no propensities.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict

from deploy.gateway.served.lists import ServedResponse
from features.user_state import UserState
from inference.search.index import SearchIndex
from inference.search.query import ItemQuery
from schemas.bounds import ID_LENGTH
from schemas.ids import ItemId, ListId
from schemas.recommendations import RankedItem, Slate

FILLED = "catalogue"
"""The source of items that the list did not have."""
FILLED_REASON = "goes with your list, and fits what was asked for"
NARROWED = "-narrowed"


class ShownItem(RankedItem, frozen=True, kw_only=True):
    """A ranked item with the fields of the catalogue that `with` names. `images` are addresses, no `data:` URIs."""

    title: str | UnsetType = UNSET
    images: tuple[str, ...] | UnsetType = UNSET
    categories: tuple[str, ...] | UnsetType = UNSET
    price: float | UnsetType | None = UNSET


class ShownSlate(Slate, frozen=True, kw_only=True):
    """A slate with what is shown of its items."""

    items: tuple[ShownItem, ...]


class ShownResponse(ServedResponse, frozen=True, kw_only=True):
    """A list with what is shown of its items. Of a list within a filter, or with boosts, `filled` items come from the
    catalogue, and it is `shortened` if there are fewer that fit than were asked for.
    """

    slates: tuple[ShownSlate, ...]
    filled: int = 0
    shortened: bool = False


def shown(served: ServedResponse) -> ShownResponse:
    """Return the response with items that can hold fields of the catalogue."""
    if isinstance(served, ShownResponse):
        return served
    slates = tuple(
        ShownSlate(**{**asdict(slate), "items": tuple(ShownItem(**asdict(entry)) for entry in slate.items)})
        for slate in served.slates
    )
    return ShownResponse(**{**asdict(served), "slates": slates})


def narrowed(index: SearchIndex, served: ServedResponse, query: ItemQuery) -> ShownResponse:
    """Return the list cut to the `n` items that match the query's filter, its boosts applied.

    The score of an item is 1 / log2(1 + rank), as its rank is in the list, times its factors; pins stay first.

    Raises:
        BadFilter: the filter or the boosts cannot be read.
    """
    slate = served.slates[0]
    listed = [entry.item_id for entry in slate.items]
    factors = dict(zip(listed, index.factors(listed, query), strict=True))
    entries = [
        ShownItem(**{**asdict(entry), "score": _score(rank, factors[entry.item_id]), "propensity": None})
        for rank, entry in enumerate(slate.items, 1)
        if factors[entry.item_id] > 0.0
    ]
    if len(entries) < query.n or query.boosts.strip():
        entries += _from_catalogue(index, listed, query)
    pinned = [item for item in served.constraints.pinned_items if item in factors]
    order = {item: rank for rank, item in enumerate(pinned)}
    entries.sort(key=lambda entry: (order.get(entry.item_id, len(order)), -entry.score))
    entries = entries[: query.n]
    own = ShownSlate(
        list_id=ListId(f"{slate.list_id[: ID_LENGTH - len(NARROWED)]}{NARROWED}"),
        surface=slate.surface,
        items=tuple(entries),
    )
    filled = sum(entry.source == FILLED for entry in entries)
    return ShownResponse(**{**asdict(served), "slates": (own,)}, filled=filled, shortened=len(entries) < query.n)


def _from_catalogue(index: SearchIndex, listed: Sequence[ItemId], query: ItemQuery) -> list[ShownItem]:
    left_out = query.left_out | frozenset(listed)
    more = ItemQuery(
        matching=query.matching,
        boosts=query.boosts,
        constraints=query.constraints,
        tastes=tuple(listed),
        left_out=left_out,
        at=query.at,
        locale=query.locale,
        n=query.n,
    )
    found = [each.item_id for each in index.search(more).items]
    factors = index.factors(found, query)
    return [
        ShownItem(item_id=item, score=_score(rank, factor), source=FILLED, reason=FILLED_REASON)
        for rank, (item, factor) in enumerate(zip(found, factors, strict=True), len(listed) + 1)
    ]


def _score(rank: int, factor: float) -> float:
    return round(factor / log2(1 + rank), 6)


def not_again(user: UserState) -> frozenset[ItemId]:
    """Return what a user is not to be proposed: what they hid, and what they had, unless they repeat their choices.

    >>> not_again(UserState(user_id="u1", hidden=("i1",)))
    frozenset({'i1'})
    """
    hidden = frozenset(user.hidden)
    if user.repeats:
        return hidden
    return hidden | {item for item, own in user.user_item_statistics.items() if own.count or own.reward < 0.0}
