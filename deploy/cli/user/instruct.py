"""What a user says: in words, or by a command for each thing that can be said of their page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

import typer

from agents.agent_state import PROACTIVE
from deploy.cli.look import list_table, read_titles, read_user
from deploy.cli.shown import AsJson, complete_id, put_json
from deploy.cli.terminal import Console, put_line
from deploy.cli.user.answer import answer_to
from deploy.clients import wall_clock
from deploy.settings import load_settings
from schemas.errors import DecodeError
from schemas.ids import EventId, ItemId, MemoryId, UserId
from schemas.instructions import (
    MOST_OFFERS,
    MOST_STEPS,
    Approve,
    Forget,
    Instruction,
    OfferRules,
    Reject,
    Remember,
    Say,
    SetAutonomy,
    SetGoal,
    Undo,
)
from schemas.recommendations import Recommendation

User = Annotated[str, typer.Argument(help="Id of the user.")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait for the list that answers.", min=0.1)]
Proposal = Annotated[str, typer.Argument(help="Id of a proposed plan; by default whatever waits.")]


def steer(
    user: User,
    text: Annotated[str, typer.Argument(help="What the user says, such as 'no horror until Sunday'.")],
    time_zone: Annotated[str, typer.Option(help="Where the user's days begin, such as Europe/Berlin.")] = "UTC",
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> None:
    """Say something for a user; show what was understood, and the list that obeys it.

    Understood are English and German: more, less, no, only, pin, allow and undo, with a category or a title, limits
    such as "under 20 euros", and until when.
    """
    _tell(user, lambda who: Say(**who, text=text, time_zone=time_zone), "", timeout, as_json=as_json)


def undo(user: User, timeout: Timeout = 30.0, as_json: AsJson = False) -> None:
    """Take back the user's newest statement: what held before it holds again."""
    _tell(user, lambda who: Undo(**who), "The newest statement is taken back.", timeout, as_json=as_json)


