"""``lifelong tail`` and ``lifelong why``: follow a user's lists, and explain the current one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from agents.memory.strengths import category_strengths
from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, NothingDone, listing, put_json, put_json_line, utc
from deploy.cli.terminal import Console, put_line
from deploy.clients import make_store, user_scope, wall_clock
from deploy.settings import Settings, load_settings
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.ids import UserId
from schemas.items import Item
from schemas.recommendations import Recommendation
from schemas.topics import ITEMS, RECOMMENDATIONS
from streams.log.kafka_client import Cluster, KafkaTableReader
from streams.log.kafka_lookup import catalogue, newest_of
from streams.log.partitions import partition_of
from streams.log.records import Inbound
from streams.state.user_record import UserRecord, new_user, unpack

Titles = dict[str, str]
LIST_COLUMNS = (
    Column("", right=True),
    Column("item"),
    Column("title", prose=True),
    Column("score", right=True),
    Column("from"),
    Column("why", prose=True),
)
MEMORY_COLUMNS = (
    Column("memory"),
    Column("of"),
    Column("strength", right=True),
    Column("source"),
    Column("until"),
    Column("evidence", prose=True),
)


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("tail")(tail)
    app.command("why")(why)


def tail(
    user: Annotated[str, typer.Option(help="Id of the user.")],
    count: Annotated[int, typer.Option(help="Stop after this many lists; 0: follow until interrupted.", min=0)] = 0,
    timeout: Annotated[
        float, typer.Option(help="Stop when no list came for this many seconds; 0: wait for ever.", min=0)
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Follow a user's lists as they are published, beginning with the newest; with --json one line per list."""
    cluster = reach_kafka(load_settings(), RECOMMENDATIONS, ITEMS)
    titles, console = ({} if as_json else read_titles(cluster)), Console(highlight=False)
    shown = 0
    try:
        for recommendation in _lists(cluster, user, timeout):
            if as_json:
                put_json_line(recommendation)
            else:
                console.print(list_table(console, recommendation, titles))
            shown += 1
            if shown == count:
                return
    except KeyboardInterrupt:
        return
    message = f"no {'more ' if shown else ''}list of {user!r} came within {timeout:g} s"
    if not shown or count:
        raise NothingDone(f"{message}; `lifelong status` shows whether the worker runs")
    put_line(f"{message}.", err=True)


def _lists(cluster: Cluster, user: str, timeout: float) -> Iterator[Recommendation]:
    """Yield the user's newest list, then each new one, until none arrives for `timeout` seconds (0: without end)."""
    reader, notice = KafkaTableReader(cluster, (RECOMMENDATIONS,)), Console(stderr=True, highlight=False)
    try:
        records = [record for record in reader.catch_up() if record.key == user.encode()][-1:]
        if not records:
            notice.print(f"Nothing was published for {escape(repr(user))} yet: waiting for a first list.")
        last = time.monotonic()
        while not timeout or time.monotonic() - last < timeout:
            for record in filter(_is_list, records):
                last = time.monotonic()
                yield decode(RECOMMENDATIONS, record.value, now=wall_clock())
            records = [record for record in reader.poll() if record.key == user.encode()]
    finally:
        reader.close()


def _is_list(record: Inbound) -> bool:
    """Return whether there is a list in the record: of users who were erased the newest is empty."""
    return bool(record.value)


def why(user: Annotated[str, typer.Option(help="Id of the user.")], as_json: AsJson = False) -> None:
    """Show a user's current list with its causes, timings, plan and memories."""
    settings = load_settings()
    cluster, console = reach_kafka(settings, RECOMMENDATIONS, ITEMS), Console(highlight=False)
    record = newest_of(cluster, RECOMMENDATIONS, user)
    if record is None:
        raise NothingDone(f"nothing was published for {user!r} yet: unknown users are served '@default'")
    recommendation: Recommendation = decode(RECOMMENDATIONS, record.value, now=wall_clock())
    stored = read_user(settings, UserId(user))
    if as_json:
        put_json({"list": recommendation, "published": record.timestamp, **_agent_fields(stored)})
        return
    table = list_table(console, recommendation, read_titles(cluster))
    console.print(Group(table, _timings(recommendation, record.timestamp), *_agent(console, stored)))


