"""The state of each user's agent, and how an event or an instruction changes it.

An event becomes preference signals, signals move the memories and the profile, those may fire a trigger, and a trigger
makes a plan. Everything is a pure function of the state before; all times are event time.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from agents.catalogue import EMPTY_CATALOGUE, CatalogueReader
from agents.goals import Goals, count_choice, current_goals, is_reached, obey_statement, pursued_goals
from agents.instructions.statements import obey
from agents.memory.extraction import Attributes, extract
from agents.memory.operations import Learned, PreferenceSignal, SignalCause, learn, resynthesise
from agents.memory.record import DECISION_PREDICATES, MEMORY_RULES, NEVER
from agents.offers import OfferState, answered
from agents.planning.drift import Drift, divergence, watch
from agents.planning.ledger import abandon, choose_plan, decide, lapse, put_forward
from agents.planning.new_items import NewItem, strong_fit
from agents.planning.plan import DEFAULT_SLATE_SIZE, Planner, PlanningContext, constraints_of
from agents.planning.rule_planner import RULE_PLANNER
from agents.planning.triggers import ALL_TRIGGERS, Spent, TriggerContext, fire
from agents.profile import Profile, profile_contexts, updated_profile
from features.implicit_feedback import reward
from features.user_state import UserState
from schemas.event_kinds import is_choice
from schemas.ids import EventId, ItemId, MemoryId, UserId
from schemas.instructions import Approve, Instruction, Reject, Say, SetAutonomy
from schemas.interactions import Context, Interaction
from schemas.memories import Memory
from schemas.plans import Constraints, Plan, PlanEntry, TriggerName

PROACTIVE, FULL_AUTONOMY, PROPOSING, RANK_ONLY = 3, 2, 1, 0
"""The levels of `schemas.instructions.SetAutonomy`."""


Action = Literal["plans", "words", "offers"]


class Awaited(Struct, frozen=True):
    """What the words of this event were understood as, until the user approves or rejects it."""

    event_id: EventId
    statements: tuple[Instruction, ...]


class AgentState(Struct, frozen=True, kw_only=True):
    """What the agent knows of one user; `AgentState()` is that of an unknown user.

    `memories` are the active ones; `dormant` memories are outranked or unresolved and wait to be revived or to fade.
    Both are bounded together by `agents.memory.forgetting.FADING_CAPACITY` and `DECISION_LIMITS`, and
    `agents.memory.consolidation.MOST_CONSOLIDATED`. At autonomy
    `PROPOSING` a `proposal` waits for the user's approval, and so does what words were understood as, `pending`.
    `autonomy_of` has the levels that were set for single actions, and `offers` is there once offers were allowed.
    `memory_rules` is the version of the rules that the memories follow. `goals` are what the user pursues, has
    reached, or has let end.
    """

    memories: tuple[Memory, ...] = ()
    dormant: tuple[Memory, ...] = ()
    constraints: Constraints = Constraints()
    plan: Plan | None = None
    profile: Profile = Profile()
    drift: Drift = Drift()
    spent: Spent = {}
    sweep_at: float = NEVER
    autonomy: int = FULL_AUTONOMY
    autonomy_of: dict[Action, int] = {}
    offers: OfferState | None = None
    proposal: Plan | None = None
    pending: Awaited | None = None
    memory_rules: int = 0
    goals: Goals = ()

    def level(self, action: Action) -> int:
        """Return the level of autonomy at which the agent takes this action."""
        return self.autonomy_of.get(action, self.autonomy)

    @property
    def allowed_offers(self) -> OfferState | None:
        """Return what the agent knows of its offers if it may make any, at autonomy `PROACTIVE`."""
        return self.offers if self.level("offers") >= PROACTIVE else None

    def dropped(self, state: UserState) -> frozenset[ItemId]:
        """Return the items that are no steps of a goal, because the user has banned or hidden them."""
        return frozenset((*map(ItemId, self.constraints.banned_items), *state.hidden)) if self.goals else frozenset()


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
    triggers: Collection[TriggerName] = ALL_TRIGGERS,
    slate_size: int = DEFAULT_SLATE_SIZE,
    catalogue: CatalogueReader = EMPTY_CATALOGUE,
) -> AgentStep:
    """Apply one interaction: remember it, move the profile, and re-plan if one of the `triggers` fires.

    `state_before` and `state` are the user before and after `fold`; `attributes` of the item are remembered, and
    move nothing else. `event_source_id` names the source record, plans and ledger lines. Duplicates are not recognised.

    >>> from features.user_state import fold
    >>> from schemas.interactions import Click
    >>> click, before = Click(event_id="e", user_id="u", event_time=1e9, item_id="i"), UserState(user_id="u")
    >>> step = apply_event(AgentState(), before, fold(before, click), click, ("jazz",), event_source_id="s")
    >>> step.trigger, [(memory.predicate, memory.value) for memory in step.memories]
    ('session-start', [('likes', 'jazz')])
    """
    agent, renewed = _by_present_rules(agent, state_before.last_at)
    event_reward = reward(event, state_before.mean_value)
    cause = SignalCause(state.user_id, event.event_id, event.event_time, state.last_at)
    learned = _learn(agent, extract(event, event_reward, categories, attributes), cause)
    where = profile_contexts(event.event_time, event.context)
    profile = updated_profile(agent.profile, event_reward, categories, where)
    drift, drifted = _watched(agent, profile, is_newest=event.event_time >= state_before.last_at)
    offers = agent.offers and answered(agent.offers, event)
    updated = replace(_remember(agent, learned), profile=profile, drift=drift, offers=offers)
    updated = _pursuing(updated, event, catalogue)
    changed, disputed = (learned.changed, bool(learned.disputed)) if learned else ((), False)
    happened = TriggerContext(before=state_before, after=state, plan=agent.plan, disputed=disputed, drifted=drifted)
    happened = _noticed(happened, agent, updated, catalogue)
    context = planning_context(updated, state, event.event_id, event_source_id, where, slate_size)
    return _replan(updated, happened, context, planner, triggers, (*renewed, *changed))


def _watched(agent: AgentState, profile: Profile, *, is_newest: bool) -> tuple[Drift, bool]:
    """Return the detector of drift after a profile that the newest event has moved, and whether it detects one."""
    if profile is agent.profile or not is_newest:
        return agent.drift, False
    return watch(agent.drift, divergence(profile.short_term, profile.long_term))


def _pursuing(agent: AgentState, event: Interaction, catalogue: CatalogueReader) -> AgentState:
    """Return the agent state with its goals after the event."""
    if not agent.goals or not is_choice(event):
        return agent
    return replace(agent, goals=count_choice(agent.goals, event.item_id, event.event_time, catalogue))


def _noticed(
    happened: TriggerContext, before: AgentState, after: AgentState, catalogue: CatalogueReader
) -> TriggerContext:
    """Return what happened, with whether a goal was reached by it, and how a new item of strong fit is found."""
    now = happened.after.last_at
    reached = bool(after.goals) and bool(_reached(after, happened.after, now) - _reached(before, happened.before, now))
    find = cache(lambda: _new_item(after, happened.before, happened.after, catalogue))
    return replace(happened, reached=reached, find_new_item=find)


def _reached(agent: AgentState, state: UserState, now: float) -> frozenset[str]:
    """Return the event ids of the goals that are reached and have not ended by `now`."""
    dropped = agent.dropped(state)
    return frozenset(goal.said.event_id for goal in current_goals(agent.goals, now) if is_reached(goal, dropped))


def _new_item(agent: AgentState, before: UserState, state: UserState, catalogue: CatalogueReader) -> NewItem | None:
    """Return an item of strong fit that has become available since the plan, or without one since the last event."""
    if not before.version:
        return None
    since = agent.plan.made_at if agent.plan else before.last_at
    new = catalogue.arrivals(since, state.last_at, state.locale)
    return strong_fit(new, agent.memories, agent.constraints, state, catalogue.keeps) if new else None


def apply_instruction(
    agent: AgentState,
    state_before: UserState,
    state: UserState,
    instruction: Instruction,
    *,
    event_source_id: str,
    understood: tuple[Instruction, ...] | None = None,
    planner: Planner = RULE_PLANNER,
    triggers: Collection[TriggerName] = ALL_TRIGGERS,
    slate_size: int = DEFAULT_SLATE_SIZE,
    catalogue: CatalogueReader = EMPTY_CATALOGUE,
) -> AgentStep:
    """Apply an instruction: remember it as stated, and re-plan at once so that the plan obeys it.

    `state_before` and `state` are the user before and at it. Of two opposite statements the newer holds, by event time;
    a lift retracts those up to its own. `understood` are the statements that an instruction in words stands for.

    >>> from schemas.ids import UserId
    >>> from schemas.instructions import BanItem
    >>> ban, user = BanItem(event_id="e", user_id="u", event_time=1e9, item_id="i"), UserState(user_id=UserId("u"))
    >>> step = apply_instruction(AgentState(), user, user, ban, event_source_id="s")
    >>> step.trigger, step.agent.plan.constraints.banned_items
    ('instruction', ('i',))
    """
    agent, renewed = _by_present_rules(agent, state_before.last_at)
    state = replace(state, last_at=max(state.last_at, instruction.event_time))
    said = (instruction,) if understood is None else understood
    updated, statements = _considered(agent, instruction, said)
    updated, changed = _obeyed(updated, statements, state, catalogue)
    where, memories = profile_contexts(state.last_at, Context()), (*renewed, *changed)
    planned = planning_context(updated, state, instruction.event_id, event_source_id, where, slate_size)
    context = replace(planned, trigger="instruction")
    decided = decide(updated.plan, updated.proposal, statements, context)
    if decided is not None:
        rest = replace(updated, plan=decided.plan, proposal=None)
        return AgentStep(agent=rest, memories=memories, entries=decided.entries, trigger="instruction")
    is_told = any(not isinstance(statement, Approve | Reject) for statement in statements)
    trigger_context = TriggerContext(before=state, after=state, plan=agent.plan, instructed=is_told)
    trigger_context = _noticed(trigger_context, agent, updated, catalogue)
    return _replan(updated, trigger_context, context, planner, triggers, memories)


def _obeyed(
    agent: AgentState, statements: tuple[Instruction, ...], state: UserState, catalogue: CatalogueReader
) -> tuple[AgentState, tuple[Memory, ...]]:
    """Return the agent state after these statements, and the memories that they changed."""
    changed: dict[MemoryId, Memory] = {}
    now = state.last_at
    for statement in statements:
        memories_by_id = {memory.memory_id: memory for memory in (*agent.memories, *agent.dormant)}
        goals, is_goal = obey_statement(agent.goals, statement, memories_by_id.values(), state, catalogue)
        agent = replace(agent, goals=goals)
        if is_goal:
            continue
        learned = obey(memories_by_id, statement, now, agent.sweep_at)
        agent = _remember(agent, learned)
        changed |= {memory.memory_id: memory for memory in learned.changed}
    return agent, tuple(changed.values())


def _considered(
    agent: AgentState, instruction: Instruction, statements: tuple[Instruction, ...]
) -> tuple[AgentState, tuple[Instruction, ...]]:
    """Return the agent state with the level of autonomy and what waits for approval, and the statements to obey now."""
    settled = any(isinstance(statement, Approve | Reject) for statement in statements)
    if agent.level("words") == PROPOSING and isinstance(instruction, Say) and statements and not settled:
        return replace(agent, pending=Awaited(EventId(instruction.event_id), statements)), ()
    obeyed: list[Instruction] = []
    for statement in statements:
        match statement:
            case SetAutonomy():
                agent = _with_autonomy(agent, statement)
            case Approve(proposal=named) if agent.pending and named in ("", agent.pending.event_id):
                obeyed += agent.pending.statements
                agent = replace(agent, pending=None)
            case Reject(proposal=named) if agent.pending and named in ("", agent.pending.event_id):
                agent = replace(agent, pending=None)
            case _:
                obeyed.append(statement)
    return agent, tuple(obeyed)


def _with_autonomy(agent: AgentState, said: SetAutonomy) -> AgentState:
    """Return the agent state at a level of autonomy: what waited for approval no longer does."""
    if said.level == PROACTIVE or said.offers is not None:
        offers = agent.offers or OfferState()
        agent = replace(agent, offers=replace(offers, rules=said.offers or offers.rules))
    if said.action == "all":
        return replace(agent, autonomy=said.level, autonomy_of={}, pending=None)
    autonomy_of: dict[Action, int] = {**agent.autonomy_of, said.action: said.level}
    return replace(agent, autonomy_of=autonomy_of, pending=None)


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


def _by_present_rules(agent: AgentState, now: float) -> tuple[AgentState, tuple[Memory, ...]]:
    """Return the agent state with memories that follow the rules of now, and the memories that this changed."""
    if agent.memory_rules == MEMORY_RULES:
        return agent, ()
    learned = resynthesise({memory.memory_id: memory for memory in (*agent.memories, *agent.dormant)}, now)
    followed = replace(_remember(agent, learned), memory_rules=MEMORY_RULES, sweep_at=learned.sweep_at)
    return followed, learned.changed


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


def planning_context(
    agent: AgentState, state: UserState, event_id: EventId, cause: str, where: tuple[str, ...], slate_size: int
) -> PlanningContext:
    """Return what a plan of now may be based on; its trigger is yet to be set."""
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
        goals=pursued_goals(agent.goals, state.last_at, agent.dropped(state)),
        where=where,
        slate_size=slate_size,
        state_version=state.version,
    )


def _replan(
    agent: AgentState,
    trigger_context: TriggerContext,
    planning_context: PlanningContext,
    planner: Planner,
    triggers: Collection[TriggerName],
    changed: tuple[Memory, ...],
) -> AgentStep:
    """Fire at most one trigger; ask the planner if one fires, else end the current plan if it has expired.

    What the planner answers to an instruction is followed at once; else at autonomy `PROPOSING` it waits for approval.
    """
    if agent.level("plans") == RANK_ONLY:
        choice = abandon(agent.plan, agent.proposal, planning_context)
        return AgentStep(agent=replace(agent, plan=None, proposal=None), memories=changed, entries=choice.entries)
    fired, proposal = fire(trigger_context, agent.spent, planner.cost, triggers), agent.proposal
    if fired.trigger is None:
        choice = lapse(agent.plan, planning_context)
    else:
        new_item = trigger_context.find_new_item() if "new-item" in triggers else None
        planning_context = replace(planning_context, trigger=fired.trigger, new_item=new_item)
        proposed = planner.propose(planning_context)
        if agent.level("plans") == PROPOSING and not trigger_context.instructed:
            choice = put_forward(agent.plan, proposal, proposed, planning_context)
            proposal = choice.proposal
        else:
            choice = choose_plan(agent.plan, proposed, planning_context)
    return AgentStep(
        agent=replace(agent, plan=choice.plan, proposal=proposal, spent=fired.spent),
        memories=changed,
        entries=choice.entries,
        trigger=fired.trigger,
        suppressed=fired.suppressed,
    )
