"""The handlers on Faust: one stream of everything about people, and the tables beside it.

Faust calls its processors "agents"; here they are runners of handlers, and an *agent* plans for a person. Faust
brings group membership, rebalancing and back-pressure. What it is not trusted with is acknowledging: records are
acknowledged by `streams.worker.pipeline`, after their outcome was published and stored.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import faust

from schemas.errors import StoreUnavailable
from schemas.ids import DEFAULT_USER
from schemas.topics import ITEMS
from streams.handlers.deps import Deps
from streams.log.header_names import read_any_header_names
from streams.log.kafka_client import Cluster
from streams.log.partitions import partition_of
from streams.log.ports import Observer, Publisher, TableReader
from streams.log.records import Inbound
from streams.retry import SERVER_AWAY, STATE_RETRY
from streams.routes import WORKER_INPUTS
from streams.state.partition_store import PartitionStore
from streams.state.positions import Positions
from streams.worker.faust_consumer import OwnersApp, OwnersConsumer
from streams.worker.gc_tuning import tuned_gc
from streams.worker.list_outcomes import Visit, note, visit
from streams.worker.lists import DefaultState, as_published, default_lists
from streams.worker.pipeline import Pipeline
from streams.worker.stall_watch import Sight, StallWatch, lag
from streams.worker.tables import apply_tables

logger = logging.getLogger(__name__)

EXIT_RESTART = 75
"""The exit status that asks the supervisor to start the process anew (EX_TEMPFAIL)."""
LOOK_SECONDS = 5.0
"""How often it is looked whether the worker gets on, and whether log and store are what they were."""
BUFFERED_BATCHES = 5
"""How many batches wait in memory: behind them stands whatever comes next, such as a request for a list."""
TABLE_CHUNK = 25
"""Records of a table taken in at a time, so that no batch of people waits long for it."""


@dataclass(frozen=True)
class BatchTuning:
    """How a worker takes batches: see `deploy.settings.Worker`."""

    group: str
    batch_max: int = 200
    batch_within_seconds: float = 0.004
    session_timeout_seconds: float = 10.0
    default_every_seconds: float = 1.0
    stall_seconds: float = 30.0
    visit_every_seconds: float = 5.0


@dataclass(frozen=True)
class Worker:
    """Everything that one worker process runs on; the wiring fills it."""

    cluster: Cluster
    tuning: BatchTuning
    deps: Deps
    people: PartitionStore
    positions: Positions
    publisher: Publisher
    tables: TableReader
    observer: Observer


def run(worker: Worker, *, data_dir: str) -> None:
    """Run until told to stop by SIGTERM or SIGINT; an error nobody foresaw ends the process with a non-zero status.

    The tables are caught up with first, so that no list is made from half a catalogue.
    """
    read_any_header_names()
    app = build(worker, data_dir=data_dir)
    with tuned_gc():
        # The catalogue first: what it does not have is not known until it has been met a few times.
        apply_tables(sorted(worker.tables.catch_up(), key=lambda record: record.topic != ITEMS), worker.deps)
        try:
            faust.Worker(
                app, loglevel="WARN", redirect_stdouts=False, override_logging=False
            ).execute_from_commandline()
        finally:
            worker.deps.in_flight.leave()


def _give_up(worker: Worker, exc: BaseException) -> None:
    logger.critical("an error nobody foresaw: starting again", exc_info=exc)
    worker.deps.in_flight.failed(exc)
    os._exit(EXIT_RESTART)


def _begin_anew(worker: Worker, why: str) -> None:
    """End for a reason of the process's own: nothing that is in flight is to blame."""
    logger.critical("%s", why)
    worker.deps.in_flight.leave()
    os._exit(EXIT_RESTART)


