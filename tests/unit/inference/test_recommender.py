"""What a list promises, for every user and in every batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from features.agent_preferences import NextStep
from features.user_state import UserState, fold
from inference.evaluation.baselines.simple import Popularity
from inference.evaluation.metrics.prequential import Prequential
from inference.learning.learner import Learner
from inference.learning.sampling import sample
from inference.learning.weights_file import initial_weights
from inference.local_ranker import LocalRanker
from inference.ports import Scores
from inference.query import Query, Ranking
from inference.recommender import Recommender
from schemas.ids import EventId, ItemId, PlanId, UserId
from schemas.interactions import Hide, Skip
from schemas.plans import Constraints, Intent, Plan, Quota
from schemas.ranking_log import Choice
from tests.builders import memory
from tests.unit.inference.ranking_fixtures import FEATURES, KINDS, START, World, busy_world, item, query_of

WORLD = busy_world()


def ask(world: World, user: str, **changes: Any) -> Query:
    return query_of(world, user, after=60.0, **changes)


def plan(**changes: object) -> Plan:
    return Plan(
        plan_id=PlanId("p1"), user_id=UserId("u1"), goal="test", made_at=START, expires_at=START + 1e9, **changes
    )  # type: ignore[arg-type]


def names(ranking: Ranking) -> list[ItemId]:
    return [placed.item_id for placed in ranking.slate]


def same(one: Ranking, other: Ranking) -> bool:
    return (
        names(one) == names(other)
        and one.items == other.items
        and np.allclose(one.features, other.features, atol=1e-6)
        and (one.chosen, one.rank) == (other.chosen, other.rank)
    )


def test_an_unknown_user_gets_popular_items() -> None:
    ranking = WORLD.recommender().rank([ask(WORLD, "nobody")])[0]
    assert len(ranking.slate) == 10
    assert all(placed.reason for placed in ranking.slate)


def test_without_any_item_the_list_is_empty() -> None:
    [ranking] = World().recommender().rank([Query(user=UserState(user_id=UserId("u1")), now=START)])
    assert ranking.slate == ()


def test_items_are_ranked_without_a_catalogue() -> None:
    world = World()
    for user in range(4):
        world.choose(f"u{user}", user % 2)
    assert names(world.recommender().rank([ask(world, "new")])[0])[:2] == ["i1", "i0"]


def test_an_item_without_events_or_release_is_not_shown() -> None:
    world = World([item(1), item(2)])
    world.choose("u1", 1)
    assert names(world.recommender().rank([ask(world, "u2")])[0]) == ["i1"]


def test_users_get_what_others_chose_after_the_same_items() -> None:
    world = World()
    for user in range(8):
        world.choose(f"tea{user}", 0)
        world.choose(f"tea{user}", 3)
        world.choose(f"cake{user}", 2)
        world.choose(f"cake{user}", 5)
    world.choose("new", 0)
    assert names(world.recommender().rank([ask(world, "new")])[0])[0] == "i3"


@settings(max_examples=25)
@given(st.lists(st.sampled_from([f"u{number}" for number in range(14)]), min_size=1, max_size=6))
def test_batching_changes_nothing(users: list[str]) -> None:
    recommender = WORLD.recommender()
    queries = [ask(WORLD, user, target=ItemId("i3")) for user in users]
    together = recommender.rank(queries)
    assert all(same(one, recommender.rank([query])[0]) for one, query in zip(together, queries, strict=True))


def test_a_batch_is_one_call_of_the_ranker() -> None:
    calls = []

    class Counting(LocalRanker):
        def score(self, features: np.ndarray, mask: np.ndarray) -> Scores:
            calls.append(features.shape[0])
            return super().score(features, mask)

    recommender = Recommender(WORLD.table, Counting(initial_weights(FEATURES.columns)), features=FEATURES)
    recommender.rank([ask(WORLD, f"u{number}") for number in range(5)])
    assert calls == [5]


@pytest.mark.parametrize("chosen", ["i0", "i7", "i29", "unheard-of"])
def test_the_target_of_a_prequential_query_does_not_influence_the_list(chosen: str) -> None:
    recommender = WORLD.recommender()
    [prequential], [plain] = (recommender.rank([ask(WORLD, "u1", target=target)]) for target in (ItemId(chosen), None))
    assert names(prequential) == names(plain)
    assert prequential.items == plain.items
    assert np.array_equal(prequential.features, plain.features)
    assert plain.rank is None
    assert prequential.rank == (names(plain).index(ItemId(chosen)) + 1 if chosen in names(plain) else None)
    assert prequential.chosen == (plain.items.index(ItemId(chosen)) if chosen in plain.items else None)


def test_events_of_the_future_and_items_of_the_future_change_no_list() -> None:
    short, long = World([item(number) for number in range(6)]), World([item(number) for number in range(60)])
    for world in (short, long):
        for step in range(12):
            world.choose(f"u{step % 4}", step % 5)
    query = ask(short, "u1")
    before = short.recommender().rank([query])[0]
    assert same(before, long.recommender().rank([query])[0])
    long.choose("u9", 50)
    assert not same(before, long.recommender().rank([query])[0])


@settings(max_examples=30)
@given(
    banned=st.lists(st.integers(0, 23), max_size=5),
    kinds=st.lists(st.sampled_from(KINDS), max_size=1),
    pinned=st.lists(st.integers(0, 23), max_size=3),
    most=st.integers(0, 4),
)
def test_constraints_hold_whatever_the_ranker_thinks(
    banned: list[int], kinds: list[str], pinned: list[int], most: int
) -> None:
    constraints = Constraints(
        banned_items=tuple(f"i{number}" for number in banned),
        banned_categories=tuple(kinds),
        pinned_items=tuple(f"i{number}" for number in pinned),
    )
    given_plan = plan(constraints=constraints, quotas=(Quota(category="tea", at_most=most),))
    [ranking] = WORLD.recommender("allow").rank([ask(WORLD, "u1", plan=given_plan)])
    slate = names(ranking)
    assert not set(slate) & set(constraints.banned_items)
    assert not any(kind in WORLD.table.categories(chosen) for chosen in slate for kind in kinds)
    assert sum("tea" in WORLD.table.categories(chosen) for chosen in slate) <= most
    assert len(set(slate)) == len(slate)


def test_pinned_items_lead_the_list() -> None:
    given_plan = plan(constraints=Constraints(pinned_items=("i20",)))
    assert names(WORLD.recommender().rank([ask(WORLD, "u1", plan=given_plan)])[0])[0] == "i20"


def test_a_quota_is_filled_as_far_as_there_are_items() -> None:
    given_plan = plan(quotas=(Quota(category="cake", at_least=4),))
    slate = names(WORLD.recommender().rank([ask(WORLD, "u0", plan=given_plan)])[0])
    assert sum("cake" in WORLD.table.categories(chosen) for chosen in slate) >= 4


def test_a_plans_intent_brings_its_category_forward() -> None:
    given_plan = plan(intents=(Intent(category="cake", weight=1.0, confidence=1.0),))
    recommender = WORLD.recommender()
    [plain], [intended] = (recommender.rank([ask(WORLD, "u0", plan=each)]) for each in (None, given_plan))

    def cakes(ranking: Ranking) -> int:
        return sum("cake" in WORLD.table.categories(chosen) for chosen in names(ranking)[:5])

    assert cakes(intended) > cakes(plain)


def test_a_remembered_ban_is_obeyed() -> None:
    banned = memory("u1", "tea", "bans", source="stated", valid_from=START, recorded_from=START)
    slate = names(WORLD.recommender().rank([ask(WORLD, "u1", memories=(banned,))])[0])
    assert slate
    assert not any("tea" in WORLD.table.categories(chosen) for chosen in slate)


def test_hidden_withdrawn_and_unavailable_items_are_not_shown() -> None:
    world = busy_world()
    hide = Hide(event_id=EventId("h1"), user_id=UserId("u1"), event_time=world.now, item_id=ItemId("i0"))
    world.states[UserId("u1")] = fold(world.state("u1"), hide)
    world.table.withdraw(ItemId("i3"))
    world.table.put_item(item(6, available_until=world.now))
    [ranking] = world.recommender("allow").rank([ask(world, "u1")])
    assert not {"i0", "i3", "i6"} & set(ranking.items)


def test_a_skipped_item_ranks_lower_but_is_not_removed() -> None:
    world = busy_world()
    [before] = world.recommender().rank([ask(world, "u1")])
    first = before.slate[0]
    skip = Skip(event_id=EventId("s1"), user_id=UserId("u1"), event_time=world.now, item_id=first.item_id)
    world.states[UserId("u1")] = fold(world.state("u1"), skip)
    [after] = world.recommender().rank([ask(world, "u1")])
    assert {placed.item_id: placed.score for placed in after.slate}[first.item_id] < first.score - 0.5


def test_where_users_never_repeat_consumed_items_are_not_candidates() -> None:
    state = WORLD.state("u1")
    [ranking] = WORLD.recommender("learn").rank([ask(WORLD, "u1")])
    assert not set(state.user_item_statistics) & set(ranking.items)


def test_where_users_repeat_consumed_items_are_candidates() -> None:
    recommender = WORLD.recommender("learn")
    recommender.load_weights(replace(initial_weights(FEATURES.columns), repeat_rate=0.3))
    [ranking] = recommender.rank([ask(WORLD, "u1")])
    assert set(WORLD.state("u1").user_item_statistics) & set(ranking.items)


def test_lists_beat_popularity_and_learning_does_not_harm_them() -> None:
    world, learner, popularity = World([item(number) for number in range(60)]), Learner(FEATURES.columns), Popularity()
    ranker = LocalRanker(initial_weights(FEATURES.columns))
    recommender = Recommender(world.table, ranker, features=FEATURES, slate_size=3)
    rng, ours, baseline = np.random.default_rng(0), Prequential(3), Prequential(3)
    for event in range(600):
        user = int(rng.integers(0, 60))
        chosen = 3 * ((len(world.state(f"u{user}").user_item_statistics) + user // 3) % 20) + user % 3
        query = ask(world, f"u{user}", target=ItemId(f"i{chosen}"))
        [prequential] = recommender.rank([query])
        ours.add(prequential.rank)
        popular = popularity.top((), query.now, 3, set(query.user.user_item_statistics))
        baseline.add(popular.index(f"i{chosen}") + 1 if f"i{chosen}" in popular else None)
        rows = sample(prequential, event)
        learner.learn([choice_of(prequential, query, rows, event)])
        ranker.load_weights(learner.export(event))
        popularity.learn(query.user.user_id, ItemId(f"i{chosen}"), query.now)
        world.choose(f"u{user}", chosen)
    assert ours.measures().hit_rate > baseline.measures().hit_rate + 0.2


def choice_of(prequential: Ranking, query: Query, rows: np.ndarray, event: int) -> Choice:
    assert query.target is not None
    return Choice(
        entry_id=f"c{event}",
        user_id=query.user.user_id,
        event_time=query.now,
        event_id=EventId(f"e{event}"),
        item_id=query.target,
        table=prequential.table,
        items=tuple(prequential.items[row] for row in rows),
        features=prequential.features[rows].tobytes(),
        chosen=0 if len(rows) else None,
        rank=prequential.rank,
        seen_before=query.target in query.user.user_item_statistics,
        model_version=prequential.model_version,
    )


def test_a_list_names_its_versions_and_its_feature_schema() -> None:
    [ranking] = WORLD.recommender().rank([ask(WORLD, "u1")])
    assert (ranking.model_version, ranking.statistics_version) == (0, WORLD.table.version)
    assert ranking.table == FEATURES.id
    assert all(ranking.items[placed.row] == placed.item_id for placed in ranking.slate)


STEPS = st.lists(
    st.one_of(
        st.builds(lambda kind: {"category": kind}, st.sampled_from(KINDS)),
        st.builds(lambda kind: {"category": kind, "fact": "price", "at_least": 2.0}, st.sampled_from(KINDS)),
        st.builds(lambda number: {"items": (ItemId(f"i{number}"),)}, st.integers(0, 29)),
    ),
    max_size=3,
)
NEVER_CHOSEN = World([item(number, available_from=0.0, price=float(number % 4)) for number in range(30)])
for chooser in range(40):
    NEVER_CHOSEN.choose(f"u{chooser % 8}", chooser % 5)


@settings(max_examples=40, deadline=None)
@given(
    steps=STEPS,
    pinned=st.lists(st.integers(0, 29), max_size=2, unique=True),
    candidates=st.lists(st.integers(0, 29), max_size=2),
    narrow=st.booleans(),
)
def test_a_slate_has_at_most_one_step_of_each_goal_and_only_pinned_items_say_so(
    steps: list[dict[str, Any]], pinned: list[int], candidates: list[int], narrow: bool
) -> None:
    constraints = Constraints(pinned_items=tuple(f"i{number}" for number in pinned))
    given_plan = plan(constraints=constraints, candidates=tuple(f"i{number}" for number in candidates))
    query = ask(NEVER_CHOSEN, "u1", plan=given_plan)
    goals = tuple(NextStep(goal=f"goal {n}", number=1, of=2, **step) for n, step in enumerate(steps))
    query = replace(query, preferences=replace(query.preferences, next_steps=goals))
    ranker = LocalRanker(initial_weights(FEATURES.columns))
    width = 12 if narrow else 150
    recommender = Recommender(NEVER_CHOSEN.table, ranker, features=FEATURES, repeats="forbid", candidates=width)
    [ranking] = recommender.rank([query])
    led = [placed.reason for placed in ranking.slate if placed.source == "goal"]
    assert len(set(led)) == len(led)
    for placed in ranking.slate:
        assert placed.source != "pinned" or placed.item_id in constraints.pinned_items
        assert placed.source != "plan" or placed.item_id in given_plan.candidates


def test_two_goals_of_one_category_lead_with_an_item_each() -> None:
    query = ask(NEVER_CHOSEN, "u1")
    goals = tuple(NextStep(goal=name, number=1, of=2, category="cake") for name in ("one", "two"))
    [ranking] = NEVER_CHOSEN.recommender().rank(
        [replace(query, preferences=replace(query.preferences, next_steps=goals))]
    )
    assert [placed.reason for placed in ranking.slate[:2]] == [step.text for step in goals]


def test_a_step_above_all_that_is_left_goes_on_with_the_lowest() -> None:
    query = ask(NEVER_CHOSEN, "u1")
    goal = NextStep(goal="learn", number=2, of=3, category="cake", fact="price", at_least=9.0)
    [ranking] = NEVER_CHOSEN.recommender().rank(
        [replace(query, preferences=replace(query.preferences, next_steps=(goal,)))]
    )
    assert (ranking.slate[0].reason, int(ranking.slate[0].item_id[1:]) % 12) == (goal.text, 8), "a cake of price 0"
