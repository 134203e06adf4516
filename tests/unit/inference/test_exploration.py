"""Propensities are true: the logged probability is how often a list is drawn."""

from __future__ import annotations

from collections import Counter
from functools import cache
from math import prod, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.evaluation.off_policy.policies import LoggedPolicy, along, marginals
from inference.exploration import Exploration, draw, draw_list, pool_of, rules_of_draw
from inference.query import Query, Ranking
from inference.recommender import Recommender
from inference.slate import SlateLimits, SlateRules, compose, open_rows, rules_of
from schemas.ids import ItemId, PlanId, UserId
from schemas.plans import Constraints, Plan, Quota
from tests.unit.inference.ranking_fixtures import FEATURES, START, busy_world
from tests.unit.inference.test_recommender import ask

WORLD = busy_world()
SEEDS = 20_000
SIGMAS = 4.5
"""How far from its probability a frequency may be: beyond it lies one in 150,000."""


def limits(members: list[list[int]], at_least: list[int], at_most: list[int]) -> SlateLimits:
    return SlateLimits(np.array(members, np.bool_), np.array(at_least), np.array(at_most))


SCORES = np.array([2.0, 1.5, 1.0, 0.5, 0.0])
RULES = {
    "free": SlateRules(rows=5, size=3),
    "pinned": SlateRules(rows=5, size=3, pinned=(3,)),
    "at most": SlateRules(rows=5, size=3, limits=limits([[1, 1, 0, 0, 1]], [0], [1])),
    "at least": SlateRules(rows=5, size=3, limits=limits([[0, 0, 0, 1, 1]], [1], [3])),
    "pinned, at least and at most": SlateRules(
        rows=5, size=4, pinned=(4,), limits=limits([[0, 1, 1, 0, 0], [1, 0, 0, 0, 1]], [1, 0], [1, 2])
    ),
    "one item for two quotas": SlateRules(
        rows=5, size=3, limits=limits([[0, 0, 1, 1, 0], [0, 0, 0, 1, 1]], [1, 1], [2, 2])
    ),
}


@cache
def drawn(name: str, temperature: float = 1.0) -> list[tuple[tuple[int, ...], list[float]]]:
    drawn_list = [draw(SCORES, temperature, RULES[name], np.random.default_rng(seed)) for seed in range(SEEDS)]
    return [(tuple(rows), propensities) for rows, propensities in drawn_list]


def agrees(count: int, probability: float, of: int = SEEDS, slack: float = 1e-6) -> bool:
    return abs(count - of * probability) <= SIGMAS * sqrt(of * probability * (1.0 - probability)) + slack


@pytest.mark.parametrize("name", RULES)
def test_a_list_is_drawn_as_often_as_its_propensities_multiply_to(name: str) -> None:
    slates = drawn(name)
    logged = {rows: prod(propensities) for rows, propensities in slates}
    assert abs(sum(logged.values()) - 1.0) < 0.01, "nearly all the lists that are possible have been drawn"
    counts = Counter(rows for rows, _ in slates)
    assert len(counts) > 2
    assert all(agrees(counts[rows], logged[rows]) for rows in counts)


@pytest.mark.parametrize("temperature", [0.3, 3.0])
def test_a_higher_temperature_draws_bolder_lists_and_is_logged(temperature: float) -> None:
    first = [(rows[0], propensities[0]) for rows, propensities in drawn("free", temperature)]
    counts, shares = Counter(row for row, _ in first), np.exp(SCORES / temperature)
    for row, propensity in set(first):
        assert propensity == pytest.approx(shares[row] / shares.sum())
        assert agrees(counts[row], propensity)


@pytest.mark.parametrize("name", RULES)
def test_the_marginal_of_an_item_in_a_slot_is_how_often_it_is_drawn_there(name: str) -> None:
    rules = RULES[name]
    slots = len(compose(rules))
    expected = marginals(LoggedPolicy(SCORES, 1.0), rules, slots, np.random.default_rng(0), draws=20_000)
    assert expected.sum(axis=1) == pytest.approx(np.ones(slots))
    counts = Counter((slot, row) for rows, _ in drawn(name) for slot, row in enumerate(rows))
    for slot in range(slots):
        for row in range(rules.rows):
            assert agrees(counts[(slot, row)], expected[slot, row], slack=50.0)


def test_a_deterministic_policy_is_the_list_that_exploits() -> None:
    for rules in RULES.values():
        slate = compose(rules)
        certain = marginals(LoggedPolicy(SCORES), rules, len(slate), np.random.default_rng(0), draws=1)
        assert [int(row.argmax()) for row in certain] == slate


