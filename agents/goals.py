"""Goals of several steps over sessions: what counts as a step, how far a user is, and which step comes next.

Progress is a fold of choices that does not depend on their order: each step keeps the earliest choice that took it, and
of a category the earliest `count` items count. So a log in any order, read any number of times, ends in the same
progress. Goal → session → slate: a slate leads with the next step of a goal, until the session has taken as many steps
as the goal allows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct
from msgspec.structs import replace

from agents.catalogue import CatalogueReader
from agents.memory.record import is_statement
from features.agent_preferences import NextStep
from features.user_state import SESSION_GAP, UserState, begins_session
from schemas.ids import ItemId, category_key
from schemas.instructions import Instruction, Lift, LiftAll, LiftGoal, SetGoal, Undo
from schemas.memories import Memory
from schemas.plans import GoalProgress

MOST_GOALS = 8
"""How many goals a user has, reached, ended or not: the newest."""
LEADING_STEPS = 3
"""How many steps a list leads with: one of each goal, of the oldest goals."""
BEFORE_GOAL = 0.0
"""The time of a step that was taken before its goal was stated: in no session of the goal."""


class StepDone(Struct, frozen=True, array_like=True):
    """A step that was taken: when first (event time), by which item, and the item's value of the goal's fact."""

    at: float
    item_id: ItemId
    level: float | None = None


class Goal(Struct, frozen=True):
    """A goal as it was stated, and its steps so far, in the order of their times."""

    said: SetGoal
    done: tuple[StepDone, ...] = ()


Goals = tuple[Goal, ...]
"""A user's goals, the oldest first, each with a name of its own. One that has ended stays: a choice of before its end
may be applied later, so whoever reads them asks for the `current_goals`.
"""


def obey_statement(
    goals: Goals, said: Instruction, memories: Iterable[Memory], state: UserState, catalogue: CatalogueReader
) -> tuple[Goals, bool]:
    """Return the goals after a statement, and whether it was about them alone, and leaves the `memories` as they are.

    `undo` takes back the newest statement, which may be a goal; the one that it replaced does not come back.
    """
    match said:
        case SetGoal():
            return set_goal(goals, said, state, catalogue), True
        case LiftGoal(name=name):
            return lift_goals(goals, said.event_time, name), True
        case Lift(value=name):
            return lift_goals(goals, said.event_time, name), False
        case LiftAll():
            return lift_goals(goals, said.event_time), False
        case Undo(event_time=at):
            said_by_then = (goal for goal in current_goals(goals, at) if goal.said.event_time <= at)
            newest = max(said_by_then, key=_rank, default=None)
            times = [memory.recorded_from for memory in memories if is_statement(memory) and memory.recorded_from <= at]
            if newest is None or newest.said.event_time < max(times, default=BEFORE_GOAL):
                return goals, False
            return tuple(goal for goal in goals if goal is not newest), True
        case _:
            return goals, False


def set_goal(goals: Goals, said: SetGoal, state: UserState, catalogue: CatalogueReader) -> Goals:
    """Return the goals with this one, unless one of its name is newer. Choices that were applied before it count, as if
    they came now: items of a sequence whenever they were chosen, others from the goal's time on.

    >>> from agents.catalogue import EMPTY_CATALOGUE
    >>> from schemas.ids import UserId
    >>> said = SetGoal(event_id="e", user_id="u", event_time=1e9, name="the trilogy", items=("i1", "i2", "i3"))
    >>> [progress(goal, ()) for goal in set_goal((), said, UserState(user_id=UserId("u")), EMPTY_CATALOGUE)]
    [GoalProgress(name='the trilogy', done=0, total=3, per_session=1)]
    """
    goal = Goal(said)
    same = next((known for known in goals if _is_named(known, said.name)), None)
    if same is not None and _rank(same) >= _rank(goal):
        return goals
    others = [known for known in goals if known is not same]
    ranked = tuple(sorted((*others, _caught_up(goal, state, catalogue)), key=_rank))
    going_on = current_goals(ranked, max(state.last_at, said.event_time))
    ended = tuple(each for each in ranked if each not in going_on)
    return tuple(sorted((*ended[-MOST_GOALS:], *going_on[-MOST_GOALS:]), key=_rank))


def count_choice(goals: Goals, item: ItemId, at: float, catalogue: CatalogueReader) -> Goals:
    """Return the goals after a choice of this item; the same object if it is no step of any."""
    counted = tuple(_with_choice(goal, item, at, catalogue) for goal in goals)
    return goals if all(new is old for new, old in zip(counted, goals, strict=True)) else counted


def lift_goals(goals: Goals, at: float, name: str | None = None) -> Goals:
    """Return the goals without those that were stated up to `at`: all of them, or that of this name."""
    return tuple(goal for goal in goals if goal.said.event_time > at or not (name is None or _is_named(goal, name)))


def current_goals(goals: Goals, now: float) -> Goals:
    """Return the goals that have not ended by event time `now`; the same object if none has ended."""
    if all(goal.said.until is None or now < goal.said.until for goal in goals):
        return goals
    return tuple(goal for goal in goals if goal.said.until is None or now < goal.said.until)


def progress(goal: Goal, dropped: Collection[ItemId]) -> GoalProgress:
    """Return how far the goal is; `dropped` items, which the user banned or hid, are no steps of a sequence."""
    said = goal.said
    if not said.items:
        return GoalProgress(name=said.name, done=len(goal.done), total=said.count, per_session=said.per_session)
    left = set(said.items) - set(dropped)
    done = sum(step.item_id in left for step in goal.done)
    return GoalProgress(name=said.name, done=done, total=len(left), per_session=said.per_session)


def is_reached(goal: Goal, dropped: Collection[ItemId]) -> bool:
    """Return whether all steps are taken, of which there is one at least."""
    reached = progress(goal, dropped)
    return 0 < reached.total <= reached.done


def pursued_goals(goals: Goals, now: float, dropped: Collection[ItemId]) -> tuple[GoalProgress, ...]:
    """Return how far the goals are that go on at event time `now`: not ended, not reached, and with a step left."""
    if not goals:
        return ()
    far = [progress(goal, dropped) for goal in current_goals(goals, now)]
    return tuple(each for each in far if each.done < each.total)


def steps_in_session(goal: Goal, state: UserState, now: float) -> int:
    """Return how many of the goal's steps the session has taken that an event at `now` belongs to.

    An instruction begins no session and hides the silence before it. So without the application's own session id the
    steps also count only from the user's last silence of `SESSION_GAP` between choices on.
    """
    if begins_session(state, now):
        return 0
    began_at = state.session.began_at
    if not state.session.session_id:
        began_at = max(began_at, _silent_until(goal, state, now))
    return sum(step.at != BEFORE_GOAL and step.at >= began_at for step in goal.done)


def _silent_until(goal: Goal, state: UserState, now: float) -> float:
    """Return when the user's choices begin that follow each other without a gap until `now`; `now` without any."""
    times = {entry.at for entry in state.recent} | {step.at for step in goal.done}
    for at in sorted((at for at in times if at <= now), reverse=True):
        if now - at > SESSION_GAP:
            break
        now = at
    return now


