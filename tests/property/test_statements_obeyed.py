"""What users state holds in every list, of the ranker and of searches, and the guardrails agree about each item."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some

from agents.planning.guardrails import check_slate, strike
from features.agent_preferences import AgentPreferences
from features.item_facts import known_of
from features.item_rules import ItemRules, is_of
from features.user_state import UserState
from inference.items.statements import block_unwanted
from inference.query import Query
from inference.search.index import SearchIndex
from inference.search.query import ItemQuery
from schemas.ids import ItemId, UserId, category_key
from schemas.instructions import Excepted
from schemas.items import Item
from schemas.plans import ConditionalRule, Constraints, Limit
from tests.builders import START, make_deps

KINDS, MAKERS = ("tea", "Pots", "cups"), ("Ann", "bob", "Cy")
ITEMS = some.lists(
    some.builds(
        lambda kinds, makers, price: {"categories": kinds, "makers": makers, "price": price},
        some.lists(some.sampled_from(KINDS), max_size=2, unique=True).map(tuple),
        some.lists(some.sampled_from(MAKERS), max_size=2, unique=True),
        some.none() | some.sampled_from([1.0, 2.0, 3.0]),
    ),
    min_size=1,
    max_size=12,
)
EXCEPTED = some.one_of(
    some.builds(Excepted, subject=some.just("item"), value=some.sampled_from(["i0", "i1", "gone"])),
    some.builds(Excepted, subject=some.just("category"), value=some.sampled_from(["TEA", "cups", "none"])),
    some.builds(
        Excepted, subject=some.just("attribute"), attribute=some.just("maker"), value=some.sampled_from(["ann", "Cy"])
    ),
)
CATEGORY = some.sampled_from(["TEA", "pots", "cups", "none"])
CHEAP = Limit(fact="price", at_most=2.0)
RULES = some.builds(
    ConditionalRule,
    kind=some.sampled_from(["ban", "only"]),
    category=CATEGORY,
    exceptions=some.lists(EXCEPTED, max_size=2).map(tuple),
) | some.builds(ConditionalRule, kind=some.just("limit"), category=CATEGORY, limit=some.just(CHEAP))
STATED = some.builds(
    Constraints,
    banned_items=some.lists(some.sampled_from(["i0", "i2"]), max_size=1).map(tuple),
    banned_categories=some.lists(CATEGORY, max_size=1).map(tuple),
    only_categories=some.lists(CATEGORY, max_size=1).map(tuple),
    limits=some.lists(some.just(CHEAP), max_size=1).map(tuple),
    rules=some.lists(RULES, max_size=3).map(tuple),
)


def catalogue(described: list[dict[str, Any]]) -> list[Item]:
    return [
        Item(
            item_id=ItemId(f"i{number}"),
            title=f"item {number}",
            categories=each["categories"],
            price=each["price"],
            attributes={"maker": "|".join(each["makers"])} if each["makers"] else {},
            available_from=0.0,
        )
        for number, each in enumerate(described)
    ]


def is_forbidden(item: Item, stated: Constraints) -> bool:
    """Return whether a statement forbids the item, read word by word."""
    keys, attributes = {category_key(name) for name in item.categories}, known_of(item).attributes
    if item.item_id in stated.banned_items or keys & {category_key(name) for name in stated.banned_categories}:
        return True

    def is_excepted(rule: ConditionalRule) -> bool:
        return any(is_of(excepted, item.item_id, keys, attributes) for excepted in rule.exceptions)

    wishes = [rule for rule in stated.rules if rule.kind == "only"]
    wanted = {category_key(name) for name in (*stated.only_categories, *(rule.category for rule in wishes))}
    is_unwanted = bool(wanted) and not keys & wanted and not any(map(is_excepted, wishes))
    bans = [rule for rule in stated.rules if rule.kind == "ban" and category_key(rule.category) in keys]
    return is_unwanted or is_beyond(item, stated) or not all(map(is_excepted, bans))


def is_beyond(item: Item, stated: Constraints) -> bool:
    """Return whether the item is not known to be cheap, and has to be."""
    keys = {category_key(name) for name in item.categories}
    own = [rule for rule in stated.rules if rule.kind == "limit" and category_key(rule.category) in keys]
    return bool(stated.limits or own) and (item.price is None or item.price > 2.0)


@given(ITEMS, STATED)
@settings(max_examples=150)
def test_the_rules_of_one_item_and_of_all_at_once_agree(described: list[dict[str, Any]], stated: Constraints) -> None:
    items, deps = catalogue(described), make_deps()
    for item in items:
        deps.table.put_item(item)
    blocked = np.zeros(len(items), np.bool_)
    block_unwanted(blocked, stated, deps.table)
    rules, expected = ItemRules(stated), [is_forbidden(item, stated) for item in items]
    assert [not rules.allows(item) for item in items] == expected
    assert blocked.tolist() == expected


@given(ITEMS, STATED)
@settings(max_examples=40)
def test_no_list_search_or_check_lets_through_what_a_statement_forbids(
    described: list[dict[str, Any]], stated: Constraints
) -> None:
    items, deps = catalogue(described), make_deps()
    for item in items:
        deps.table.put_item(item)
    allowed = {item.item_id for item in items if not is_forbidden(item, stated)}
    numbers = AgentPreferences(
        banned_items=tuple(map(ItemId, stated.banned_items)),
        banned_categories=stated.banned_categories,
        only_categories=stated.only_categories,
        limits=stated.limits,
        rules=stated.rules,
    )
    [ranking] = deps.recommender.rank([Query(user=UserState(user_id=UserId("ann")), now=START, preferences=numbers)])
    assert {placed.item_id for placed in ranking.slate} <= allowed
    index = SearchIndex()
    for item in items:
        index.put_item(item)
    found = index.search(ItemQuery(words="item", constraints=stated, at=START, n=20))
    assert {each.item_id for each in found.items} <= allowed
    shelf = {item.item_id: item.categories for item in items}
    attributes = {item.item_id: known_of(item).attributes for item in items}
    beyond = {item.item_id for item in items if is_beyond(item, stated)}
    every = [item.item_id for item in items]
    left = strike(every, stated, shelf, beyond, attributes)
    assert set(left) == allowed
    assert check_slate(left, stated, shelf, beyond, attributes) == ()
