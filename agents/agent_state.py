"""The state of each user's agent, and how an event or an instruction changes it.

An event becomes preference signals, signals move the memories and the profile, those may fire a trigger, and a trigger
makes a plan. Everything is a pure function of the state before; all times are event time.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from agents.memory.operations import (
    Attributes,
    Learned,
    PreferenceSignal,
    SignalCause,
    extract,
    learn,
    retract,
    take_back,
)
from agents.memory.record import DECISION_PREDICATES, NEVER
from agents.planning.drift import Drift, divergence, watch
from agents.planning.ledger import choose_plan, lapse
from agents.planning.plan import DEFAULT_SLATE_SIZE, Planner, PlanningContext, constraints_of
from agents.planning.rule_planner import RULE_PLANNER
from agents.planning.triggers import Spent, TriggerContext, fire
from agents.profile import Profile, profile_contexts, updated_profile
from features.implicit_feedback import reward
from features.user_state import UserState
from schemas.ids import EventId, MemoryId, UserId
from schemas.instructions import (
    BanCategory,
    BanItem,
    Instruction,
    LessOf,
    Lift,
    LiftAll,
    LimitFact,
    MoreOf,
    OnlyCategory,
    PinItem,
    Say,
    Undo,
)
from schemas.interactions import Context, Interaction
from schemas.memories import Memory, Predicate, Subject
from schemas.plans import Constraints, Plan, PlanEntry, TriggerName

INSTRUCTION_STRENGTH = 3.0
"""The strength of the memory that one instruction writes: that of six clicks."""


class AgentState(Struct, frozen=True, kw_only=True):
    """What the agent knows of one user; `AgentState()` is that of an unknown user.

    `memories` are the active ones; `dormant` memories are outranked or unresolved and wait to be revived or to fade.
    Both are bounded together by `agents.memory.forgetting.FADING_CAPACITY` and `DECISION_LIMITS`.
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
    """The outcome of an event: the new agent state, memories and ledger lines to publish, the trigger that fired, if
    any.

    `suppressed` are the triggers whose condition was true but whose budget was spent.
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
    attributes: Attributes = (),
    *,
    event_source_id: str,
    planner: Planner = RULE_PLANNER,
    slate_size: int = DEFAULT_SLATE_SIZE,
) -> AgentStep:
    """Apply one interaction: remember it, move the profile, and re-plan if a trigger fires.

    `state_before` and `state` are the user before and after `fold`; `categories` and `attributes` are those of the
    event's item; attributes are remembered and move nothing else. `event_source_id` names the source record, and
    through it plans and ledger lines. The caller passes each event once: duplicates are not recognised here.

    >>> from features.user_state import fold
    >>> from schemas.ids import UserId
    >>> from schemas.interactions import Click
    >>> click, before = Click(event_id="e", user_id="u", event_time=1e9, item_id="i"), UserState(user_id=UserId("u"))
    >>> step = apply_event(AgentState(), before, fold(before, click), click, ("jazz",), event_source_id="s")
    >>> step.trigger, [(memory.predicate, memory.value) for memory in step.memories]
    ('session-start', [('likes', 'jazz')])
    """
    event_reward = reward(event, state_before.mean_value)
    cause = SignalCause(state.user_id, event.event_id, event.event_time, state.last_at)
    signals = extract(event, event_reward, categories, attributes)
    learned = _learn(agent, signals, cause)
    where = profile_contexts(event.event_time, event.context)
    profile = updated_profile(agent.profile, event_reward, categories, where)
    drift, drifted = agent.drift, False
    if profile is not agent.profile and event.event_time >= state_before.last_at:
        drift, drifted = watch(agent.drift, divergence(profile.short_term, profile.long_term))
    updated = replace(_remember(agent, learned), profile=profile, drift=drift)
    trigger_context = TriggerContext(
        before=state_before, after=state, plan=agent.plan, disputed=bool(learned and learned.disputed), drifted=drifted
    )
    planning_context = _planning_context(updated, state, event.event_id, event_source_id, where, slate_size)
    return _replan(updated, trigger_context, planning_context, planner, learned.changed if learned else ())


def apply_instruction(
    agent: AgentState,
    state: UserState,
    instruction: Instruction,
    *,
    event_source_id: str,
    understood: tuple[Instruction, ...] | None = None,
    planner: Planner = RULE_PLANNER,
    slate_size: int = DEFAULT_SLATE_SIZE,
) -> AgentStep:
    """Apply an instruction: remember it as stated, and re-plan at once so that the plan obeys it.

    `state` is the user at the instruction. Of two opposite statements the newer holds, by event time; a lift retracts
    the statements up to its own event time. `understood` are the statements that an instruction in words stands for.

    >>> from schemas.ids import UserId
    >>> ban = BanItem(event_id="e", user_id="u", event_time=1e9, item_id="i")
    >>> step = apply_instruction(AgentState(), UserState(user_id=UserId("u")), ban, event_source_id="s")
    >>> step.trigger, step.agent.plan.constraints.banned_items
    ('instruction', ('i',))
    """
    now = max(state.last_at, instruction.event_time)
    state = state if now == state.last_at else replace(state, last_at=now)
    updated, changed = agent, dict[MemoryId, Memory]()
    for statement in (instruction,) if understood is None else understood:
        learned = _obeyed(updated, statement, now)
        updated = _remember(updated, learned)
        changed |= {memory.memory_id: memory for memory in learned.changed}
    trigger_context = TriggerContext(before=state, after=state, plan=agent.plan, instructed=True)
    where = profile_contexts(now, Context())
    planning_context = _planning_context(updated, state, instruction.event_id, event_source_id, where, slate_size)
    return _replan(updated, trigger_context, planning_context, planner, tuple(changed.values()))


def _obeyed(agent: AgentState, instruction: Instruction, now: float) -> Learned:
    """Return what the instruction does to the memories; words alone do nothing."""
    memories_by_id = {memory.memory_id: memory for memory in (*agent.memories, *agent.dormant)}
    match instruction:
        case Lift(value=value):
            return retract(memories_by_id, value, instruction.event_time, now)
        case LiftAll():
            return retract(memories_by_id, None, instruction.event_time, now)
        case Undo():
            return take_back(memories_by_id, instruction.event_time, now)
        case Say():
            return Learned(memories_by_id, sweep_at=agent.sweep_at)
        case _:
            cause = SignalCause(UserId(instruction.user_id), instruction.event_id, instruction.event_time, now)
            return learn(memories_by_id, _instruction_signals(instruction), cause, agent.sweep_at)


Statement = BanItem | BanCategory | PinItem | MoreOf | LessOf | OnlyCategory
"""Statements about one category or item."""


def _instruction_signals(instruction: Statement | LimitFact) -> tuple[PreferenceSignal, ...]:
    """Return what the statement says, a limit for each of its sides."""
    strength, until = INSTRUCTION_STRENGTH, instruction.until
    if not isinstance(instruction, LimitFact):
        return (PreferenceSignal(*_said(instruction), strength, "stated", until=until),)
    fact, sides = instruction.fact, (("at-least", instruction.at_least), ("at-most", instruction.at_most))
    return tuple(
        PreferenceSignal("fact", "limits", side, strength, "stated", attribute=fact, until=until, bound=bound)
        for side, bound in sides
        if bound is not None
    )


def _said(instruction: Statement) -> tuple[Subject, Predicate, str]:
    match instruction:
        case BanItem(item_id=item):
            return "item", "bans", item
        case PinItem(item_id=item):
            return "item", "pins", item
        case BanCategory(category=name):
            return "category", "bans", name
        case MoreOf(category=name):
            return "category", "wants-more", name
        case LessOf(category=name):
            return "category", "wants-less", name
        case OnlyCategory(category=name):
            return "category", "wants-only", name
        case _:
            assert_never(instruction)


def agent_at(agent: AgentState, user: UserId, now: float) -> AgentState:
    """Return the agent state without the statements that have ended by event time `now`.

    What they had outranked is active again, and the plan has the constraints that are left. Lists are made from it: a
    statement ends on time, though nothing happens that changes the stored state.

    >>> agent_at(AgentState(), UserId("u"), 1e9) == AgentState()
    True
    """
    if all(memory.until is None or now < memory.until for memory in agent.memories):
        return agent
    memories_by_id = {memory.memory_id: memory for memory in (*agent.memories, *agent.dormant)}
    left = _remember(agent, learn(memories_by_id, (), SignalCause(user, EventId(""), now, now)))
    plan = left.plan
    return left if plan is None else replace(left, plan=replace(plan, constraints=left.constraints))


def _learn(agent: AgentState, signals: tuple[PreferenceSignal, ...], cause: SignalCause) -> Learned | None:
    """Return what the signals change; none without signals and memories that are due to fade."""
    if not signals and cause.now < agent.sweep_at:
        return None
    memories_by_id = {memory.memory_id: memory for memory in (*agent.memories, *agent.dormant)}
    return learn(memories_by_id, signals, cause, agent.sweep_at)


def _remember(agent: AgentState, learned: Learned | None) -> AgentState:
    """Return the agent state with these memories, and with the constraints that follow from them."""
    if learned is None or not learned.changed:
        return agent
    stored = learned.memories.values()
    decided = any(memory.predicate in DECISION_PREDICATES for memory in learned.changed)
    return replace(
        agent,
        memories=tuple(memory for memory in stored if memory.state == "active"),
        dormant=tuple(memory for memory in stored if memory.state != "active"),
        constraints=constraints_of(stored) if decided else agent.constraints,
        sweep_at=learned.sweep_at,
    )


def _planning_context(
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
    agent: AgentState,
    trigger_context: TriggerContext,
    planning_context: PlanningContext,
    planner: Planner,
    changed: tuple[Memory, ...],
) -> AgentStep:
    """Fire at most one trigger; ask the planner if one fires, else end the current plan if it has expired."""
    fired = fire(trigger_context, agent.spent, planner.cost)
    if fired.trigger is None:
        choice = lapse(agent.plan, planning_context)
    else:
        planning_context = replace(planning_context, trigger=fired.trigger)
        choice = choose_plan(agent.plan, planner.propose(planning_context), planning_context)
    return AgentStep(
        agent=replace(agent, plan=choice.plan, spent=fired.spent),
        memories=changed,
        entries=choice.entries,
        trigger=fired.trigger,
        suppressed=fired.suppressed,
    )
