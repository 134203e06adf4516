"""What a plan holds, who checks it, and what becomes of it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from agents.agent_state import AgentState
from agents.planning.budget import Cost
from agents.planning.guardrails import Violation, check_plan, check_slate, strike
from agents.planning.ledger import choose_plan
from agents.planning.plan import PlanningContext, last_resort
from agents.planning.rule_planner import LESS_AT_MOST, MORE_AT_LEAST, RULE_PLANNER
from agents.profile import Profile, interests, profile_contexts, updated_profile
from schemas.ids import EventId, ItemId, MemoryId
from schemas.instructions import BanCategory, BanItem, LessOf, Lift, MoreOf, PinItem
from schemas.interactions import Click, Context, Dislike, Skip
from schemas.plans import Constraints, Intent, Plan, Quota
from tests.unit.agents.scenarios import DAY, START, USER, Life, after, event, life_of

CHOICES = (event(Click, 0.0, "jazz-1"), event(Click, 5.0, "jazz-2"), event(Click, 9.0, "folk-1"))


def plan_of(life: Life) -> Plan:
    assert life.agent.plan is not None
    return life.agent.plan


def context_of(agent: AgentState, now: float = START + 30.0) -> PlanningContext:
    return PlanningContext(
        user_id=USER,
        now=now,
        trigger="session-start",
        event_id=EventId("e"),
        cause="cause",
        memories=agent.memories,
        profile=agent.profile,
        constraints=agent.constraints,
        state_version=10,
    )


def violations_of(life: Life, **changes: object) -> list[str]:
    """The reason codes for which the life's plan is refused after these changes."""
    violations = check_plan(replace(plan_of(life), **changes), context_of(life.agent))
    return [reason.split(":")[0] for reason in violations]


def test_intents_are_shares_of_attention_and_point_at_memories() -> None:
    life = life_of(*CHOICES, event(MoreOf, 20.0, category="rock"))
    plan = plan_of(life)
    assert {intent.category for intent in plan.intents} == {"jazz", "folk", "rock"}
    assert abs(sum(abs(intent.weight) for intent in plan.intents) - 1.0) < 1e-9
    assert set(plan.evidence) <= {memory.memory_id for memory in life.agent.memories}


def test_more_choices_give_more_weight_and_more_confidence() -> None:
    plan = plan_of(life_of(*CHOICES, event(Lift, 20.0, value="nothing")))
    by_name = {intent.category: intent for intent in plan.intents}
    assert by_name["jazz"].weight > by_name["folk"].weight
    assert by_name["jazz"].confidence > by_name["folk"].confidence


def test_disliked_categories_have_negative_intents() -> None:
    life = life_of(event(Dislike, 0.0, "rock-1"), *CHOICES[1:], event(Lift, 20.0, value="nothing"))
    assert {intent.category: intent.weight < 0 for intent in plan_of(life).intents}["rock"]


def test_an_unknown_user_gets_a_plan_without_intents() -> None:
    plan = plan_of(life_of(event(Lift, 0.0, value="nothing")))
    assert (plan.intents, plan.quotas, plan.constraints) == ((), (), Constraints())


def test_wanting_more_of_a_category_gives_it_slots_and_wanting_less_limits_them() -> None:
    life = life_of(*CHOICES, event(MoreOf, 20.0, category="rock"), event(LessOf, 21.0, category="jazz"))
    quotas = {quota.category: quota for quota in plan_of(life).quotas}
    assert quotas["rock"].at_least == MORE_AT_LEAST
    assert quotas["jazz"].at_most == LESS_AT_MOST


def test_quotas_fit_the_slate_however_much_more_is_asked_for() -> None:
    life = life_of(*(event(MoreOf, float(k), category=f"c{k}") for k in range(20)))
    assert sum(quota.at_least for quota in plan_of(life).quotas) <= 5
    assert life.last.entries[-1].decision == "accepted"


def test_bans_and_pins_are_constraints_of_the_very_next_plan() -> None:
    life = life_of(
        event(BanItem, 0.0, "jazz-1"), event(BanCategory, 1.0, category="rock"), event(PinItem, 2.0, "folk-1")
    )
    expected = Constraints(banned_items=("jazz-1",), banned_categories=("rock",), pinned_items=("folk-1",))
    assert plan_of(life).constraints == life.agent.constraints == expected


