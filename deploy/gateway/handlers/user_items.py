"""Handlers of items as they stand for one user: whether an item may be recommended to them, and which they have had."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from litestar import get
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from agents.actions.service import ItemCard, ItemSheet, PastItem, card_of, sheet_of
from deploy.gateway import ids
from deploy.gateway.access.scopes import permitted_to
from deploy.gateway.context import GatewayContext, InjectedContext
from deploy.gateway.problems import Problem
from features.item_facts import Known, known_of
from features.item_rules import ItemRules, keeps
from schemas.bounds import SLATE_LENGTH
from schemas.ids import ItemId, UserId
from schemas.items import Item
from schemas.plans import Constraints

_Id = Annotated[str, PathParameter(min_length=1)]


class HistoryResponse(Struct, frozen=True):
    """The items that a user interacted with, the newest first."""

    user_id: UserId
    items: tuple[PastItem, ...]


@get(
    "/v1/users/{user_id:str}/items/{item_id:str}",
    opt=permitted_to("lists"),
    tags=["out"],
    summary="An item as it stands for a user",
)
async def get_user_item(context: InjectedContext, user_id: _Id, item_id: _Id) -> ItemSheet:
    """Return what the catalogue says of an item, whether it is available now, and which of the user's statements
    forbid it. Its texts are data, without characters that cannot be seen.
    """
    user, target = ids.user_id(user_id), ids.item_id(item_id)
    item = context.catalogue.item(target)
    if item is None:
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-item", f"item {target!r} is not in the catalogue")
    known = known_of(item)
    available = context.cache.may_be_shown(item.item_id, context.lists.stream_now())
    forbidden_by = _forbidden_by(item, known, context.lists.constraints_of(user))
    return sheet_of(item, facts=known.facts, available=available, forbidden_by=forbidden_by)


def _forbidden_by(item: Item, known: Known, constraints: Constraints) -> tuple[str, ...]:
    rules = ItemRules(constraints)
    fault = rules.fault(item.item_id, item.categories, known.attributes)
    limits = rules.limits_of(item.categories)
    broken = dict.fromkeys(limit.fact for limit in limits if not keeps(known.facts.get(limit.fact), limit))
    return (*((fault,) if fault else ()), *(f"limit-of-{fact}" for fact in broken))


@get(
    "/v1/users/{user_id:str}/history",
    opt=permitted_to("memories"),
    tags=["users"],
    summary="Which items a user has had",
)
async def get_history(
    context: InjectedContext, user_id: _Id, n: Annotated[int, QueryParameter(ge=1, le=SLATE_LENGTH)] = 20
) -> HistoryResponse:
    """Return the items that the user interacted with last: how often, when last, and the sum of the rewards."""
    user = ids.user_id(user_id)
    record = await context.user_records.read(user)
    had = record.user.user_item_statistics
    newest = sorted(had, key=lambda item: (-had[item].last_at, item))[:n]
    items = tuple(
        PastItem(
            item_id=item,
            title=shown.title if shown else "",
            categories=shown.categories if shown else (),
            times=had[item].count,
            last_at=had[item].last_at,
            reward=round(had[item].reward, 3),
        )
        for item, shown in ((item, _card(context, item)) for item in newest)
    )
    return HistoryResponse(user, items)


def _card(context: GatewayContext, item: ItemId) -> ItemCard | None:
    entry = context.catalogue.item(item)
    return card_of(entry) if entry else None