def remember(
    user: User,
    predicate: Annotated[Literal["likes", "dislikes"], typer.Argument(help="What the user thinks of it.")],
    value: Annotated[str, typer.Argument(help="A category; with --subject an item's id or an attribute's value.")],
    subject: Annotated[Literal["category", "item", "attribute"], typer.Option(help="What the value is.")] = "category",
    attribute: Annotated[str, typer.Option(help="The attribute that has the value, such as brand.")] = "",
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> None:
    """State a belief: what the user likes or dislikes."""

    def stated(who: Any) -> Remember:
        return Remember(**who, predicate=predicate, subject=subject, value=value, attribute=attribute)

    _tell(user, stated, f"Remembered: {user} {predicate} {value}.", timeout, as_json=as_json)


def goal(
    user: User,
    name: Annotated[str, typer.Argument(help="The goal's name, such as 'the trilogy'.")],
    item: Annotated[list[str] | None, typer.Option(help="The item of a step; once for each step, in order.")] = None,
    category: Annotated[str, typer.Option(help="Instead of items: the category to choose from.")] = "",
    count: Annotated[int, typer.Option(help="How many items of the category.", min=0, max=MOST_STEPS)] = 0,
    ascending: Annotated[str, typer.Option(help="A fact, such as length: its lowest value comes first.")] = "",
    per_session: Annotated[int, typer.Option(help="The most steps in a session.", min=1, max=MOST_STEPS)] = 1,
    until: Annotated[datetime | None, typer.Option(help="When the goal ends, in UTC.", formats=["%Y-%m-%d"])] = None,
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> None:
    """Set a goal of several steps: items in their order, or so many of a category. Lists lead with the next step."""

    def stated(who: Any) -> SetGoal:
        items, ends = tuple(map(ItemId, item or ())), until.replace(tzinfo=UTC).timestamp() if until else None
        steps: dict[str, Any] = {
            "items": items,
            "category": category or None,
            "count": count,
            "ascending": ascending or None,
        }
        return SetGoal(**who, name=name, **steps, per_session=per_session, until=ends)

    _tell(user, stated, f"Goal set: {name}.", timeout, as_json=as_json)


def forget(
    user: User,
    memory: Annotated[str, typer.Argument(help="Id of the memory, or its beginning, as `lifelong user show` has it.")],
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> None:
    """Remove one memory, stated or inferred; what it had outranked is believed again."""
    agent = read_user(load_settings(), UserId(user)).agent
    memories = [str(known.memory_id) for known in (*agent.memories, *agent.dormant)]
    known = MemoryId(complete_id(memory, memories, what="memory", hint=f"`lifelong user show {user}` lists them"))
    _tell(user, lambda who: Forget(**who, memory_id=known), f"Forgotten: memory {known}.", timeout, as_json=as_json)


def autonomy(
    user: User,
    level: Annotated[
        int,
        typer.Argument(help="0: rank only, 1: propose and ask, 2: plan by itself, 3: make offers too.", min=0, max=3),
    ],
    action: Annotated[Literal["all", "plans", "words", "offers"], typer.Option(help="What the level is for.")] = "all",
    offers_per_week: Annotated[int, typer.Option(help="The most offers in a week.", min=0, max=MOST_OFFERS)] = 2,
    quiet: Annotated[str, typer.Option(help="When no offer is made, by the user's clock.")] = "22:00-08:00",
    time_zone: Annotated[str, typer.Option(help="Where that clock is, such as Europe/Berlin.")] = "UTC",
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> None:
    """Set how much the user's agent may do by itself; at 3, when it may make offers."""

    def stated(who: Any) -> SetAutonomy:
        begins, _, ends = quiet.partition("-")
        rules = OfferRules(per_week=offers_per_week, quiet_from=begins, quiet_to=ends, time_zone=time_zone)
        return SetAutonomy(**who, level=level, action=action, offers=rules if level == PROACTIVE else None)

    of = "" if action == "all" else f" of {action}"
    _tell(user, stated, f"Autonomy{of} is {level}.", timeout, as_json=as_json)


def approve(user: User, proposal: Proposal = "", timeout: Timeout = 30.0, as_json: AsJson = False) -> None:
    """Approve what waits for the user: what was understood of their words, or else a proposed plan."""
    _tell(user, lambda who: Approve(**who, proposal=proposal), "Approved.", timeout, as_json=as_json)


def reject(user: User, proposal: Proposal = "", timeout: Timeout = 30.0, as_json: AsJson = False) -> None:
    """Reject what waits for the user, instead of approving it."""
    _tell(user, lambda who: Reject(**who, proposal=proposal), "Rejected.", timeout, as_json=as_json)


INSTRUCT_COMMANDS: dict[str, Callable[..., None]] = {
    "steer": steer,
    "undo": undo,
    "remember": remember,
    "goal": goal,
    "forget": forget,
    "autonomy": autonomy,
    "approve": approve,
    "reject": reject,
}


def _tell(
    user: str, make: Callable[[dict[str, Any]], Instruction], done: str, timeout: float, *, as_json: bool
) -> None:
    """Send what `make` makes of the user and the time; show the reply, or `done` where there is none, and the list."""
    event_id = EventId(uuid4().hex)
    who = {"event_id": event_id, "user_id": UserId(user), "event_time": wall_clock()}
    try:
        found, cluster = answer_to(load_settings(), make(who), timeout=timeout)
    except (DecodeError, ValueError) as exc:
        raise typer.BadParameter(str(exc)) from exc
    if as_json:
        put_json(found)
        return
    put_line(_reply(found, event_id) or done)
    console = Console(highlight=False)
    console.print(list_table(console, found, read_titles(cluster)))


def _reply(found: Recommendation, event_id: EventId) -> str:
    return " ".join(reply.text for reply in found.replies if reply.event_id == event_id)
