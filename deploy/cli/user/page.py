"""What is believed of a user: their page, why their list is as it is, all of it as a file, and what it was before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from agents.instructions.wording import WORDINGS
from deploy.cli.look import Titles, read_titles, read_user, why
from deploy.cli.operations.rebuild import user_as_of
from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, NothingDone, listing, put_json, utc
from deploy.cli.terminal import Console, put_line
from deploy.cli.user.instruct import User
from deploy.clients import wall_clock
from deploy.settings import load_settings
from features.recurring_times import zone_of
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.ids import DEFAULT_USER, UserId
from schemas.topics import ITEMS, RECOMMENDATIONS
from streams.log.kafka_client import Cluster
from streams.log.kafka_lookup import newest_of
from streams.state.user_page import PageGoal, PageMemory, PageOffers, PagePlan, UserPage, page_of
from streams.state.user_record import UserRecord

TimeZone = Annotated[str, typer.Option(help="The time zone in which days are named, such as Europe/Berlin.")]
Language = Annotated[str, typer.Option(help=f"The language of the page: {' or '.join(WORDINGS)}.")]
PAGE_COLUMNS = (
    Column("memory"),
    Column("in words", prose=True),
    Column("sure", right=True),
    Column("since"),
    Column("because of", prose=True),
)
AUTONOMY = (
    "it ranks only",
    "it proposes plans, and waits",
    "it plans by itself",
    "it plans by itself, and makes offers",
)


def show(user: User, time_zone: TimeZone = "UTC", language: Language = "en", as_json: AsJson = False) -> None:
    """Show everything that is believed of a user, in words and with its evidence."""
    settings = load_settings()
    cluster = reach_kafka(settings, RECOMMENDATIONS, ITEMS)
    record = read_user(settings, UserId(user))
    _show(record, read_titles(cluster), stream_now(cluster), time_zone, language, as_json=as_json)


def why_user(user: User, as_json: AsJson = False) -> None:
    """Show a user's current list with its causes, timings, plan and memories, as `lifelong why` does."""
    why(user, as_json)


def export(user: User) -> None:
    """Print all that is stored of a user as one JSON object, to take elsewhere: events, memories, plan, newest list."""
    settings = load_settings()
    cluster = reach_kafka(settings, RECOMMENDATIONS, ITEMS)
    record = read_user(settings, UserId(user))
    newest = newest_of(cluster, RECOMMENDATIONS, user)
    lists = None if newest is None else decode(RECOMMENDATIONS, newest.value, now=wall_clock())
    page = _page(record, read_titles(cluster), stream_now(cluster), "UTC", "en")
    put_json({"page": page, "state": record.user, "agent": record.agent, "list": lists})


def as_of(
    user: User,
    at: Annotated[datetime, typer.Argument(help="Date or time, in UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"])],
    time_zone: TimeZone = "UTC",
    language: Language = "en",
    as_json: AsJson = False,
) -> None:
    """Show what was believed of a user then: folded anew from the log, by the rules and the catalogue of now.

    Reads the whole log, so it takes as long as `lifelong rebuild --check`.
    """
    settings, then = load_settings(), at.replace(tzinfo=UTC).timestamp()
    cluster = reach_kafka(settings, ITEMS)
    record = user_as_of(settings, UserId(user), then)
    _show(record, read_titles(cluster), then, time_zone, language, as_json=as_json)


PAGE_COMMANDS: dict[str, Callable[..., None]] = {"show": show, "why": why_user, "export": export, "as-of": as_of}


def stream_now(cluster: Cluster) -> float:
    """Return the event time that the stream has reached, by the newest non-personalised list; now without one."""
    now, newest = wall_clock(), newest_of(cluster, RECOMMENDATIONS, DEFAULT_USER)
    if newest is None:
        return now
    try:
        return float(now - newest.timestamp + decode(RECOMMENDATIONS, newest.value, now=now).event_time)
    except DecodeError:
        return now


def _page(record: UserRecord, titles: Titles, now: float, time_zone: str, language: str) -> UserPage:
    if language not in WORDINGS:
        raise typer.BadParameter(f"--language is {language!r}: one of {', '.join(WORDINGS)}")
    return page_of(record, lambda item: titles.get(item, ""), now=now, zone=zone_of(time_zone), language=language)


def _show(record: UserRecord, titles: Titles, now: float, time_zone: str, language: str, *, as_json: bool) -> None:
    page = _page(record, titles, now, time_zone, language)
    if not page.events and not page.stated and not page.goals:
        raise NothingDone(f"nothing is stored of {page.user_id!r}")
    if as_json:
        put_json(page)
        return
    console = Console(highlight=False)
    console.print(f"{escape(page.user_id)} as of {utc(page.at)} · autonomy {page.autonomy}: {AUTONOMY[page.autonomy]}")
    for title, memories in (("stated", page.stated), ("believed", page.believed)):
        if memories:
            console.print(listing(console, PAGE_COLUMNS, _rows(memories), title=title))
    for line in _footer(page):
        put_line(line)


def _footer(page: UserPage) -> Iterator[str]:
    """Yield what the user pursues, and what the agent does and waits for, a line each."""
    for goal in page.goals:
        yield f"goal: {goal_line(goal)}"
    for title, plan in (("plan", page.plan), ("waits for approval", page.proposal)):
        if plan is not None:
            yield f"{title}: {_plan(plan)}"
    if page.offers is not None:
        yield f"offers: {_offers(page.offers)}"
    if page.pending:
        yield "waits for approval: what was understood of the newest words"


def _rows(memories: Sequence[PageMemory]) -> list[tuple[str, ...]]:
    """Return a row for each memory; what a consolidated one is made of stands below it."""
    by_id = {memory.memory_id: memory for memory in memories}
    inside = {part for memory in memories for part in memory.parts}
    rows: list[tuple[str, ...]] = []
    for memory in memories:
        if memory.memory_id not in inside:
            rows.append(_row(memory))
            rows += [_row(by_id.pop(part), "· ") for part in memory.parts if part in by_id]
    return rows


def _row(memory: PageMemory, mark: str = "") -> tuple[str, ...]:
    return (
        memory.memory_id[:8],
        escape(mark + memory.text + ("" if memory.state == "active" else f" ({memory.state})")),
        f"{memory.confidence:.0%}",
        utc(memory.since, "%Y-%m-%d"),
        escape(", ".join(memory.evidence[-3:])),
    )


def _offers(offers: PageOffers) -> str:
    rules = offers.rules
    quiet = f"none from {rules.quiet_from} to {rules.quiet_to} {rules.time_zone}"
    open_now = f"; open: {', '.join(offers.open)} until {utc(offers.expires_at)}" if offers.open else ""
    return f"at most {rules.per_week} a week, {quiet}; worth {offers.worth:.0%} now{open_now}"


def goal_line(goal: PageGoal) -> str:
    """Return a goal and its progress in words, on one line."""
    far = "reached" if goal.reached else "no step is left"
    if goal.step is not None:
        far = f"step {goal.step} of {goal.total} is next"
    following = f": {goal.next}" if goal.next is not None else ""
    session = f"{goal.in_session} of {goal.per_session} in this session"
    ends = f", until {utc(goal.until)}" if goal.until is not None else ""
    return f"{goal.name} ({goal.text}): {goal.done} of {goal.total} done, {far}{following}; {session}{ends}"


def _plan(plan: PagePlan) -> str:
    parts = (f"{plan.goal} ({plan.plan_id})", *(f"more {name}" for name in plan.wanted), *plan.avoided)
    return ", ".join((*parts[: 1 + len(plan.wanted)], *(f"less {name}" for name in plan.avoided)))