def build(worker: Worker, *, data_dir: str) -> OwnersApp:
    """The Faust app of a worker; nothing runs and nothing is connected yet."""
    tuning, cluster = worker.tuning, worker.cluster
    app = OwnersApp(
        f"{cluster.prefix}{tuning.group}",
        broker=[f"kafka://{host}" for host in cluster.bootstrap.split(",")],
        broker_credentials=_credentials(cluster),
        broker_session_timeout=tuning.session_timeout_seconds,
        broker_heartbeat_interval=tuning.session_timeout_seconds / 3,
        broker_commit_interval=1.0,
        stream_wait_empty=False,
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        web_enabled=False,
        stream_buffer_maxsize=tuning.batch_max * BUFFERED_BATCHES,
        store="memory://",
        datadir=data_dir,
    )
    pipeline = Pipeline(
        worker.people,
        worker.deps,
        worker.publisher,
        worker.observer,
        lease_again=partial(_lease_again, app, worker),
    )
    app.give_up = partial(_give_up, worker)
    app.lease_partitions = partial(_lease_partitions, app, pipeline, worker)
    people = app.topic(*(cluster.topic(name) for name in WORKER_INPUTS), **_RAW)
    app.agent(people, concurrency=1, name="people")(_people(pipeline, worker))
    app.on_partitions_assigned.connect(partial(_assigned, pipeline, worker), weak=False)
    app.on_partitions_revoked.connect(partial(_revoked, worker), weak=False)
    app.task(partial(_keep_tables, app, worker))
    app.timer(interval=tuning.default_every_seconds, name="default-list")(_default_list(worker))
    app.timer(interval=tuning.visit_every_seconds, name="outcomes")(_outcomes(pipeline, worker))
    app.timer(interval=LOOK_SECONDS, name="watchdog")(_watchdog(app, pipeline, worker))
    app.timer(interval=LOOK_SECONDS, name="positions")(_compare(app, worker))
    return app


_RAW: dict[str, Any] = {"key_serializer": "raw", "value_serializer": "raw", "key_type": bytes, "value_type": bytes}


def _credentials(cluster: Cluster) -> Any:
    if not cluster.security_protocol.startswith("SASL"):
        return faust.SSLCredentials(cafile=cluster.ssl_ca_location) if cluster.security_protocol == "SSL" else None
    context = (
        faust.SSLCredentials(cafile=cluster.ssl_ca_location).context if "SSL" in cluster.security_protocol[5:] else None
    )
    return faust.SASLCredentials(
        mechanism=cluster.sasl_mechanism,
        username=cluster.sasl_username,
        password=cluster.sasl_password,
        ssl_context=context,
    )


def _people(pipeline: Pipeline, worker: Worker) -> Callable[..., Any]:
    """What Faust runs: batches are whatever has come in, a moment after the first of it.

    Records are taken from the stream's own queue. Faust's `take` hands over in fixed steps of time and moves each
    record through the stream by itself, which at hundreds of records a second costs more than ranking does.
    """
    tuning = worker.tuning

    async def people(stream: Any) -> AsyncIterator[None]:
        stream.enable_acks = False
        waiting = stream.channel.queue
        pipeline.taken = waiting.qsize
        async for event in stream.events():
            await asyncio.sleep(tuning.batch_within_seconds)
            events = [event]
            while len(events) < tuning.batch_max and not waiting.empty():
                events.append(waiting.get_nowait())
            # What was fetched before a rebalance is fetched again after it, from where the store stands.
            events = [event for event in events if event.message.generation_id == event.app.consumer_generation_id]
            records = [_inbound(event.message, worker) for event in events]
            for part in worker.deps.in_flight.split(records) if records else ():
                await pipeline.take(events[part], records[part])
            yield

    return people


async def _lease_again(app: faust.App, worker: Worker) -> None:
    """Claim what is assigned to us now; a store that went back is read from anew, by a process begun anew."""
    worker.people.release()
    await _when_available(worker, partial(worker.people.assign, _person_partitions(app)))
    if worker.people.rewound():
        _begin_anew(worker, "the state store went back: starting again from there")


async def _lease_partitions(app: OwnersApp, pipeline: Pipeline, worker: Worker) -> dict[tuple[str, int], int]:
    """Claim what is assigned once everything decided is done; from where on to read each topic and partition."""
    starts: dict[tuple[str, int], int] = {}

    def lease() -> None:
        worker.people.assign(_person_partitions(app))
        if not worker.people.rewound():
            starts.update(worker.positions.start_offsets())

    await pipeline.between_batches(partial(_when_available, worker, lease))
    if worker.people.rewound():
        _begin_anew(worker, "the state store went back: starting again from there")
    logger.info("owns people of partitions %s", sorted(worker.people.held))
    return {(worker.cluster.topic(topic), partition): offset for (topic, partition), offset in starts.items()}


def _person_partitions(app: faust.App) -> set[int]:
    return {tp.partition for tp in app.consumer.assignment()}


async def _when_available(worker: Worker, call: Callable[[], None]) -> None:
    """Call in a thread, again while the state store or Kafka is away."""

    def report_wait(error: BaseException) -> None:
        worker.observer.waiting_for("state-store" if isinstance(error, StoreUnavailable) else "kafka")
        logger.warning("waiting: %s", error)

    async def call_in_thread() -> None:
        await asyncio.get_running_loop().run_in_executor(None, call)

    await STATE_RETRY.call_async(call_in_thread, sleep=asyncio.sleep, on_error=report_wait)