def next_step(goal: Goal, state: UserState, now: float, dropped: Collection[ItemId]) -> NextStep | None:
    """Return the step that lists lead with at event time `now`; none if there is none left or the session has taken
    its share.
    """
    return None if steps_in_session(goal, state, now) >= goal.said.per_session else step_left(goal, dropped)


def step_left(goal: Goal, dropped: Collection[ItemId]) -> NextStep | None:
    """Return the goal's next step, in whichever session; none if the goal is reached or all its items are dropped."""
    said = goal.said
    if is_reached(goal, dropped):
        return None
    if said.category is not None:
        levels = [step.level for step in goal.done if step.level is not None]
        number, highest, fact = len(goal.done) + 1, max(levels, default=None), said.ascending or ""
        return NextStep(
            goal=said.name, number=number, of=said.count, category=said.category, fact=fact, at_least=highest
        )
    done, left = {step.item_id for step in goal.done}, [item for item in said.items if item not in dropped]
    first = next((row for row, item in enumerate(left) if item not in done), None)
    if first is None:
        return None
    return NextStep(goal=said.name, number=first + 1, of=len(left), items=(ItemId(left[first]),))


def next_steps(goals: Goals, state: UserState, now: float, dropped: Collection[ItemId]) -> tuple[NextStep, ...]:
    """Return the steps that lists lead with at event time `now`, at most `LEADING_STEPS`."""
    steps = [next_step(goal, state, now, dropped) for goal in current_goals(goals, now)]
    return tuple(step for step in steps if step is not None)[:LEADING_STEPS]


def _caught_up(goal: Goal, state: UserState, catalogue: CatalogueReader) -> Goal:
    """Return the goal with the choices that were applied before it was."""
    for entry in state.recent:
        if entry.feedback_weight > 0.0:
            goal = _with_choice(goal, entry.item_id, entry.at, catalogue)
    for item in map(ItemId, goal.said.items):
        own = state.user_item_statistics.get(item)
        kept = sum(entry.item_id == item and entry.feedback_weight > 0.0 for entry in state.recent)
        if own is not None and own.count > kept:  # A choice older than all of the recent ones.
            goal = _with_choice(goal, item, BEFORE_GOAL, catalogue)
    return goal


def _with_choice(goal: Goal, item: ItemId, at: float, catalogue: CatalogueReader) -> Goal:
    said = goal.said
    if said.until is not None and at >= said.until:
        return goal
    level = None
    if said.items:
        if item not in said.items:
            return goal
        at = at if at >= said.event_time else BEFORE_GOAL
    elif at < said.event_time or not _is_of_category(item, said, catalogue):
        return goal
    elif said.ascending is not None:
        level = catalogue.fact(item, said.ascending)
        if level is None:
            return goal
    return _with_step(goal, StepDone(at, item, level))


def _with_step(goal: Goal, step: StepDone) -> Goal:
    """Return the goal with the step, each item's earliest choice once, the earliest of them as many as it has steps."""
    same = next((known for known in goal.done if known.item_id == step.item_id), None)
    if same is not None and same.at <= step.at:
        return goal
    others = [known for known in goal.done if known is not same]
    done = sorted((*others, step), key=lambda known: (known.at, known.item_id))
    return replace(goal, done=tuple(done[: len(goal.said.items) or goal.said.count]))


def _is_of_category(item: ItemId, said: SetGoal, catalogue: CatalogueReader) -> bool:
    key = category_key(said.category or "")
    return any(category_key(name) == key for name in catalogue.categories(item))


def _rank(goal: Goal) -> tuple[float, str]:
    return goal.said.event_time, goal.said.event_id


def _is_named(goal: Goal, name: str) -> bool:
    return category_key(goal.said.name) == category_key(name)
