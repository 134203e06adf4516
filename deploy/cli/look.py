"""``lifelong tail`` and ``lifelong why``: lists as they come, and why the current one is what it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.text import Text

from agents.memory.strengths import category_strengths
from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, NothingDone, listing, put_json, put_json_line
from deploy.clients import make_store, wall_clock
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
from streams.state.partition_store import PEOPLE
from streams.state.user_record import UserRecord, new_user, unpack

Titles = dict[str, str]
LIST = (
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
    Column("evidence", prose=True),
)


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("tail")(tail)
    app.command("why")(why)


def tail(
    user: Annotated[str, typer.Option(help="Whose lists.")],
    count: Annotated[int, typer.Option(help="Stop after so many; 0 goes on until interrupted.", min=0)] = 0,
    timeout: Annotated[
        float, typer.Option(help="Stop once no list came for so many seconds; 0 waits for ever.", min=0)
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Follow a person's lists as they are published, beginning with the newest; with --json a line for each."""
    cluster = reach_kafka(load_settings(), RECOMMENDATIONS, ITEMS)
    titles, console = ({} if as_json else read_titles(cluster)), Console(highlight=False)
    shown = 0
    try:
        for made in _lists(cluster, user, timeout):
            if as_json:
                put_json_line(made)
            else:
                console.print(list_table(console, made, titles))
            shown += 1
            if shown == count:
                return
    except KeyboardInterrupt:
        return
    waited = f"no {'more ' if shown else ''}list of {user!r} came within {timeout:g} s"
    if not shown or count:
        raise NothingDone(f"{waited}; `lifelong status` shows whether the worker runs")
    Console(stderr=True).print(f"{waited}.")


def _lists(cluster: Cluster, user: str, timeout: float) -> Iterator[Recommendation]:
    """The person's newest list, then each as it comes, until none came for so long; says what it waits for."""
    reader, notice = KafkaTableReader(cluster, (RECOMMENDATIONS,)), Console(stderr=True, highlight=False)
    try:
        mine = [record for record in reader.catch_up() if record.key == user.encode()][-1:]
        if not mine:
            notice.print(f"Nothing was published for {escape(repr(user))} yet: waiting for a first list.")
        last = time.monotonic()
        while not timeout or time.monotonic() - last < timeout:
            for record in mine:
                last = time.monotonic()
                yield decode(RECOMMENDATIONS, record.value, now=wall_clock())
            mine = [record for record in reader.poll() if record.key == user.encode()]
    finally:
        reader.close()


def why(user: Annotated[str, typer.Option(help="Whose list.")], as_json: AsJson = False) -> None:
    """Show a person's current list with its causes, timings, plan and memories."""
    settings = load_settings()
    cluster, console = reach_kafka(settings, RECOMMENDATIONS, ITEMS), Console(highlight=False)
    record = newest_of(cluster, RECOMMENDATIONS, user)
    if record is None:
        raise NothingDone(f"nothing was published for {user!r} yet: people never seen are served '@default'")
    made: Recommendation = decode(RECOMMENDATIONS, record.value, now=wall_clock())
    person = read_person(settings, UserId(user))
    if as_json:
        put_json({"list": made, "published": record.timestamp, **_agent_named(person)})
        return
    listed = list_table(console, made, read_titles(cluster))
    console.print(Group(listed, _timings(made, record.timestamp), *_agent(console, person)))


def _agent_named(person: UserRecord) -> dict[str, object]:
    """Plan, memories and tastes for programs."""
    tastes = category_strengths(person.agent.memories, person.user.last_at)
    return {"plan": person.agent.plan, "memories": person.agent.memories, "tastes": dict(tastes)}


def read_person(settings: Settings, user: UserId) -> UserRecord:
    """The person as the state store has them."""
    partition = partition_of(user, settings.topics.person_partitions)
    state = make_store(settings).load(PEOPLE, partition, [user]).get(user)
    return unpack(state) if state else new_user(user)


def read_titles(cluster: Cluster) -> Titles:
    """Titles by item id, from the catalogue; what is no item is passed over."""
    titles: Titles = {}
    for record in catalogue(cluster):
        try:
            item: Item = decode(ITEMS, record.value, now=wall_clock())
        except DecodeError:
            continue
        titles[item.item_id] = item.title
    return titles


def list_table(console: Console, made: Recommendation, titles: Titles) -> RenderableType:
    """A list as people read it."""
    causes = ", ".join(made.trigger_event_ids[-3:]) or "-"
    arm = f" · {made.experiment}: {made.arm}" if made.arm else ""
    title = f"{made.user_id} · version {made.version} · model {made.model_version}{arm} · because of {causes}"
    rows = []
    for place, ranked in enumerate(made.home.items, 1):
        name = titles.get(ranked.item_id, "")
        score = f"{ranked.score:.2f}"
        rows.append((str(place), escape(ranked.item_id), escape(name), score, ranked.source, escape(ranked.reason)))
    return listing(console, LIST, rows, title=title)


def _timings(made: Recommendation, published: float) -> RenderableType:
    stages = made.stages | {"published": published}
    names = [name for name in ("ingested", "received", "folded", "ranked", "published") if name in stages]
    steps = [f"{after} +{max(0.0, stages[after] - stages[before]) * 1e3:.1f} ms" for before, after in pairwise(names)]
    degraded = f" · degraded: {', '.join(made.degradations)}" if made.degradations else ""
    return Text(f"\ntimings: {' · '.join(steps)}{degraded}\napplied: {made.applied}")


def _agent(console: Console, person: UserRecord) -> list[RenderableType]:
    plan = person.agent.plan
    lines: list[RenderableType] = []
    if plan is not None:
        intents = ", ".join(f"{i.category} {i.weight:+.2f} (sure {i.confidence:.2f})" for i in plan.intents) or "none"
        said = plan.constraints
        held = [*said.banned_items, *said.banned_categories, *(f"pin {item}" for item in said.pinned_items)]
        lines.append(Text(f"\nplan {plan.plan_id} by {plan.author}: {plan.goal}\n  intents: {intents}"))
        lines.append(Text(f"  holds: {', '.join(held) or 'nothing banned or pinned'}"))
    strengths = category_strengths(person.agent.memories, person.user.last_at)
    rows = []
    for memory in sorted(person.agent.memories, key=lambda memory: -memory.strength)[:12]:
        evidence = escape(", ".join(memory.evidence[-3:]))
        rows.append((memory.predicate, escape(memory.value), f"{memory.strength:.2f}", memory.source, evidence))
    tastes = ", ".join(f"{name} {strength:+.2f}" for name, strength in strengths.items())
    memories = listing(console, MEMORY_COLUMNS, rows, title="memories")
    return [*lines, Text(f"\ntaste: {tastes or 'nothing remembered yet'}"), memories]
