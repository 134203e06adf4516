"""When to re-plan: one table of triggers, each a condition and a budget, the most urgent first.

Adding a trigger is adding its name to `schemas.plans.TriggerName` and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from msgspec import Struct

from agents.planning.budget import UNLIMITED, Budget, Cost, Spending, is_cooling_down, spend
from agents.planning.new_items import NewItem
from features.user_state import UserState
from schemas.plans import Plan, TriggerName

SKIP_RUN_LENGTH = 3
"""This many skips in a row are a run, and so is each further multiple."""

Spent = dict[TriggerName, Spending]


class TriggerContext(Struct, frozen=True, kw_only=True):
    """What conditions read: the user before and after the event, and what the agent concluded from it.

    `find_new_item` looks for an item of strong fit when it is asked for one.
    """

    before: UserState
    after: UserState
    plan: Plan | None = None
    instructed: bool = False
    disputed: bool = False
    drifted: bool = False
    reached: bool = False
    find_new_item: Callable[[], NewItem | None] = lambda: None


class Trigger(Struct, frozen=True):
    """A row: re-plan if the condition holds and the budget allows it. A `costly` condition is not looked at during the
    cool-down.
    """

    name: TriggerName
    holds: Callable[[TriggerContext], bool]
    budget: Budget
    costly: bool = False


class Fired(Struct, frozen=True):
    """The trigger that fired, those whose condition held without budget, and the spending after it."""

    trigger: TriggerName | None
    suppressed: tuple[TriggerName, ...]
    spent: Spent


def _begins_session(context: TriggerContext) -> bool:
    return context.after.session.number > context.before.session.number


def _runs_of_skips(context: TriggerContext) -> bool:
    skips = context.after.session.skips
    return skips > context.before.session.skips and skips % SKIP_RUN_LENGTH == 0


def _exhausts_slate(context: TriggerContext) -> bool:
    """Return whether the event answered the last open item of the newest slate."""
    if not context.after.shown or context.after.shown is context.before.shown:
        return False
    newest, newest_before = context.after.shown[0], context.before.shown[:1]
    if newest_before == (newest,):
        return False
    return set(newest.items) <= {*newest.clicked, *newest.skipped}


def _is_expired(context: TriggerContext) -> bool:
    return context.plan is not None and context.after.last_at >= context.plan.expires_at


TRIGGERS: tuple[Trigger, ...] = (
    Trigger("instruction", lambda context: context.instructed, UNLIMITED),
    Trigger("goal-reached", lambda context: context.reached, UNLIMITED),
    Trigger("contradiction", lambda context: context.disputed, Budget(debounce=30.0, cool_down=300.0)),
    Trigger("session-start", _begins_session, Budget()),
    Trigger("taste-drift", lambda context: context.drifted, Budget(cool_down=300.0)),
    Trigger("skip-run", _runs_of_skips, Budget(debounce=5.0, cool_down=60.0)),
    Trigger("slate-exhausted", _exhausts_slate, Budget(debounce=5.0, cool_down=60.0)),
    Trigger("new-item", lambda context: context.find_new_item() is not None, Budget(cool_down=3_600.0), costly=True),
    Trigger("plan-expired", _is_expired, Budget(cool_down=60.0)),
)


ALL_TRIGGERS: tuple[TriggerName, ...] = tuple(trigger.name for trigger in TRIGGERS)


def fire(context: TriggerContext, spent: Spent, cost: Cost, enabled: Collection[TriggerName] = ALL_TRIGGERS) -> Fired:
    """Fire the most urgent of the enabled triggers that holds and can pay for a plan of this cost; at most one per
    event.
    """
    suppressed: list[TriggerName] = []
    for trigger in TRIGGERS:
        spending = spent.get(trigger.name, Spending())
        waits = trigger.costly and is_cooling_down(spending, trigger.budget, context.after.last_at)
        if trigger.name not in enabled or waits or not trigger.holds(context):
            continue
        after, paid = spend(spending, trigger.budget, cost, context.after.last_at)
        spent = {**spent, trigger.name: after}
        if paid:
            return Fired(trigger.name, tuple(suppressed), spent)
        suppressed.append(trigger.name)
    return Fired(None, tuple(suppressed), spent)
