"""From scores to a slate: the plan's pins and quotas first, the best of the rest after them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from schemas.ids import ItemId
from schemas.plans import Plan, Quota

Categories = Callable[[ItemId], tuple[str, ...]]


def compose(ranked: Sequence[ItemId], plan: Plan | None, categories: Categories, size: int) -> list[ItemId]:
    """The slate's items: pinned ones on top, then `ranked` (best first) as far as the quotas let them.

    An `at_most` is never exceeded. An `at_least` is met as far as there are candidates: the best items of the
    category take the places of the worst others. Without a plan it is the first `size` of `ranked`.

    >>> compose([ItemId("a"), ItemId("b"), ItemId("c")], None, lambda item: (), 2)
    ['a', 'b']
    """
    if plan is None or not (plan.quotas or plan.constraints.pinned_items):
        return list(ranked[:size])
    known = set(ranked)
    pinned = [item for item in map(ItemId, dict.fromkeys(plan.constraints.pinned_items)) if item in known][:size]
    chosen = _within_caps(pinned, ranked, plan.quotas, categories, size)
    for quota in plan.quotas:
        chosen = _raised(chosen, quota, ranked, plan, categories, size)
    return chosen


def _within_caps(
    pinned: Sequence[ItemId],
    ranked: Sequence[ItemId],
    quotas: Sequence[Quota],
    categories: Categories,
    size: int,
) -> list[ItemId]:
    chosen: list[ItemId] = []
    for item in (*pinned, *ranked):
        if len(chosen) == size:
            break
        if item not in chosen and _fits(item, chosen, quotas, categories):
            chosen.append(item)
    return chosen


def _fits(item: ItemId, chosen: Sequence[ItemId], quotas: Sequence[Quota], categories: Categories) -> bool:
    own = categories(item)
    return all(
        quota.at_most is None or quota.category not in own or _held(chosen, quota.category, categories) < quota.at_most
        for quota in quotas
    )


def _held(chosen: Sequence[ItemId], category: str, categories: Categories) -> int:
    return sum(category in categories(item) for item in chosen)


def _raised(
    chosen: list[ItemId], quota: Quota, ranked: Sequence[ItemId], plan: Plan, categories: Categories, size: int
) -> list[ItemId]:
    """The slate with enough of the quota's category, as far as candidates and the other quotas allow."""
    if _held(chosen, quota.category, categories) >= quota.at_least:
        return chosen
    spare = [item for item in ranked if item not in chosen and quota.category in categories(item)]
    while spare and _held(chosen, quota.category, categories) < quota.at_least:
        rest = list(chosen)
        if len(rest) >= size:
            losers = [item for item in rest if _may_leave(item, rest, plan, categories)]
            if not losers:
                return chosen
            rest.remove(losers[-1])
        item = spare.pop(0)
        if _fits(item, rest, plan.quotas, categories):
            chosen = [*rest, item]
    return chosen


def _may_leave(item: ItemId, chosen: Sequence[ItemId], plan: Plan, categories: Categories) -> bool:
    """Whether no pin and no `at_least` holds the item."""
    own = categories(item)
    return item not in plan.constraints.pinned_items and not any(
        quota.category in own and _held(chosen, quota.category, categories) <= quota.at_least for quota in plan.quotas
    )