def _agent_fields(user: UserRecord) -> dict[str, object]:
    """Return plan, memories and tastes for JSON."""
    tastes = category_strengths(user.agent.memories, user.user.last_at)
    return {"plan": user.agent.plan, "memories": user.agent.memories, "tastes": dict(tastes)}


def read_user(settings: Settings, user: UserId) -> UserRecord:
    """Return the user's record from the state store; a new one if there is none."""
    partition = partition_of(user, settings.topics.person_partitions)
    state = make_store(settings).load(user_scope(settings), partition, [user]).get(user)
    return unpack(state) if state else new_user(user)


def read_titles(cluster: Cluster) -> Titles:
    """Return titles by item id, from the catalogue; skip records that are not items."""
    titles: Titles = {}
    for record in catalogue(cluster):
        try:
            item: Item = decode(ITEMS, record.value, now=wall_clock())
        except DecodeError:
            continue
        titles[item.item_id] = item.title
    return titles


def list_table(console: Console, recommendation: Recommendation, titles: Titles) -> RenderableType:
    """Return a list as a table."""
    causes = ", ".join(recommendation.trigger_event_ids[-3:]) or "-"
    arm = f" · {recommendation.experiment}: {recommendation.arm}" if recommendation.arm else ""
    versions = f"version {recommendation.version} · model {recommendation.model_version}"
    title = f"{recommendation.user_id} · {versions}{arm} · because of {causes}"
    rows = []
    for rank, ranked in enumerate(recommendation.home.items, 1):
        name = titles.get(ranked.item_id, "")
        score = f"{ranked.score:.2f}"
        texts = map(escape, (ranked.item_id, name, score, ranked.source, ranked.reason))
        rows.append((str(rank), *texts))
    return listing(console, LIST_COLUMNS, rows, title=title)


def _timings(recommendation: Recommendation, published: float) -> RenderableType:
    stages = recommendation.stages | {"published": published}
    names = [name for name in ("ingested", "received", "folded", "ranked", "published") if name in stages]
    steps = [f"{after} +{max(0.0, stages[after] - stages[before]) * 1e3:.1f} ms" for before, after in pairwise(names)]
    degraded = f" · degraded: {', '.join(recommendation.degradations)}" if recommendation.degradations else ""
    return Text(f"\ntimings: {' · '.join(steps)}{degraded}\napplied: {recommendation.applied}")


def _agent(console: Console, user: UserRecord) -> list[RenderableType]:
    plan = user.agent.plan
    lines: list[RenderableType] = []
    if plan is not None:
        intents = (
            ", ".join(f"{i.category} {i.weight:+.2f} (confidence {i.confidence:.2f})" for i in plan.intents) or "none"
        )
        limits = plan.constraints
        names = [*limits.banned_items, *limits.banned_categories, *(f"pin {item}" for item in limits.pinned_items)]
        names += [f"{rule.kind} {rule.category} on a condition" for rule in limits.rules]
        lines.append(Text(f"\nplan {plan.plan_id} by {plan.author}: {plan.goal}\n  intents: {intents}"))
        lines.append(Text(f"  constraints: {', '.join(names) or 'nothing banned or pinned'}"))
    strengths = category_strengths(user.agent.memories, user.user.last_at)
    rows = []
    for memory in sorted(user.agent.memories, key=lambda memory: -memory.strength)[:12]:
        evidence = escape(", ".join(memory.evidence[-3:]))
        until = utc(memory.until, "%Y-%m-%d %H:%M") if memory.until is not None else ""
        value = ": ".join(filter(None, (memory.context, memory.attribute, memory.value)))
        value += f" (from {len(memory.parts)} others)" if memory.parts else ""
        rows.append((memory.predicate, escape(value), f"{memory.strength:.2f}", memory.source, until, evidence))
    tastes = ", ".join(f"{name} {strength:+.2f}" for name, strength in strengths.items())
    memories = listing(console, MEMORY_COLUMNS, rows, title="memories")
    return [*lines, Text(f"\ntastes: {tastes or 'nothing remembered yet'}"), memories]