@pytest.mark.parametrize("spelling", ["jazz", " Jazz", "JAZZ "])
def test_a_banned_category_has_no_intent_however_much_it_was_liked_and_however_it_is_spelled(spelling: str) -> None:
    life = life_of(*CHOICES, event(BanCategory, 20.0, category=spelling))
    assert "jazz" not in [intent.category for intent in plan_of(life).intents]
    wanting = replace(plan_of(life), intents=(Intent(category="jazz", weight=0.5, confidence=0.5),))
    assert any(fault.startswith("banned") for fault in check_plan(wanting, context_of(life.agent)))


def test_a_lifted_ban_no_longer_constrains() -> None:
    life = life_of(event(BanItem, 0.0, "jazz-1"), event(Lift, 1.0, value="jazz-1"))
    assert plan_of(life).constraints == Constraints()


def test_a_disputed_category_gets_a_slot_and_no_cap() -> None:
    life = life_of(event(Click, 0.0, "jazz-1"), event(Dislike, 1.0, "rock-1"), event(Click, 2.0, "rock-1"))
    assert life.last.trigger == "contradiction"
    assert Quota(category="rock", at_least=1) in plan_of(life).quotas


def test_at_most_two_disputed_categories_take_slots() -> None:
    life = life_of(event(Click, 0.0, "jazz-1"), event(Dislike, 1.0, "rock-1"), event(Click, 2.0, "rock-1"))
    context = context_of(life.agent)
    rock = next(memory for memory in life.agent.dormant if memory.state == "unresolved")
    disputed = tuple(replace(rock, value=name) for name in ("rock", "folk", "soul"))
    plan = RULE_PLANNER.propose(replace(context, trigger="contradiction", dormant=disputed))
    assert sum(quota.at_least > 0 for quota in plan.quotas) == 2


def test_the_rule_planners_plans_pass_the_guardrails() -> None:
    life = life_of(*CHOICES)
    assert violations_of(life) == []


def test_a_plan_is_refused_with_a_reason() -> None:
    life = life_of(*CHOICES, event(BanCategory, 20.0, category="rock"), event(BanItem, 21.0, "jazz-3"))
    wanted = Intent(category="rock", weight=0.5, confidence=0.5)
    assert violations_of(life, intents=(wanted,)) == ["banned"]
    assert violations_of(life, intents=(replace(wanted, category="jazz", weight=1.5),)) == ["out-of-range"]
    assert violations_of(life, exploration=0.9) == ["out-of-range"]
    assert violations_of(life, quotas=(Quota(category="jazz", at_least=11),)) == ["unsatisfiable"]
    assert violations_of(life, quotas=(Quota(category="jazz", at_least=3, at_most=2),)) == ["unsatisfiable"]
    assert violations_of(life, constraints=Constraints()) == ["disobeys", "disobeys"]
    assert violations_of(life, evidence=(MemoryId("made-up"),)) == ["no-evidence"]
    assert violations_of(life, expires_at=START + 25.0) == ["expired"]
    assert violations_of(life, expires_at=START + 30 * DAY) == ["horizon"]
    assert violations_of(life, user_id="somebody else") == ["wrong-user"]
    assert violations_of(life, state_version=99) == ["unknown-state"]
    assert violations_of(life, steps=("s",) * 9) == ["too-many"]
    assert violations_of(life, goal="g" * 201) == ["too-long"]


def test_unknown_categories_are_refused_where_the_catalogue_is_given() -> None:
    life = life_of(event(MoreOf, 0.0, category="jazz"))
    violations = check_plan(plan_of(life), context_of(life.agent), categories=("folk",))
    assert violations == ("unknown-category: 'jazz' is not in the catalogue",)


def test_a_refused_plan_is_in_the_ledger_and_the_current_one_stays() -> None:
    life = life_of(*CHOICES)
    context = context_of(life.agent)
    bad = replace(plan_of(life), plan_id="bad", exploration=1.0)
    choice = choose_plan(plan_of(life), bad, context)
    assert choice.plan == plan_of(life)
    assert [(entry.decision, entry.plan.plan_id) for entry in choice.entries] == [("rejected", "bad")]
    assert choice.entries[0].violations