@st.composite
def problems(pick: st.DrawFn) -> SlateRules:
    """Pins, or quotas that the slots suffice for."""
    rows, size = pick(st.integers(1, 12)), pick(st.integers(1, 6))
    members, at_least, at_most = [], [], []
    for _ in range(pick(st.integers(0, 3))):
        members.append(pick(st.lists(st.integers(0, 1), min_size=rows, max_size=rows)))
        at_least.append(pick(st.integers(0, size - sum(at_least))))
        at_most.append(pick(st.integers(at_least[-1], size)))
    if members:
        return SlateRules(rows=rows, size=size, limits=limits(members, at_least, at_most))
    pinned = pick(st.lists(st.integers(0, rows - 1), max_size=size, unique=True))
    return SlateRules(rows=rows, size=size, pinned=tuple(pinned))


@given(rules=problems(), seed=st.integers(0, 2**52))
@settings(max_examples=300)
def test_drawn_lists_obey_the_rules_and_have_the_logged_probability(rules: SlateRules, seed: int) -> None:
    scores = np.round(np.random.default_rng(seed).normal(size=rules.rows), 6)
    rows, propensities = draw(scores, 0.7, rules, np.random.default_rng(seed))
    assert len(set(rows)) == len(rows) <= rules.slots
    assert tuple(rows[: len(rules.pinned)]) == rules.pinned
    assert all(0.0 < propensity <= 1.0 for propensity in propensities)
    policy = along(LoggedPolicy(scores, 0.7), rules, rows)
    assert policy[np.arange(len(rows)), rows] == pytest.approx(propensities)
    if rules.limits is not None:
        quota_counts = rules.limits.members[:, rows].sum(axis=1)
        assert (quota_counts <= rules.limits.at_most).all()
        if len(rules.limits.members) == 1:
            assert quota_counts[0] >= min(rules.limits.at_least[0], rules.limits.members[0].sum())


@given(rules=problems())
@settings(max_examples=200)
def test_the_list_that_exploits_has_the_best_open_row_in_each_slot(rules: SlateRules) -> None:
    placed, slate_rows = np.zeros(rules.rows, np.bool_), compose(rules)
    for slot, row in enumerate(slate_rows):
        free = open_rows(rules, placed, slot)
        assert free[row]
        assert not free[:row].any()
        placed[row] = True
    assert len(slate_rows) == rules.slots or not open_rows(rules, placed, len(slate_rows)).any()


def exploring(rate: float, **more: float) -> Recommender:
    from inference.learning.weights_file import initial_weights
    from inference.local_ranker import LocalRanker

    ranker = LocalRanker(initial_weights(FEATURES.columns))
    return Recommender(WORLD.table, ranker, features=FEATURES, exploration=Exploration(rate=rate, **more))  # type: ignore[arg-type]


def plan(**changes: object) -> Plan:
    values = {"plan_id": PlanId("p1"), "user_id": UserId("u1"), "goal": "", "made_at": START, "expires_at": START + 1e9}
    return Plan(**{**values, **changes})  # type: ignore[arg-type]


def rank(recommender: Recommender, **changes: object) -> Ranking:
    return recommender.rank([ask(WORLD, "u1", **changes)])[0]


def slate(ranking: Ranking) -> list[tuple[ItemId, float | None]]:
    return [(placed.item_id, placed.propensity) for placed in ranking.slate]


def test_the_same_seed_gives_the_same_list_and_another_seed_another() -> None:
    recommender = exploring(1.0)
    lists = {seed: slate(rank(recommender, seed=seed)) for seed in range(20)}
    assert lists == {seed: slate(rank(recommender, seed=seed)) for seed in range(20)}
    assert len({str(items) for items in lists.values()}) > 15


@pytest.mark.parametrize("rate", [0.0, 0.25, 1.0])
def test_the_rate_is_the_share_of_lists_that_explore_and_the_others_have_no_propensity(rate: float) -> None:
    best, recommender = slate(rank(exploring(0.0))), exploring(rate)
    rankings = [rank(recommender, seed=seed) for seed in range(400)]
    explored = [ranking for ranking in rankings if ranking.draw is not None]
    assert agrees(len(explored), rate, of=400)
    assert all(slate(ranking) == best for ranking in rankings if ranking.draw is None)
    assert all(propensity is None for _, propensity in best)


def test_a_plans_own_rate_overrides_the_setting() -> None:
    recommender = exploring(1e-9)
    drawn_lists = [rank(recommender, seed=seed, plan=plan(exploration=0.5)).draw for seed in range(400)]
    assert agrees(sum(log is not None for log in drawn_lists), 0.5, of=400)


