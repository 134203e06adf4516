"""``lifelong rebuild``: rebuild user states, features and memories from the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from msgspec import Struct

from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, put_json
from deploy.cli.terminal import Console
from deploy.clients import make_feast, make_publisher, make_store, wall_clock
from deploy.settings import Settings, load_settings
from deploy.wiring import make_options
from features.ports import StateStore
from inference.learning.weights_file import initial_weights
from inference.local_ranker import LocalRanker
from inference.ranking.features import FeatureTable
from inference.recommender import Recommender
from inference.signals.registry import make_item_table
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.ids import UserId
from schemas.topics import DEAD_LETTERS, ERASURES, ITEM_DELTAS, ITEMS
from streams.handlers.deps import Deps
from streams.log.in_flight import CRASH_LIMIT, InFlight, Span
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import KafkaTableReader
from streams.log.partitions import partition_of
from streams.log.records import Inbound
from streams.routes import WORKER_INPUTS
from streams.state.comparison import compare_people, described_otherwise
from streams.state.partition_store import ITEMS as ITEMS_SCOPE
from streams.state.partition_store import PEOPLE
from streams.state.quarantined import decided, quarantined_users
from streams.state.rebuild import (
    Origins,
    differences,
    emptied_rows,
    feature_rows,
    named,
    origins_of,
    put_in_place,
    rebuild_items,
    rebuild_people,
    republished,
)
from streams.state.user_record import UserRecord, new_user, unpack
from streams.worker.tables import apply_tables


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("rebuild")(rebuild)


def rebuild(
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit code 1 if anything differs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fold the log anew, and replace what is stored by the result; workers continue from there by themselves."""
    settings, console = load_settings(), Console(stderr=as_json)
    rebuilt = _fold(settings)
    counts = settings.topics.person_partitions, settings.topics.item_partitions
    store = make_store(settings)
    comparison = compare_people(rebuilt.people, store, counts[0], described_otherwise(rebuilt.records))
    differing = [*comparison.differing, *differences(rebuilt.items, store, ITEMS_SCOPE, counts[1])]
    console.print(f"Read {len(rebuilt.records)} records; {len(differing)} states differ from what is stored.")
    if comparison.explained:
        console.print(
            f"Besides, {len(comparison.explained)} users consumed items whose catalogue entries have changed since."
        )
    if as_json:
        explained = len(comparison.explained)
        put_json(
            {"records": len(rebuilt.records), "differing": len(differing), "explained": explained}
            | {"examples": differing[:5]}
        )
    if not check:
        _put(settings, rebuilt, console)
    elif differing:
        console.print(f"for example {differing[:5]}", markup=False)
        raise typer.Exit(1)


class _Rebuilt(Struct):
    """Rebuilt states, the records that they are folded from, and the origins of those records' logs."""

    people: StateStore
    items: StateStore
    records: list[Inbound]
    origins: Origins


def user_as_of(settings: Settings, user: UserId, at: float) -> UserRecord:
    """Return the user's record as their events up to event time `at` leave it, by the rules and catalogue of now.

    Of a user who was erased since, nothing is known of before.
    """
    records, _ = _read(settings, (*WORKER_INPUTS, ITEMS, DEAD_LETTERS))
    own = [record for record in records if record.topic in WORKER_INPUTS and record.key == user.encode()]
    known = [record for record in own if _event_time(record) <= at or record.topic == ERASURES]
    people = rebuild_people(known, _deps(settings, records))
    partitions = settings.topics.person_partitions
    state = people.load(PEOPLE, partition_of(user, partitions), [user]).get(user)
    return unpack(state) if state else new_user(user)


def _event_time(record: Inbound) -> float:
    """Return the event time of a record; zero for one that is refused, which changes nothing."""
    try:
        return float(decode(record.topic, record.value, now=wall_clock()).event_time)
    except DecodeError:
        return 0.0


def _read(settings: Settings, topics: tuple[str, ...]) -> tuple[list[Inbound], Origins]:
    """Return the records of the topics from the beginning of the log, and the origins of their sources."""
    cluster, store = reach_kafka(settings), make_store(settings)
    admin = KafkaAdmin(cluster)
    origins = origins_of(store, PEOPLE, admin.bounds(WORKER_INPUTS))
    origins |= origins_of(store, ITEMS_SCOPE, admin.bounds((ITEM_DELTAS,)))
    reader = KafkaTableReader(cluster, topics)
    try:
        return named(reader.catch_up(), origins), origins
    finally:
        reader.close()


def _deps(settings: Settings, records: Sequence[Inbound]) -> Deps:
    """Return what handlers need to fold these records: the catalogue among them; nothing is ranked."""
    table, features = make_item_table(), FeatureTable()
    recommender = Recommender(table, LocalRanker(initial_weights(features.columns)), features=features)
    options, suspects = make_options(settings), _crash_suspects(records)
    deps = Deps(table=table, recommender=recommender, clock=wall_clock, options=options, in_flight=suspects)
    apply_tables([record for record in records if record.topic == ITEMS], deps)
    return deps


def _fold(settings: Settings) -> _Rebuilt:
    """Read the log from its beginning, and fold it by the production routes."""
    records, origins = _read(settings, (*WORKER_INPUTS, ITEM_DELTAS, ITEMS, DEAD_LETTERS))
    deps = _deps(settings, records)
    people = rebuild_people([record for record in records if record.topic in WORKER_INPUTS], deps)
    quarantined = quarantined_users(people, deps.options.person_partitions)
    deltas = decided([record for record in records if record.topic == ITEM_DELTAS], quarantined, now=wall_clock())
    items = rebuild_items(deltas, deps)
    return _Rebuilt(people, items, records, origins)


def _put(settings: Settings, rebuilt: _Rebuilt, console: Console) -> None:
    """1 empty the rows of items that nothing counts for any more 2 replace stored states and offsets 3 publish memories
    and statistics 4 write feature rows. Stored states alone tell which rows are to be emptied, so that comes first.
    """
    counts, store = (settings.topics.person_partitions, settings.topics.item_partitions), make_store(settings)
    publisher, vanished = make_publisher(settings), emptied_rows(rebuilt.items, store, counts[1])
    publisher.publish(vanished)
    written = put_in_place(rebuilt.people, store, PEOPLE, counts[0], _of(rebuilt.origins, WORKER_INPUTS))
    written += put_in_place(rebuilt.items, store, ITEMS_SCOPE, counts[1], _of(rebuilt.origins, (ITEM_DELTAS,)))
    messages, rows = republished(rebuilt.people, rebuilt.items, counts), feature_rows(rebuilt.people, counts[0])
    publisher.publish(messages)
    make_feast(settings).write(rows, now=wall_clock())
    console.print(f"Wrote {written} states and {len(rows)} feature rows.")
    console.print(f"Published {len(messages) + len(vanished)} memories and rows of statistics.")


def _of(origins: Origins, topics: tuple[str, ...]) -> Origins:
    return {at: origin for at, origin in origins.items() if at[0] in topics}


def _crash_suspects(records: Sequence[Inbound]) -> InFlight:
    """Return the records that crashed a worker, by their dead letters: they would crash this process too."""
    spans = []
    for record in records:
        if record.topic != DEAD_LETTERS:
            continue
        try:
            letter = decode(DEAD_LETTERS, record.value, now=wall_clock())
        except DecodeError:
            continue
        if letter.reason == "crashed":
            spans.append(Span(f"{letter.topic}-{letter.partition}", letter.offset, letter.offset, CRASH_LIMIT))
    return InFlight(suspects=spans)
