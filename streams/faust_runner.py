"""The handlers on Faust: one stream of everything about people, and the tables beside it.

Faust calls its processors "agents"; here they are runners of handlers, and an *agent* plans for a person. Faust
brings group membership, rebalancing and back-pressure. What it is not trusted with is acknowledging: records are
acknowledged by `streams.pipeline`, after their outcome was published and stored.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import faust

from schemas.errors import StoreUnavailable
from schemas.ids import DEFAULT_USER
from schemas.topics import INTERACTIONS, ITEMS
from streams.deps import Deps
from streams.header_names import read_any_header_names
from streams.kafka_client import Cluster
from streams.lists import DefaultState, default_list, items_of
from streams.matured import Visit, note, visit
from streams.owner import Owner
from streams.partitions import partition_of
from streams.pipeline import RETRY_SECONDS, Pipeline
from streams.ports import Observer, Publisher, TableReader
from streams.rare_collections import rare_collections
from streams.records import Inbound
from streams.routes import PERSON_INPUTS
from streams.tables import apply_tables

logger = logging.getLogger(__name__)

EXIT_RESTART = 75
"""The exit status that asks the supervisor to start the process anew (EX_TEMPFAIL)."""
TABLE_CHUNK = 25
"""Records of a table taken in at a time, so that no batch of people waits long for it."""


@dataclass(frozen=True)
class Tuning:
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
    tuning: Tuning
    deps: Deps
    people: Owner
    publisher: Publisher
    tables: TableReader
    observer: Observer


def run(worker: Worker, *, data_dir: str) -> None:
    """Run until told to stop by SIGTERM or SIGINT; an error nobody foresaw ends the process with a non-zero status.

    The tables are caught up with first, so that no list is made from half a catalogue.
    """
    read_any_header_names()
    app = build(worker, data_dir=data_dir)
    with rare_collections():
        # The catalogue first: what it does not have is not known until it has been met a few times.
        apply_tables(sorted(worker.tables.catch_up(), key=lambda record: record.topic != ITEMS), worker.deps)
        try:
            faust.Worker(
                app, loglevel="WARN", redirect_stdouts=False, override_logging=False
            ).execute_from_commandline()
        finally:
            worker.deps.in_flight.leave()


class _App(faust.App):
    """Faust begins an agent anew after an error, and what it was about is lost; here the process begins anew."""

    failed: Callable[[BaseException], None]

    async def _on_agent_error(self, agent: Any, exc: BaseException) -> None:
        logger.critical("an error nobody foresaw: starting again", exc_info=exc)
        self.failed(exc)
        os._exit(EXIT_RESTART)


def build(worker: Worker, *, data_dir: str) -> faust.App:
    """The Faust app of a worker; nothing runs and nothing is connected yet."""
    tuning, cluster = worker.tuning, worker.cluster
    app = _App(
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
        store="memory://",
        datadir=data_dir,
    )
    app.failed = worker.deps.in_flight.failed
    pipeline = Pipeline(
        worker.people,
        worker.deps,
        worker.publisher,
        worker.observer,
        claim_again=partial(_claim_again, app, worker),
    )
    people = app.topic(*(cluster.topic(name) for name in PERSON_INPUTS), **_RAW)
    app.agent(people, concurrency=1, name="people")(_people(pipeline, worker))
    app.on_partitions_assigned.connect(partial(_assigned, pipeline, worker), weak=False)
    app.on_partitions_revoked.connect(partial(_revoked, worker), weak=False)
    app.task(partial(_keep_tables, app, worker))
    app.timer(interval=tuning.default_every_seconds, name="default-list")(_default_list(worker))
    app.timer(interval=tuning.visit_every_seconds, name="outcomes")(_outcomes(pipeline, worker))
    app.timer(interval=5.0, name="watchdog")(_watchdog(app, pipeline, worker))
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
        async for event in stream.events():
            await asyncio.sleep(tuning.batch_within_seconds)
            events = [event]
            while len(events) < tuning.batch_max and not waiting.empty():
                events.append(waiting.get_nowait())
            records = [_inbound(event.message, worker.cluster) for event in events]
            for part in worker.deps.in_flight.split(records):
                await pipeline.take(events[part], records[part])
            yield

    return people


async def _claim_again(app: faust.App, worker: Worker) -> None:
    """Claim what is assigned to us now; a store that went back is read from anew, by a process begun anew."""
    worker.people.release()
    await _patiently(worker, partial(worker.people.assign, _person_partitions(app, worker.cluster)))
    if worker.people.went_back():
        logger.critical("the state store went back: starting again from there")
        worker.deps.in_flight.leave()
        os._exit(EXIT_RESTART)


def _person_partitions(app: faust.App, cluster: Cluster) -> set[int]:
    return {tp.partition for tp in app.consumer.assignment() if cluster.plain(tp.topic) == INTERACTIONS}


async def _patiently(worker: Worker, call: Callable[[], None]) -> None:
    """Call in a thread, again and again while a store does not answer."""
    while True:
        try:
            return await asyncio.get_running_loop().run_in_executor(None, call)
        except StoreUnavailable as exc:
            worker.observer.waiting_for("state-store")
            logger.warning("waiting: %s", exc)
            await asyncio.sleep(RETRY_SECONDS)


def _inbound(message: Any, cluster: Cluster) -> Inbound:
    headers = message.headers or ()
    return Inbound(
        topic=cluster.plain(message.topic),
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        timestamp=message.timestamp,
        headers=tuple(headers.items() if isinstance(headers, dict) else headers),
    )


async def _assigned(pipeline: Pipeline, worker: Worker, app: Any, assigned: Any, **_: Any) -> None:
    """Finish what is decided, then claim what was won; what is held stays held."""
    partitions = {tp.partition for tp in assigned if worker.cluster.plain(tp.topic) == INTERACTIONS}
    claim = partial(_patiently, worker, partial(worker.people.assign, partitions))
    await pipeline.between_batches(claim)
    logger.info("owns people of partitions %s", sorted(partitions))


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
        messages = default_list(deps)
        await asyncio.get_running_loop().run_in_executor(None, worker.publisher.publish, messages)
        published = DefaultState(version, now, items_of(messages))

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


def _watchdog(app: faust.App, pipeline: Pipeline, worker: Worker) -> Callable[[], Any]:
    """End the process when a partition has records but its offset stands still: the supervisor starts it anew.

    Waiting for a store that is away is no such thing.
    """
    seen: dict[Any, tuple[int, float]] = {}

    async def watchdog() -> None:
        now = asyncio.get_running_loop().time()
        for tp in app.consumer.assignment():
            topic = worker.cluster.plain(tp.topic)
            applied = worker.people.applied(tp.partition).get(f"{topic}-{tp.partition}", -1)
            high = app.consumer.highwater(tp) or 0
            worker.observer.lag(topic, tp.partition, max(0, high - applied - 1))
            was, since = seen.get(tp, (applied, now))
            if high <= applied + 1 or applied != was or pipeline.waiting:
                seen[tp] = (applied, now)
            elif now - since > worker.tuning.stall_seconds:
                logger.critical("%s-%d stands at %d of %d: stopping", topic, tp.partition, applied, high)
                worker.deps.in_flight.leave()
                os._exit(EXIT_RESTART)
            else:
                seen[tp] = (was, since)

    return watchdog