def _inbound(message: Any, worker: Worker) -> Inbound:
    headers = message.headers or ()
    record = Inbound(
        topic=worker.cluster.plain(message.topic),
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        timestamp=message.timestamp,
        headers=tuple(headers.items() if isinstance(headers, dict) else headers),
    )
    return worker.people.named(record)


async def _assigned(pipeline: Pipeline, worker: Worker, app: Any, assigned: Any, **_: Any) -> None:
    """Nothing is ours any more: what is decided is finished first. What is ours is claimed by `_lease_partitions`."""
    if not assigned:
        await pipeline.between_batches(partial(_when_available, worker, partial(worker.people.assign, ())))


async def _revoked(worker: Worker, app: Any, revoked: Any, **_: Any) -> None:
    logger.info("gives up %s", sorted((tp.topic, tp.partition) for tp in revoked))


async def _keep_tables(app: faust.App, worker: Worker) -> None:
    """Follow the table topics for as long as the worker runs."""
    loop = asyncio.get_running_loop()
    while not app.should_stop:
        records = await loop.run_in_executor(None, worker.tables.poll)
        for at in range(0, len(records), TABLE_CHUNK):
            chunk = records[at : at + TABLE_CHUNK]
            worker.observer.table_read("tables", apply_tables(chunk, worker.deps))
            await asyncio.sleep(0)


def _default_list(worker: Worker) -> Callable[[], Any]:
    """Publish the list for people never seen when the statistics have moved, when something in it may not be shown any
    more, and when half of its life is over; its partition's owner does so.
    """
    deps = worker.deps
    published = DefaultState()

    async def default_list_timer() -> None:
        nonlocal published
        version, now = deps.table.version, deps.clock()
        home = partition_of(DEFAULT_USER, worker.people.partitions)
        over = not all(deps.table.available(item, deps.stream_now) for item in published.items)
        due = over or published.is_due(version, now, every=0.0, lasts=deps.options.expires_seconds)
        if home not in worker.people.held or not due:
            return
        messages = default_lists(deps, after=published.version)
        await asyncio.get_running_loop().run_in_executor(None, worker.publisher.publish, messages)
        published = as_published(messages, version, now)

    return default_list_timer


def _outcomes(pipeline: Pipeline, worker: Worker) -> Callable[[], Any]:
    """Publish the outcomes of slates that have matured, also of people who do not come back: 1 publish 2 note."""

    def carry_out(done: Visit) -> None:
        worker.publisher.publish(done.messages)
        note(worker.people, done)

    async def outcomes_timer() -> None:
        try:
            for partition in sorted(worker.people.held) if not pipeline.waiting else ():
                done = visit(worker.people, worker.deps, partition)
                if done is not None:
                    await asyncio.get_running_loop().run_in_executor(None, carry_out, done)
        except StoreUnavailable as exc:
            logger.warning("outcomes wait: %s", exc)

    return outcomes_timer


def _watchdog(app: OwnersApp, pipeline: Pipeline, worker: Worker) -> Callable[[], Any]:
    """End the process when it stands still (`streams.worker.stall_watch`): the supervisor starts it anew."""
    watch = StallWatch(worker.tuning.stall_seconds)

    async def watchdog() -> None:
        consumer = cast(OwnersConsumer, app.consumer)
        now, readings = asyncio.get_running_loop().time(), consumer.readings()
        named = {f"{worker.cluster.plain(tp.topic)}-{tp.partition}": stand for tp, stand in readings.items()}
        waits = pipeline.waiting or not consumer.is_leased or app.rebalancing
        sight = Sight(pipeline.handled, pipeline.queued, waits, named)
        for tp, stand in readings.items():
            topic = worker.cluster.plain(tp.topic)
            applied = worker.people.applied(tp.partition).get(f"{topic}-{tp.partition}", -1)
            worker.observer.lag(topic, tp.partition, lag(stand, applied, sight.queued))
        for name in watch.held_back(sight, now):
            at = named[name]
            logger.warning(
                "%s: an open transaction holds back %d records from %d on", name, at.end - at.stable, at.stable
            )
        if why := watch.stalled(sight, now):
            _begin_anew(worker, f"{why}: stopping")

    return watchdog


def _compare(app: OwnersApp, worker: Worker) -> Callable[[], Any]:
    """End the process when the log or the store is not what it was: begun anew it reads from where the store stands."""

    async def compare() -> None:
        if not cast(OwnersConsumer, app.consumer).is_leased:
            return
        try:
            wrong = await asyncio.get_running_loop().run_in_executor(None, worker.positions.breaks)
        except SERVER_AWAY as exc:
            logger.info("log and store are not compared: %s", exc)
            return
        if wrong:
            _begin_anew(worker, f"{'; '.join(wrong)}: starting again from there")

    return compare
