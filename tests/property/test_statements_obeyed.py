"""What users state holds in every list, of the ranker and of searches, and the guardrails agree about each item."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from agents.planning.guardrails import check_slate, strike
from features.agent_preferences import AgentPreferences
from features.item_facts import known_of
from features.item_rules import ItemRules, is_of
from features.recurring_times import WEEKDAYS, holds_until, in_force, zone_of
from features.user_state import UserState
from inference.items.statements import block_unwanted
from inference.query import Query
from inference.search.index import SearchIndex
from inference.search.query import ItemQuery
from schemas.ids import ItemId, UserId, category_key
from schemas.instructions import Excepted, RecurringTime
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
) | some.builds(ConditionalRule, kind=some.just("limit"), category=CATEGORY | some.just(""), limit=some.just(CHEAP))
RULES |= some.builds(ConditionalRule, kind=some.just("ban"), item=some.sampled_from(["i0", "i1", "gone"]))
TIMES = some.none() | some.builds(
    RecurringTime,
    days=some.lists(some.sampled_from(WEEKDAYS), min_size=1, max_size=3, unique=True).map(tuple),
    starts=some.sampled_from(["00:00", "06:00", "18:00", "22:00"]),
    ends=some.sampled_from(["00:00", "06:00", "12:30"]),
    time_zone=some.sampled_from(["UTC", "Asia/Tokyo", "America/New_York", "Mars"]),
)
STATED = some.builds(
    Constraints,
    banned_items=some.lists(some.sampled_from(["i0", "i2"]), max_size=1).map(tuple),
    banned_categories=some.lists(CATEGORY, max_size=1).map(tuple),
    only_categories=some.lists(CATEGORY, max_size=1).map(tuple),
    limits=some.lists(some.just(CHEAP), max_size=1).map(tuple),
    rules=some.lists(some.builds(lambda rule, when: replace(rule, when=when), RULES, TIMES), max_size=3).map(tuple),
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


def holds(rule: ConditionalRule, at: float) -> bool:
    """Return whether a rule holds, by going through the minutes of each of its times up to `at`."""
    if rule.when is None:
        return True
    begins, ends = (60 * int(clock[:2]) + int(clock[3:]) for clock in (rule.when.starts, rule.when.ends))
    lasts = (ends - begins) % (24 * 60) or 24 * 60
    here = datetime.fromtimestamp(at, zone_of(rule.when.time_zone)).replace(tzinfo=None)
    for day in (here, here - timedelta(days=1)):
        began = day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(minutes=begins)
        if WEEKDAYS[day.weekday()] in rule.when.days and began <= here < began + timedelta(minutes=lasts):
            return True
    return False


def stated_at(stated: Constraints, at: float) -> Constraints:
    """Return what holds at a time, read word by word."""
    rules = [rule for rule in stated.rules if holds(rule, at)]
    timed = [rule.when for rule in rules if rule.kind == "only" and rule.when]
    if timed:
        rules = [rule for rule in rules if rule.kind != "only" or rule.when == timed[0]]
    return replace(stated, rules=tuple(rules), only_categories=() if timed else stated.only_categories)


def is_forbidden(item: Item, stated: Constraints) -> bool:
    """Return whether a statement forbids the item, read word by word."""
    if any(rule.item == item.item_id for rule in stated.rules):
        return True
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
    own = [rule for rule in stated.rules if rule.kind == "limit" and category_key(rule.category) in {"", *keys}]
    return bool(stated.limits or own) and (item.price is None or item.price > 2.0)


MOMENTS = some.integers(0, 14 * 24 * 2).map(lambda half_hours: START + 1_800.0 * half_hours)


@given(STATED, MOMENTS)
@settings(max_examples=150)
def test_what_is_in_force_is_what_the_clock_says_and_stays_so_until_it_says_otherwise(
    stated: Constraints, at: float
) -> None:
    now = in_force(stated, at)
    assert now == stated_at(stated, at)
    ends = holds_until(stated, at)
    if ends is None:
        assert now == in_force(stated, at + 1e6) == stated
    else:
        assert at < ends <= at + 26 * 3_600.0
        assert in_force(stated, ends - 1.0) == now


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
