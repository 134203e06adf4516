"""A user's life in a few lines: events are folded, the agent lives through them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agents.agent_state import AgentState, AgentStep, apply_event, apply_instruction
from agents.catalogue import CatalogueReader
from agents.planning.new_items import NewItem
from agents.planning.plan import Planner
from agents.planning.rule_planner import RULE_PLANNER
from features.item_rules import keeps
from features.user_state import UserState, fold, note
from schemas.ids import EventId, ItemId, ListId, UserId
from schemas.instructions import Instruction
from schemas.interactions import Impression, Interaction
from schemas.memories import Memory, Predicate
from schemas.plans import Limit

USER = UserId("u1")
DAY = 86_400.0
START = 20_000 * DAY

CATALOGUE: dict[str, tuple[str, ...]] = {
    "jazz-1": ("jazz",),
    "jazz-2": ("jazz",),
    "jazz-3": ("jazz",),
    "folk-1": ("folk",),
    "folk-2": ("folk",),
    "rock-1": ("rock",),
    "jazz-folk": ("jazz", "folk"),
}
ATTRIBUTES = {item: (("label", f"label of {item[-1]}"), ("band", item)) for item in CATALOGUE}
HITCHCOCK = ("vertigo", "psycho", "rear-window", "rope", "notorious", "the-birds")
CATALOGUE |= dict.fromkeys(HITCHCOCK, ("thriller",))
ATTRIBUTES |= dict.fromkeys(HITCHCOCK, (("director", "Hitchcock"), ("studio", "Universal")))


class Shelf(Struct, frozen=True):
    """`CATALOGUE` as agents read it. The level of an item is the number at its end; `new` items have their times."""

    new: tuple[tuple[float, NewItem], ...] = ()

    def categories(self, item: ItemId) -> tuple[str, ...]:
        return CATALOGUE.get(item, ())

    def fact(self, item: ItemId, name: str) -> float | None:
        return float(item[-1]) if name == "level" and item[-1].isdigit() else None

    def keeps(self, item: ItemId, limits: Iterable[Limit]) -> bool:
        return all(keeps(self.fact(item, limit.fact), limit) for limit in limits)

    def arrivals(self, since: float, until: float, locale: str) -> tuple[NewItem, ...]:
        del locale
        return tuple(item for at, item in self.new if since < at <= until)


class Life(Struct, frozen=True):
    """A user, their agent's state, and every step so far; `attributed` items have attributes too."""

    state: UserState = UserState(user_id=USER)
    agent: AgentState = AgentState()
    steps: tuple[AgentStep, ...] = ()
    attributed: bool = False
    shelf: CatalogueReader = Shelf()

    @property
    def last(self) -> AgentStep:
        return self.steps[-1]


def event(kind: Any, at: float, item: str | None = None, **more: Any) -> Any:
    """One event of this kind, `at` seconds after the start; its id follows from what it says."""
    fields = more if item is None else {"item_id": ItemId(item), **more}
    name = EventId(f"{kind.__name__}-{item}-{at}")
    return kind(event_id=name, user_id=USER, event_time=START + at, **fields)


def shown(at: float, *items: str) -> Impression:
    return event(Impression, at, items=tuple(map(ItemId, items)), list_id=ListId(f"l{at}"))  # type: ignore[no-any-return]


def after(life: Life, events: Iterable[Any], *, planner: Planner = RULE_PLANNER) -> Life:
    """The life after these interactions and instructions, one by one."""
    for one in events:
        life = _instructed(life, one) if isinstance(one, Instruction) else _lived(life, one, planner)
    return life


def life_of(*events: Any) -> Life:
    return after(Life(), events)


def _lived(life: Life, one: Interaction, planner: Planner) -> Life:
    state = fold(life.state, one)
    categories = CATALOGUE.get(getattr(one, "item_id", ""), ())
    attributes = ATTRIBUTES.get(getattr(one, "item_id", ""), ()) if life.attributed else ()
    agent, name = life.agent, one.event_id
    step = apply_event(
        agent,
        life.state,
        state,
        one,
        categories,
        attributes,
        event_source_id=name,
        planner=planner,
        catalogue=life.shelf,
    )
    return replace(life, state=state, agent=step.agent, steps=(*life.steps, step))


def _instructed(life: Life, one: Instruction) -> Life:
    state = note(life.state, one.event_id, one.event_time)
    step = apply_instruction(life.agent, life.state, state, one, event_source_id=one.event_id, catalogue=life.shelf)
    return replace(life, state=state, agent=step.agent, steps=(*life.steps, step))


def belief(life: Life, predicate: Predicate, value: str) -> Memory:
    """The memory, active or dormant, that this user *predicate* *value*."""
    memories = (*life.agent.memories, *life.agent.dormant)
    return next(memory for memory in memories if (memory.predicate, memory.value) == (predicate, value))


def believes(life: Life, predicate: Predicate, value: str) -> bool:
    """Whether that memory is active."""
    return any((memory.predicate, memory.value) == (predicate, value) for memory in life.agent.memories)
