"""The agent that lives with each person: what it holds in mind, and how an event or an instruction changes that.

An event becomes a preference, a preference moves the memories and the profile, those may set off a trigger, and a
trigger makes a plan. Everything is a pure function of what came before; all times are event time.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from agents.memory.operations import Learned, PreferenceSignal, SignalCause, extract, learn, retract
from agents.memory.record import DECISIONS, NEVER
from agents.planning.drift import Drift, divergence, watch
from agents.planning.ledger import lapse, rule
from agents.planning.plan import SLATE, Planner, PlanningContext, constraints_of
from agents.planning.rule_planner import RULES
from agents.planning.triggers import Spent, TriggerContext, fire
from agents.profile import Profile, experience, situations
from features.implicit_feedback import reward
from features.user_state import UserState
from schemas.ids import EventId
from schemas.instructions import BanCategory, BanItem, Instruction, LessOf, Lift, MoreOf, PinItem
from schemas.interactions import Context, Interaction
from schemas.memories import Memory
from schemas.plans import Constraints, Plan, PlanEntry, TriggerName

SAID_STRENGTH = 3.0
"""How strongly one instruction speaks: like six clicks."""


class AgentState(Struct, frozen=True, kw_only=True):
    """What the agent holds in mind of one person; `AgentState()` is that of a person never seen.

    `memories` are the active ones; `dormant` are outranked or undecided and wait to be revived or to fade. Both are
    bounded together by `agents.memory.operations.CAPACITY` and `LIMITS`.
    """

    memories: tuple[Memory, ...] = ()
    dormant: tuple[Memory, ...] = ()
    constraints: Constraints = Constraints()
    plan: Plan | None = None
    profile: Profile = Profile()
    drift: Drift = Drift()
    spent: Spent = {}
    sweep_at: float = NEVER


class AgentStep(Struct, frozen=True, kw_only=True):
    """What an event came to: the new mind, memories and ledger lines to publish, the trigger that fired, if any.

    `suppressed` are the triggers that held but had no budget left.
    """

    agent: AgentState
    memories: tuple[Memory, ...] = ()
    entries: tuple[PlanEntry, ...] = ()
    trigger: TriggerName | None = None
    suppressed: tuple[TriggerName, ...] = ()


def apply_event(
    agent: AgentState,
    state_before: UserState,
    state: UserState,
    event: Interaction,
    categories: tuple[str, ...],
    *,
    event_source_id: str,
    planner: Planner = RULES,
    slate_size: int = SLATE,
) -> AgentStep:
    """The agent after one interaction: remember, move the profile, and plan anew if a trigger fires.

    `state_before` and `state` are the person before and after `fold`; `categories` are those of the event's item;
    `event_source_id` names the source record, and through it plans and ledger lines. The caller passes each event
    once: an application's duplicate is not recognised here.

    >>> from features.user_state import fold
    >>> from schemas.ids import UserId
    >>> from schemas.interactions import Click
    >>> click, before = Click(event_id="e", user_id="u", event_time=1e9, item_id="i"), UserState(user_id=UserId("u"))
    >>> step = apply_event(AgentState(), before, fold(before, click), click, ("jazz",), event_source_id="s")
    >>> step.trigger, [(memory.predicate, memory.value) for memory in step.memories]
    ('session-start', [('likes', 'jazz')])
    """
    liked = reward(event, state_before.mean_value)
    cause = SignalCause(state.user_id, event.event_id, event.event_time, state.last_at)
    signals = extract(event, liked, categories)
    learned = _learn(agent, signals, cause)
    where = situations(event.event_time, event.context)
    profile = experience(agent.profile, liked, categories, where)
    drift, drifted = agent.drift, False
    if profile is not agent.profile and event.event_time >= state_before.last_at:
        drift, drifted = watch(agent.drift, divergence(profile.transient, profile.habitual))
    grown = replace(_remember(agent, learned), profile=profile, drift=drift)
    moment = TriggerContext(
        before=state_before, after=state, plan=agent.plan, disputed=bool(learned and learned.disputed), drifted=drifted
    )
    situation = _situate(grown, state, event.event_id, event_source_id, where, slate_size)
    return _replan(grown, moment, situation, planner, learned)


def apply_instruction(
    agent: AgentState,
    state: UserState,
    instruction: Instruction,
    *,
    event_source_id: str,
    planner: Planner = RULES,
    slate_size: int = SLATE,
) -> AgentStep:
    """The agent after an instruction: it is remembered as stated, and a new plan that obeys it is made at once.

    `state` is the person at the instruction. Of two opposite statements the newer holds, by event time; a lift takes
    back what was said up to its own event time.

    >>> from schemas.ids import UserId
    >>> ban = BanItem(event_id="e", user_id="u", event_time=1e9, item_id="i")
    >>> step = apply_instruction(AgentState(), UserState(user_id=UserId("u")), ban, event_source_id="s")
    >>> step.trigger, step.agent.plan.constraints.banned_items
    ('instruction', ('i',))
    """
    now = max(state.last_at, instruction.event_time)
    state = state if now == state.last_at else replace(state, last_at=now)
    held = {memory.memory_id: memory for memory in (*agent.memories, *agent.dormant)}
    if isinstance(instruction, Lift):
        learned = retract(held, instruction.value, instruction.event_time, now)
    else:
        cause = SignalCause(state.user_id, instruction.event_id, instruction.event_time, now)
        learned = learn(held, (_said(instruction),), cause, agent.sweep_at)
    grown = _remember(agent, learned)
    moment = TriggerContext(before=state, after=state, plan=agent.plan, instructed=True)
    where = situations(now, Context())
    situation = _situate(grown, state, instruction.event_id, event_source_id, where, slate_size)
    return _replan(grown, moment, situation, planner, learned)


def _said(instruction: BanItem | BanCategory | PinItem | MoreOf | LessOf) -> PreferenceSignal:
    match instruction:
        case BanItem(item_id=item):
            return PreferenceSignal("item", "bans", item, SAID_STRENGTH, "stated")
        case PinItem(item_id=item):
            return PreferenceSignal("item", "pins", item, SAID_STRENGTH, "stated")
        case BanCategory(category=name):
            return PreferenceSignal("category", "bans", name, SAID_STRENGTH, "stated")
        case MoreOf(category=name):
            return PreferenceSignal("category", "wants-more", name, SAID_STRENGTH, "stated")
        case LessOf(category=name):
            return PreferenceSignal("category", "wants-less", name, SAID_STRENGTH, "stated")
        case _:
            assert_never(instruction)


def _learn(agent: AgentState, signals: tuple[PreferenceSignal, ...], cause: SignalCause) -> Learned | None:
    """What the lessons change; none if there are no lessons and nothing is due to fade."""
    if not signals and cause.now < agent.sweep_at:
        return None
    held = {memory.memory_id: memory for memory in (*agent.memories, *agent.dormant)}
    return learn(held, signals, cause, agent.sweep_at)


def _remember(agent: AgentState, learned: Learned | None) -> AgentState:
    """The mind with these memories, and what lists must obey by them."""
    if learned is None or not learned.changed:
        return agent
    held = learned.memories.values()
    decided = any(memory.predicate in DECISIONS for memory in learned.changed)
    return replace(
        agent,
        memories=tuple(memory for memory in held if memory.state == "active"),
        dormant=tuple(memory for memory in held if memory.state != "active"),
        constraints=constraints_of(held) if decided else agent.constraints,
        sweep_at=learned.sweep_at,
    )


def _situate(
    agent: AgentState, state: UserState, event_id: EventId, cause: str, where: tuple[str, ...], slate_size: int
) -> PlanningContext:
    return PlanningContext(
        user_id=state.user_id,
        now=state.last_at,
        trigger="plan-expired",
        event_id=event_id,
        cause=cause,
        memories=agent.memories,
        dormant=agent.dormant,
        profile=agent.profile,
        constraints=agent.constraints,
        where=where,
        slate_size=slate_size,
        state_version=state.version,
    )


def _replan(
    agent: AgentState, moment: TriggerContext, situation: PlanningContext, planner: Planner, learned: Learned | None
) -> AgentStep:
    """Fire at most one trigger; ask the planner if one fires, let the current plan lapse if its time is over."""
    fired = fire(moment, agent.spent, planner.cost)
    if fired.trigger is None:
        ruling = lapse(agent.plan, situation)
    else:
        situation = replace(situation, trigger=fired.trigger)
        ruling = rule(agent.plan, planner.propose(situation), situation)
    return AgentStep(
        agent=replace(agent, plan=ruling.plan, spent=fired.spent),
        memories=learned.changed if learned else (),
        entries=ruling.entries,
        trigger=fired.trigger,
        suppressed=fired.suppressed,
    )
