"""The worker on Faust: one stream of all user topics, and the tables beside it.

Faust calls its processors "agents"; here they run handlers, and an *agent* plans for a user. Faust brings group
membership, rebalancing and back-pressure. It does not acknowledge: `streams.worker.pipeline` acknowledges records after
their outcome is published and stored.
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
from streams.retry import SERVER_AWAY, STATE_RETRY, server_of
from streams.routes import WORKER_INPUTS
from streams.state.partition_store import PartitionStore
from streams.state.positions import Positions
from streams.worker.default_timer import DefaultTimer
from streams.worker.faust_consumer import OwnersApp, OwnersConsumer
from streams.worker.gc_tuning import tuned_gc
from streams.worker.pipeline import Pipeline
from streams.worker.stall_watch import StallWatch, WorkerSample, lag
from streams.worker.tables import apply_tables
from streams.worker.visits import Visit, note, visit

logger = logging.getLogger(__name__)

EXIT_RESTART = 75
"""The exit status that asks the supervisor to restart the process (EX_TEMPFAIL)."""
CHECK_EVERY_SECONDS = 5.0
"""How often the worker checks that it makes progress, and that log and store were not rewound."""
BUFFERED_BATCHES = 5
"""How many batches wait in memory: the next record, such as a request for a list, waits behind all of them."""
TABLE_CHUNK_RECORDS = 25
"""Table records applied at a time, so that no batch of users waits long for them."""


@dataclass(frozen=True)
class BatchTuning:
    """How a worker forms batches: see `deploy.settings.WorkerSettings`."""

    group: str
    batch_max: int
    batch_within_seconds: float
    session_timeout_seconds: float
    default_every_seconds: float
    stall_seconds: float
    visit_every_seconds: float = 5.0


@dataclass(frozen=True)
class Worker:
    """The dependencies of one worker process, built by the wiring."""

    cluster: Cluster
    tuning: BatchTuning
    deps: Deps
    users: PartitionStore
    positions: Positions
    publisher: Publisher
    tables: TableReader
    observer: Observer


def run(worker: Worker, *, data_dir: str) -> None:
    """Run until SIGTERM or SIGINT; an unexpected error ends the process with a non-zero status.

    The tables are read to their ends first, so that no list is made from half a catalogue.
    """
    read_any_header_names()
    app = build(worker, data_dir=data_dir)
    with tuned_gc():
        # The catalogue first: an item outside of it counts as known only after several interactions.
        apply_tables(sorted(worker.tables.catch_up(), key=lambda record: record.topic != ITEMS), worker.deps)
        try:
            faust.Worker(
                app, loglevel="WARN", redirect_stdouts=False, override_logging=False
            ).execute_from_commandline()
        finally:
            worker.deps.in_flight.leave()


def _give_up(worker: Worker, exc: BaseException) -> None:
    logger.critical("an unexpected error: the process restarts", exc_info=exc)
    worker.deps.in_flight.failed(exc)
    os._exit(EXIT_RESTART)


def _restart(worker: Worker, why: str) -> None:
    """End the process for a reason of its own: no record in flight is to blame."""
    logger.critical("%s", why)
    worker.deps.in_flight.leave()
    os._exit(EXIT_RESTART)


def build(worker: Worker, *, data_dir: str) -> OwnersApp:
    """Return the Faust app of a worker; nothing runs and nothing is connected yet."""
    tuning, cluster = worker.tuning, worker.cluster
    buffered = tuning.batch_max * BUFFERED_BATCHES
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
        stream_buffer_maxsize=buffered,
        store="memory://",
        datadir=data_dir,
    )
    pipeline = Pipeline(
        worker.users,
        worker.deps,
        worker.publisher,
        worker.observer,
        lease_again=partial(_lease_again, app, worker),
    )
    app.give_up = partial(_give_up, worker)
    app.has_room = lambda: pipeline.waiting_records() < buffered
    app.lease_partitions = partial(_lease_partitions, app, pipeline, worker)
    inputs = app.topic(*(cluster.topic(name) for name in WORKER_INPUTS), **_RAW)
    app.agent(inputs, concurrency=1, name="people")(_batches(pipeline, worker))
    app.on_partitions_assigned.connect(partial(_assigned, pipeline, worker), weak=False)
    app.on_partitions_revoked.connect(partial(_revoked, worker), weak=False)
    app.task(partial(_keep_tables, app, worker))
    app.timer(interval=tuning.default_every_seconds, name="default-list")(_default_list(worker))
    app.timer(interval=tuning.visit_every_seconds, name="outcomes")(_outcomes(pipeline, worker))
    app.timer(interval=CHECK_EVERY_SECONDS, name="watchdog")(_watchdog(app, pipeline, worker))
    app.timer(interval=CHECK_EVERY_SECONDS, name="positions")(_compare(app, worker))
    return app


_RAW: dict[str, Any] = {"key_serializer": "raw", "value_serializer": "raw", "key_type": bytes, "value_type": bytes}


def _credentials(cluster: Cluster) -> Any:
    context = cluster.ssl_context()
    if not cluster.security_protocol.startswith("SASL"):
        return faust.SSLCredentials(context) if context is not None else None
    return faust.SASLCredentials(
        mechanism=cluster.sasl_mechanism,
        username=cluster.sasl_username,
        password=cluster.sasl_password,
        ssl_context=context,
    )


def _batches(pipeline: Pipeline, worker: Worker) -> Callable[..., Any]:
    """Return the processor for Faust: a batch is all records that have arrived shortly after its first one.

    It reads the stream's own queue. Faust's `take` delivers at fixed intervals and moves each record through the stream
    one by one, which at hundreds of records a second costs more than ranking does.
    """
    tuning = worker.tuning

    async def batches(stream: Any) -> AsyncIterator[None]:
        stream.enable_acks = False
        queue = stream.channel.queue
        pipeline.waiting_records = queue.qsize
        async for event in stream.events():
            await asyncio.sleep(tuning.batch_within_seconds)
            events = [event]
            while len(events) < tuning.batch_max and not queue.empty():
                events.append(queue.get_nowait())
            # Records fetched before a rebalance are fetched again after it, from the stored offsets.
            events = [event for event in events if event.message.generation_id == event.app.consumer_generation_id]
            records = [_inbound(event.message, worker) for event in events]
            for part in worker.deps.in_flight.split(records) if records else ():
                await pipeline.handle(events[part], records[part])
            yield

    return batches


async def _lease_again(app: faust.App, worker: Worker) -> None:
    """Lease the assigned partitions anew; after a rewound store the process restarts from its offsets."""
    worker.users.release()
    await _when_available(worker, partial(worker.users.assign, _assigned_partitions(app)))
    if worker.users.rewound():
        _restart(worker, "the state store was rewound: the process restarts from there")


async def _lease_partitions(app: OwnersApp, pipeline: Pipeline, worker: Worker) -> dict[tuple[str, int], int]:
    """Lease the assigned partitions once all effects are done; returns the offsets to read on from."""
    starts: dict[tuple[str, int], int] = {}

    def lease() -> None:
        worker.users.assign(_assigned_partitions(app))
        if not worker.users.rewound():
            starts.update(worker.positions.start_offsets())

    await pipeline.between_batches(partial(_when_available, worker, lease))
    if worker.users.rewound():
        _restart(worker, "the state store was rewound: the process restarts from there")
    logger.info("owns users of partitions %s", sorted(worker.users.assigned))
    return {(worker.cluster.topic(topic), partition): offset for (topic, partition), offset in starts.items()}


def _assigned_partitions(app: faust.App) -> set[int]:
    return {tp.partition for tp in app.consumer.assignment()}


async def _when_available(worker: Worker, call: Callable[[], None]) -> None:
    """Call in a thread, again while the state store or Kafka is away."""

    def report_wait(error: BaseException) -> None:
        worker.observer.waiting_for(server_of(error))
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
    return worker.users.named(record)


async def _assigned(pipeline: Pipeline, worker: Worker, app: Any, assigned: Any, **_: Any) -> None:
    """Release all partitions if none is assigned, after all effects are done; `_lease_partitions` leases new ones."""
    if not assigned:
        await pipeline.between_batches(partial(_when_available, worker, partial(worker.users.assign, ())))


async def _revoked(worker: Worker, app: Any, revoked: Any, **_: Any) -> None:
    logger.info("gives up %s", sorted((tp.topic, tp.partition) for tp in revoked))


async def _keep_tables(app: faust.App, worker: Worker) -> None:
    """Apply the table topics while the worker runs."""
    loop = asyncio.get_running_loop()
    while not app.should_stop:
        records = await loop.run_in_executor(None, worker.tables.poll)
        for at in range(0, len(records), TABLE_CHUNK_RECORDS):
            chunk = records[at : at + TABLE_CHUNK_RECORDS]
            worker.observer.table_read("tables", apply_tables(chunk, worker.deps))
            await asyncio.sleep(0)


def _default_list(worker: Worker) -> Callable[[], Any]:
    """Return the timer that publishes the non-personalised lists; the owner of their partition does so."""
    timer = DefaultTimer(worker.deps)

    async def default_list_timer() -> None:
        if partition_of(DEFAULT_USER, worker.users.partitions) not in worker.users.assigned:
            return
        if messages := timer.due():
            await asyncio.get_running_loop().run_in_executor(None, worker.publisher.publish, messages)
            timer.note(messages)

    return default_list_timer


def _outcomes(pipeline: Pipeline, worker: Worker) -> Callable[[], Any]:
    """Return the timer that publishes outcomes of matured slates, also of users who stay away: 1 publish 2 note."""

    def carry_out(completed: Visit) -> None:
        worker.publisher.publish(completed.messages)
        note(worker.users, completed)

    async def outcomes_timer() -> None:
        try:
            for partition in sorted(worker.users.assigned) if not pipeline.waiting else ():
                due = visit(worker.users, worker.deps, partition)
                if due is not None:
                    await asyncio.get_running_loop().run_in_executor(None, carry_out, due)
        except StoreUnavailable as exc:
            logger.warning("outcomes wait: %s", exc)

    return outcomes_timer


def _watchdog(app: OwnersApp, pipeline: Pipeline, worker: Worker) -> Callable[[], Any]:
    """Return the timer that ends a stalled process (`streams.worker.stall_watch`): the supervisor restarts it."""
    watch = StallWatch(worker.tuning.stall_seconds)

    async def watchdog() -> None:
        consumer = cast(OwnersConsumer, app.consumer)
        now, readings = asyncio.get_running_loop().time(), consumer.readings()
        progress = {f"{worker.cluster.plain(tp.topic)}-{tp.partition}": reading for tp, reading in readings.items()}
        waits = pipeline.waiting or not consumer.is_leased or app.rebalancing
        sample = WorkerSample(pipeline.handled, pipeline.queued, waits, progress)
        for tp, reading in readings.items():
            topic = worker.cluster.plain(tp.topic)
            applied = worker.users.applied(tp.partition).get(f"{topic}-{tp.partition}", -1)
            worker.observer.lag(topic, tp.partition, lag(reading, applied, sample.queued))
        for name in watch.held_back(sample, now):
            at = progress[name]
            logger.warning(
                "%s: an open transaction holds back %d records from %d on", name, at.end - at.stable, at.stable
            )
        if why := watch.stalled(sample, now):
            _restart(worker, f"{why}: the process restarts")

    return watchdog


def _compare(app: OwnersApp, worker: Worker) -> Callable[[], Any]:
    """Return the timer that restarts the process after log or store were rewound: it reads on from stored offsets.

    It also finds topics that were missing and are there.
    """

    async def compare() -> None:
        consumer = cast(OwnersConsumer, app.consumer)
        if not consumer.is_leased:
            return
        await consumer.look_for_missing_topics()
        try:
            breaks = await asyncio.get_running_loop().run_in_executor(None, worker.positions.breaks)
        except SERVER_AWAY as exc:
            logger.info("log and store are not compared: %s", exc)
            return
        if breaks:
            _restart(worker, f"{'; '.join(breaks)}: the process restarts from there")

    return compare
