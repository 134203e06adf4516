"""``lifelong rebuild``: people, features and memories anew from the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, put_json
from deploy.clients import make_feast, make_publisher, make_store, wall_clock
from deploy.settings import load_settings
from deploy.wiring import make_options
from features.item_table import ItemTable
from inference.learning.weights_file import initial_weights
from inference.local_ranker import LocalRanker
from inference.ranking.features import FeatureTable
from inference.recommender import Recommender
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.topics import DEAD_LETTERS, ITEM_DELTAS, ITEMS
from streams.comparison import compare_people, described_otherwise
from streams.deps import Deps
from streams.in_flight import DEATHS, InFlight, Span
from streams.kafka_admin import KafkaAdmin
from streams.kafka_client import KafkaTableReader
from streams.owner import ITEMS as ITEMS_SCOPE
from streams.owner import PEOPLE
from streams.rebuild import (
    Origins,
    differences,
    feature_rows,
    named,
    origins_of,
    put_in_place,
    rebuild_items,
    rebuild_people,
    republished,
)
from streams.records import Inbound
from streams.routes import PERSON_INPUTS
from streams.tables import apply_tables


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("rebuild")(rebuild)


def rebuild(
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit code 1 if anything differs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fold the log anew, and put the result in place of what is stored (workers go on from there by themselves)."""
    settings, console = load_settings(), Console(stderr=as_json)
    cluster, store = reach_kafka(settings), make_store(settings)
    admin = KafkaAdmin(cluster)
    origins = origins_of(store, PEOPLE, admin.bounds(PERSON_INPUTS))
    origins |= origins_of(store, ITEMS_SCOPE, admin.bounds((ITEM_DELTAS,)))
    reader = KafkaTableReader(cluster, (*PERSON_INPUTS, ITEM_DELTAS, ITEMS, DEAD_LETTERS))
    records = named(reader.catch_up(), origins)
    reader.close()
    table, features = ItemTable(), FeatureTable()
    recommender = Recommender(table, LocalRanker(initial_weights(features.columns)), features=features)
    deps = Deps(
        table=table,
        recommender=recommender,
        clock=wall_clock,
        options=make_options(settings),
        in_flight=_set_aside(records),
    )
    apply_tables([record for record in records if record.topic == ITEMS], deps)
    people = rebuild_people([record for record in records if record.topic in PERSON_INPUTS], deps)
    items = rebuild_items([record for record in records if record.topic == ITEM_DELTAS], deps)
    counts = settings.topics.person_partitions, settings.topics.item_partitions
    found = compare_people(people, store, counts[0], described_otherwise(records))
    differing = [*found.differing, *differences(items, store, ITEMS_SCOPE, counts[1])]
    console.print(f"Read {len(records)} records; {len(differing)} states differ from what is stored.")
    if found.explained:
        console.print(f"Besides, {len(found.explained)} people met items whose catalogue entry has changed since.")
    if as_json:
        counted = {"records": len(records), "differing": len(differing), "explained": len(found.explained)}
        put_json(counted | {"examples": differing[:5]})
    if check:
        if differing:
            console.print(f"for example {differing[:5]}")
            raise typer.Exit(1)
        return
    written = put_in_place(people, store, PEOPLE, counts[0], _of(origins, PERSON_INPUTS))
    written += put_in_place(items, store, ITEMS_SCOPE, counts[1], _of(origins, (ITEM_DELTAS,)))
    messages, rows = republished(people, items, counts), feature_rows(people, counts[0])
    make_publisher(settings).publish(messages)
    make_feast(settings).write(rows, log_name="rebuild")
    console.print(f"Wrote {written} states and {len(rows)} feature rows.")
    console.print(f"Published {len(messages)} memories and rows of statistics.")


def _of(origins: Origins, topics: tuple[str, ...]) -> Origins:
    return {at: origin for at, origin in origins.items() if at[0] in topics}


def _set_aside(records: Sequence[Inbound]) -> InFlight:
    """The records that ended a process, by their dead letters: they would end this one too."""
    spans = []
    for record in records:
        if record.topic != DEAD_LETTERS:
            continue
        try:
            letter = decode(DEAD_LETTERS, record.value, now=wall_clock())
        except DecodeError:
            continue
        if letter.reason == "crashed":
            spans.append(Span(f"{letter.topic}-{letter.partition}", letter.offset, letter.offset, DEATHS))
    return InFlight(suspects=spans)
