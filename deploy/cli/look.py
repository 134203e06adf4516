"""``lifelong tail`` and ``lifelong why``: lists as they come, and why the current one is what it is."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from agents.memory.strengths import category_strengths
from deploy.clients import make_cluster, make_store, wall_clock
from deploy.settings import Settings, load_settings
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.ids import UserId
from schemas.items import Item
from schemas.recommendations import Recommendation
from schemas.topics import ITEMS, RECOMMENDATIONS
from streams.kafka_client import Cluster, KafkaTableReader
from streams.kafka_lookup import catalogue, newest_of
from streams.owner import PEOPLE
from streams.partitions import partition_of
from streams.person import Person, stranger, unpack

Titles = dict[str, str]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("tail")(tail)
    app.command("why")(why)


def tail(
    user: Annotated[str, typer.Option(help="Whose lists.")],
    count: Annotated[int, typer.Option(help="Stop after so many; 0 goes on until interrupted.")] = 0,
) -> None:
    """Follow a person's lists as they are published, beginning with the newest."""
    cluster = make_cluster(load_settings())
    titles, console = read_titles(cluster), Console()
    reader = KafkaTableReader(cluster, (RECOMMENDATIONS,))
    mine = [record for record in reader.catch_up() if record.key == user.encode()][-1:]
    shown = 0
    try:
        while not (count and shown >= count):
            for record in mine:
                console.print(list_table(decode(RECOMMENDATIONS, record.value, now=wall_clock()), titles))
                shown += 1
            mine = [record for record in reader.poll() if record.key == user.encode()]
    except KeyboardInterrupt:
        return
    finally:
        reader.close()


def why(user: Annotated[str, typer.Option(help="Whose list.")]) -> None:
    """Show a person's current list with its causes, timings, plan and memories."""
    settings = load_settings()
    cluster, console = make_cluster(settings), Console()
    record = newest_of(cluster, RECOMMENDATIONS, user)
    if record is None:
        console.print(f"Nothing was published for {user!r} yet: people never seen are served '@default'.")
        raise typer.Exit(1)
    made: Recommendation = decode(RECOMMENDATIONS, record.value, now=wall_clock())
    person = read_person(settings, UserId(user))
    console.print(Group(list_table(made, read_titles(cluster)), _timings(made, record.timestamp), *_mind(person)))


def read_person(settings: Settings, user: UserId) -> Person:
    """The person as the state store has them."""
    partition = partition_of(user, settings.topics.person_partitions)
    state = make_store(settings).load(PEOPLE, partition, [user]).get(user)
    return unpack(state) if state else stranger(user)


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


def list_table(made: Recommendation, titles: Titles) -> Table:
    """A list as people read it."""
    causes = ", ".join(made.trigger_event_ids[-3:]) or "-"
    arm = f" · {made.experiment}: {made.arm}" if made.arm else ""
    title = f"{made.user_id} · version {made.version} · model {made.model_version}{arm} · because of {causes}"
    table = Table("", "item", "title", "score", "from", "why", title=escape(title), title_justify="left", box=None)
    for place, ranked in enumerate(made.home.items, 1):
        name = titles.get(ranked.item_id, "")
        score = f"{ranked.score:.2f}"
        table.add_row(str(place), escape(ranked.item_id), escape(name), score, ranked.source, escape(ranked.reason))
    return table


def _timings(made: Recommendation, published: float) -> RenderableType:
    stages = made.stages | {"published": published}
    names = [name for name in ("ingested", "received", "folded", "ranked", "published") if name in stages]
    steps = [f"{after} +{max(0.0, stages[after] - stages[before]) * 1e3:.1f} ms" for before, after in pairwise(names)]
    degraded = f" · degraded: {', '.join(made.degradations)}" if made.degradations else ""
    return Text(f"\ntimings: {' · '.join(steps)}{degraded}\napplied: {made.applied}")


def _mind(person: Person) -> list[RenderableType]:
    plan = person.mind.plan
    lines: list[RenderableType] = []
    if plan is not None:
        intents = ", ".join(f"{i.category} {i.weight:+.2f} (sure {i.confidence:.2f})" for i in plan.intents) or "none"
        said = plan.constraints
        held = [*said.banned_items, *said.banned_categories, *(f"pin {item}" for item in said.pinned_items)]
        lines.append(Text(f"\nplan {plan.plan_id} by {plan.author}: {plan.goal}\n  intents: {intents}"))
        lines.append(Text(f"  holds: {', '.join(held) or 'nothing banned or pinned'}"))
    strengths = category_strengths(person.mind.memories, person.user.last_at)
    memories = Table("memory", "of", "strength", "source", "evidence", title="memories", title_justify="left", box=None)
    strongest = sorted(person.mind.memories, key=lambda memory: -memory.strength)[:12]
    for memory in strongest:
        evidence = ", ".join(memory.evidence[-3:])
        memories.add_row(memory.predicate, escape(memory.value), f"{memory.strength:.2f}", memory.source, evidence)
    tastes = ", ".join(f"{name} {strength:+.2f}" for name, strength in strengths.items())
    return [*lines, Text(f"\ntaste: {tastes or 'nothing remembered yet'}"), memories]
