"""What is believed of a user, for the user: every memory in words with its evidence, and what their agent plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo

from msgspec import Struct

from agents.agent_state import Action, AgentState
from agents.goals import Goal, current_goals, is_reached, progress, step_left, steps_in_session
from agents.instructions.phrases import belief_phrase, consolidated_phrase
from agents.instructions.wording import WORDINGS, Wording
from agents.memory.record import confidence, is_conditional, is_statement
from agents.offers import settled
from features.user_state import UserState
from schemas.ids import EventId, ItemId, MemoryId, PlanId, UserId
from schemas.instructions import Excepted, OfferRules
from schemas.memories import Memory, MemoryState, Predicate, Subject
from schemas.plans import Plan
from streams.state.user_record import UserRecord

TitleOf = Callable[[ItemId], str]


class PageMemory(Struct, frozen=True, kw_only=True):
    """One memory as its user reads it: `text` in words, and what it rests on.

    `confidence` in [0, 1) is as of the page. A memory that is not active is outranked (`stale`) or undecided. `parts`
    are the memories that a consolidated one is made of. A `conditional` one holds with exceptions, or limits one
    category.
    """

    memory_id: MemoryId
    text: str
    predicate: Predicate
    subject: Subject
    value: str
    confidence: float
    source: str
    state: MemoryState
    evidence: tuple[EventId, ...]
    since: float
    until: float | None = None
    conditional: bool = False
    exceptions: tuple[Excepted, ...] = ()
    parts: tuple[MemoryId, ...] = ()


class PagePlan(Struct, frozen=True, kw_only=True):
    """A plan as its user reads it: its goal, and the categories that it turns to or away from, by weight."""

    plan_id: PlanId
    goal: str
    author: str
    wanted: tuple[str, ...] = ()
    avoided: tuple[str, ...] = ()


class PageOffers(Struct, frozen=True, kw_only=True):
    """What a user's agent may offer unasked, and how probable it seems that the user takes one, as of the page.

    `open` are the items of an offer that stands until `expires_at` (event time), if one does.
    """

    rules: OfferRules
    worth: float
    open: tuple[str, ...] = ()
    expires_at: float = 0.0


class PageGoal(Struct, frozen=True, kw_only=True):
    """A goal as its user reads it: `done` of `total` steps, `in_session` of them in the session that goes on at the
    page's time, of `per_session` that it may take. `items` are those of the steps that are done. `step` is the number
    of the next step, none if the goal is reached or no step is left, and `next` its item where that is known.
    """

    name: str
    text: str
    done: int
    total: int
    reached: bool
    in_session: int
    per_session: int
    items: tuple[ItemId, ...] = ()
    step: int | None = None
    next: ItemId | None = None
    since: float
    until: float | None = None


class UserPage(Struct, frozen=True, kw_only=True):
    """Everything that is believed of a user as of event time `at`: statements, then other beliefs, the surest first,
    and the goals that they pursue or have reached.

    `proposal` is a plan, and `pending` are statements, that wait for the user's approval. `events` is how many events
    the user has had. There are `offers` at autonomy 3, and `autonomy_of` has levels of single actions.
    """

    user_id: UserId
    at: float
    events: int
    autonomy: int
    autonomy_of: dict[Action, int] = {}
    stated: tuple[PageMemory, ...] = ()
    believed: tuple[PageMemory, ...] = ()
    goals: tuple[PageGoal, ...] = ()
    plan: PagePlan | None = None
    proposal: PagePlan | None = None
    pending: bool = False
    offers: PageOffers | None = None


def page_of(record: UserRecord, title: TitleOf, *, now: float, zone: tzinfo, language: str = "en") -> UserPage:
    """Return the page of a user at wall-clock time `now`; statements that have ended by then are not on it.

    The state of the user is as of event times, so `at` is the newest event's, unless `now` is later.

    Raises:
        KeyError: the language is none of `agents.instructions.wording.WORDINGS`.
    """
    at, wording = max(record.user.last_at, now), WORDINGS[language]
    agent = record.at(at).agent
    memories = sorted((*agent.memories, *agent.dormant), key=lambda memory: (-confidence(memory, at), memory.memory_id))
    by_id = {memory.memory_id: memory for memory in memories}
    pages = [(is_statement(memory), _page_memory(memory, by_id, wording, title, at, zone)) for memory in memories]
    return UserPage(
        user_id=record.user.user_id,
        at=at,
        events=record.user.version,
        autonomy=agent.autonomy,
        autonomy_of=agent.autonomy_of,
        stated=tuple(page for is_stated, page in pages if is_stated),
        believed=tuple(page for is_stated, page in pages if not is_stated),
        goals=tuple(_page_goal(goal, agent, record.user, wording, at) for goal in current_goals(agent.goals, at)),
        plan=_page_plan(agent.plan),
        proposal=_page_plan(agent.proposal),
        pending=agent.pending is not None,
        offers=_page_offers(agent, at),
    )


def _page_goal(goal: Goal, agent: AgentState, user: UserState, wording: Wording, at: float) -> PageGoal:
    said, dropped = goal.said, agent.dropped(user)
    far, left = progress(goal, dropped), step_left(goal, dropped)
    ascending = (
        wording.ascending.format(fact=wording.facts.get(said.ascending, said.ascending)) if said.ascending else ""
    )
    of_category = wording.so_many_of.format(count=said.count, category=said.category)
    return PageGoal(
        name=said.name,
        text=wording.in_order.format(count=far.total) if said.items else of_category + ascending,
        done=far.done,
        total=far.total,
        reached=is_reached(goal, dropped),
        in_session=steps_in_session(goal, user, at),
        per_session=said.per_session,
        items=tuple(step.item_id for step in goal.done),
        step=left.number if left else None,
        next=left.items[0] if left and left.items else None,
        since=said.event_time,
        until=said.until,
    )


def _page_offers(agent: AgentState, at: float) -> PageOffers | None:
    if agent.allowed_offers is None:
        return None
    offers = settled(agent.allowed_offers, at)
    return PageOffers(
        rules=offers.rules,
        worth=round(offers.worth(at), 3),
        open=offers.open.items if offers.open else (),
        expires_at=offers.open.expires_at if offers.open else 0.0,
    )


def _page_memory(
    memory: Memory, by_id: Mapping[MemoryId, Memory], wording: Wording, title: TitleOf, at: float, zone: tzinfo
) -> PageMemory:
    parts = [by_id[part] for part in memory.parts if part in by_id]
    belief = belief_phrase(memory, wording, title, at, zone)
    return PageMemory(
        memory_id=memory.memory_id,
        text=consolidated_phrase(belief, parts, wording, title) if parts else belief,
        predicate=memory.predicate,
        subject=memory.subject,
        value=memory.value,
        confidence=round(confidence(memory, at), 3),
        source=memory.source,
        state=memory.state,
        evidence=memory.evidence,
        since=memory.valid_from,
        until=memory.until,
        conditional=is_conditional(memory),
        exceptions=memory.exceptions,
        parts=memory.parts,
    )


def _page_plan(plan: Plan | None) -> PagePlan | None:
    if plan is None:
        return None
    return PagePlan(
        plan_id=plan.plan_id,
        goal=plan.goal,
        author=plan.author,
        wanted=tuple(intent.category for intent in plan.intents if intent.weight > 0.0),
        avoided=tuple(intent.category for intent in plan.intents if intent.weight < 0.0),
    )