def test_prequential_queries_and_lists_without_a_seed_never_explore() -> None:
    recommender = exploring(1.0)
    assert rank(recommender).draw is None
    evaluated = rank(recommender, seed=7, target=ItemId("i3"))
    assert (evaluated.draw, slate(evaluated)) == (None, slate(rank(exploring(0.0), target=ItemId("i3"))))


def test_without_exploration_no_list_explores_whatever_its_plan_says() -> None:
    exploring_plan = plan(exploration=0.5)
    assert all(rank(WORLD.recommender(), seed=seed, plan=exploring_plan).draw is None for seed in range(50))


def test_a_drawn_list_keeps_bans_pins_and_quotas() -> None:
    recommender = exploring(1.0, temperature=5.0)
    pinned, banned = ItemId("i3"), ItemId("i6")
    exploring_plan = plan(
        quotas=(Quota(category="tea", at_most=3), Quota(category="cake", at_least=2)),
        constraints=Constraints(pinned_items=(pinned,), banned_items=(banned,)),
    )
    for seed in range(100):
        ranking = rank(recommender, seed=seed, plan=exploring_plan)
        names = [item for item, _ in slate(ranking)]
        kinds = Counter(WORLD.table.categories(item)[0] for item in names)
        assert slate(ranking)[0] == (pinned, 1.0)
        assert banned not in names
        assert kinds["tea"] <= 3
        assert kinds["cake"] >= 2


def test_propensities_can_be_recomputed_from_the_log_of_a_draw() -> None:
    exploring_plan = plan(quotas=(Quota(category="tea", at_most=2),), constraints=Constraints(pinned_items=("i4",)))
    for seed in range(50):
        ranking = rank(exploring(1.0, temperature=0.8, top=12), seed=seed, plan=exploring_plan)
        log = ranking.draw
        assert log is not None
        rows = [log.items.index(placed.item_id) for placed in ranking.slate]
        policy = along(LoggedPolicy(np.array(log.scores), log.temperature), rules_of_draw(log), rows)
        assert policy[np.arange(len(rows)), rows] == pytest.approx([p for _, p in slate(ranking)])  # type: ignore[list-item]
        again, _ = draw(np.array(log.scores), log.temperature, rules_of_draw(log), _after_coin(log.seed))
        assert again == rows


def _after_coin(seed: int) -> np.random.Generator:
    rng = Exploration(rate=1.0).rng(seed)
    assert rng is not None
    return rng


def test_the_log_of_a_draw_holds_the_features_of_rows_without_a_slot() -> None:
    ranking = rank(exploring(1.0), seed=3)
    log = ranking.draw
    assert log is not None
    placed = {placed.item_id for placed in ranking.slate}
    rest = [ranking.items.index(item) for item in log.items if item not in placed]
    logged = np.frombuffer(log.features, "<f4").reshape(len(rest), -1)
    assert np.array_equal(logged, ranking.features[rest].astype("<f4"))


def test_quotas_can_be_met_from_below_the_top() -> None:
    names = [ItemId(f"i{row}") for row in range(40)]
    exploring_plan = plan(quotas=(Quota(category="rare", at_least=2),))
    rules = rules_of(names, exploring_plan, lambda _: np.arange(40) >= 35, 3)
    assert pool_of(rules, 4) == [0, 1, 2, 3, 35, 36]
    drawn_list = draw_list(
        Exploration(top=4), 1, names, np.zeros(40, np.float32), np.zeros((40, 1), np.float32), rules, _after_coin(1)
    )
    assert {35, 36} < set(drawn_list.rows)


def test_a_drawn_list_is_as_long_as_the_best_one_however_small_the_top_or_the_quotas() -> None:
    names = [ItemId(f"i{row}") for row in range(40)]
    for exploring_plan in (None, plan(quotas=(Quota(category="common", at_most=2),))):
        rules = rules_of(names, exploring_plan, lambda _: np.arange(40) < 30, 10)
        for seed in range(20):
            features = np.zeros((40, 1), np.float32)
            drawn_list = draw_list(Exploration(top=2), seed, names, features[:, 0], features, rules, _after_coin(seed))
            assert len(drawn_list.rows) == len(compose(rules)) == 10


def test_a_draw_from_an_empty_ranking_is_empty() -> None:
    assert draw(np.zeros(0), 1.0, SlateRules(rows=0, size=10), np.random.default_rng(0)) == ([], [])
    assert Query(user=WORLD.state("u1"), now=START).seed is None