def test_without_a_valid_current_plan_the_last_resort_is_adopted() -> None:
    life = life_of(*CHOICES, event(BanItem, 20.0, "jazz-3"))
    context = context_of(life.agent)
    bad = replace(plan_of(life), plan_id="bad", exploration=1.0)
    stale = replace(plan_of(life), constraints=Constraints())
    for current in (None, stale):
        choice = choose_plan(current, bad, context)
        assert choice.plan == last_resort(context)
        assert choice.plan.constraints == life.agent.constraints


def test_a_plan_is_followed_to_its_end_even_if_its_evidence_fades_meanwhile() -> None:
    life = life_of(*CHOICES)
    forgetful = replace(context_of(life.agent), memories=())
    bad = replace(plan_of(life), plan_id="bad", exploration=1.0)
    current = replace(plan_of(life), evidence=(MemoryId("faded"),))
    assert choose_plan(current, bad, forgetful).plan == current


class Careless:
    """A planner that forgets what was said."""

    cost = Cost()

    def propose(self, context: PlanningContext) -> Plan:
        return replace(last_resort(context), constraints=Constraints(), author="careless")


def test_a_planner_that_forgets_a_ban_is_overruled() -> None:
    banned = life_of(event(Click, 0.0, "jazz-1"), event(BanItem, 1.0, "jazz-3"))
    life = after(banned, [event(Skip, 10.0 + k, "jazz-1") for k in range(3)], planner=Careless())
    assert [entry.decision for entry in life.last.entries] == ["rejected"]
    assert plan_of(life).constraints.banned_items == ("jazz-3",)


def test_a_line_of_the_ledger_names_its_cause() -> None:
    entry = life_of(*CHOICES).steps[0].entries[0]
    assert (entry.trigger, entry.trigger_event_ids, entry.event_time) == ("session-start", ("Click-jazz-1-0.0",), START)


def test_a_list_is_checked_item_by_item() -> None:
    constraints = Constraints(banned_items=("b",), banned_categories=("war",), pinned_items=("p", "gone"))
    shelf = {ItemId(name): () for name in ("a", "b", "p")} | {ItemId("w"): ("war",)}
    slate = [ItemId(name) for name in ("a", "b", "w", "gone", "a")]
    assert check_slate(slate, constraints, shelf) == (
        Violation(ItemId("b"), "banned-item"),
        Violation(ItemId("w"), "banned-category"),
        Violation(ItemId("gone"), "unavailable"),
        Violation(ItemId("a"), "twice"),
        Violation(ItemId("p"), "pin-missing"),
    )
    assert strike(slate, constraints, shelf) == ("a",)


def test_a_profile_moves_by_a_share_of_what_the_event_shows_beyond_it() -> None:
    profile = Profile()
    for _ in range(200):
        profile = updated_profile(profile, 1.0, ("jazz",), ())
    assert abs(profile.short_term["jazz"] - 1.0) < 1e-6
    moved = updated_profile(profile, 1.0, ("folk",), ())
    assert moved.short_term["folk"] > moved.long_term["folk"] > 0.0


def test_preferences_are_kept_apart_by_context() -> None:
    evening, morning = profile_contexts(20 * 3_600.0, Context(device="tv")), profile_contexts(8 * 3_600.0, Context())
    profile = updated_profile(updated_profile(Profile(), 1.0, ("jazz",), evening), 1.0, ("news",), morning)
    lasting = {"jazz": 0.5, "news": 0.5}
    at_night = interests(profile, lasting, evening, mood=0.0, setting=0.5)
    at_dawn = interests(profile, lasting, morning, mood=0.0, setting=0.5)
    assert at_night["jazz"] > at_night["news"]
    assert at_dawn["news"] > at_dawn["jazz"]


def test_a_profile_is_bounded_however_many_categories_and_devices_there_are() -> None:
    profile = Profile()
    for k in range(300):
        profile = updated_profile(profile, 1.0, (f"c{k}",), (f"device:{k}",))
    assert len(profile.short_term) == len(profile.long_term) == 32
    assert len(profile.context) == 8
