"""When to plan anew: one table of triggers, each a condition and a budget, the most urgent first.

Adding a trigger is adding its name to `schemas.plans.TriggerName` and a row here.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from agents.planning.budget import UNLIMITED, Budget, Cost, Spending, spend
from features.user_state import UserState
from schemas.plans import Plan, TriggerName

SKIPS = 3
"""A run of skips is this many in a row, and each time as many again."""

Spent = dict[TriggerName, Spending]


class TriggerContext(Struct, frozen=True, kw_only=True):
    """What conditions look at: the person before and after the event, and what the agent made of it."""

    before: UserState
    after: UserState
    plan: Plan | None = None
    instructed: bool = False
    disputed: bool = False
    drifted: bool = False


class Trigger(Struct, frozen=True):
    """A row: plan anew if the condition holds and the budget allows."""

    name: TriggerName
    holds: Callable[[TriggerContext], bool]
    budget: Budget


class Fired(Struct, frozen=True):
    """The trigger that a plan is made for, those that held but had no budget, and what has been spent."""

    trigger: TriggerName | None
    suppressed: tuple[TriggerName, ...]
    spent: Spent


def _begins_session(moment: TriggerContext) -> bool:
    return moment.after.session.number > moment.before.session.number


def _runs_of_skips(moment: TriggerContext) -> bool:
    skips = moment.after.session.skips
    return skips > moment.before.session.skips and skips % SKIPS == 0


def _exhausts_slate(moment: TriggerContext) -> bool:
    """The event answered the last open item of the newest slate."""
    if not moment.after.shown or moment.after.shown is moment.before.shown:
        return False
    newest, known = moment.after.shown[0], moment.before.shown[:1]
    if known == (newest,):
        return False
    return set(newest.items) <= {*newest.clicked, *newest.skipped}


def _is_expired(moment: TriggerContext) -> bool:
    return moment.plan is not None and moment.after.last_at >= moment.plan.expires_at


TRIGGERS: tuple[Trigger, ...] = (
    Trigger("instruction", lambda moment: moment.instructed, UNLIMITED),
    Trigger("contradiction", lambda moment: moment.disputed, Budget(debounce=30.0, cool_down=300.0)),
    Trigger("session-start", _begins_session, Budget()),
    Trigger("taste-drift", lambda moment: moment.drifted, Budget(cool_down=300.0)),
    Trigger("skip-run", _runs_of_skips, Budget(debounce=5.0, cool_down=60.0)),
    Trigger("slate-exhausted", _exhausts_slate, Budget(debounce=5.0, cool_down=60.0)),
    Trigger("plan-expired", _is_expired, Budget(cool_down=60.0)),
)


def fire(moment: TriggerContext, spent: Spent, cost: Cost) -> Fired:
    """The most urgent trigger that holds and can pay for a plan of this cost. Only one fires per event."""
    suppressed: list[TriggerName] = []
    for trigger in TRIGGERS:
        if not trigger.holds(moment):
            continue
        known = spent.get(trigger.name, Spending())
        after, paid = spend(known, trigger.budget, cost, moment.after.last_at)
        spent = {**spent, trigger.name: after}
        if paid:
            return Fired(trigger.name, tuple(suppressed), spent)
        suppressed.append(trigger.name)
    return Fired(None, tuple(suppressed), spent)
