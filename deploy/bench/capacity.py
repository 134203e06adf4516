"""What a platform of a given size needs, from what a measurement of `lifelong bench` has cost per event.

Costs are taken to grow with events, users and items: nothing here was run at such a size. What processes do without
events counts as a cost of events, so numbers are high where the measured rate was low. What is left out: HTTP, replicas
of servers but Kafka's, network, and the time in which to catch up after a failure.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from msgspec import Struct

from deploy.bench.measure.usage import BENCH
from deploy.bench.report.figures import BenchReport
from features.decay import DAY
from schemas.topics import BY_NAME
from streams.flink.keyed_user import MAX_PARALLELISM

USER_BYTES = {10: 3_629, 50: 7_938, 200: 12_654, 1_000: 18_807, 2_500: 24_093}
"""Bytes of a user's state by choices: of 2,500 items in 20 categories, chosen by a Pareto law (index 0.6)."""
BYTES_PER_CACHED_LIST = 2_000
WORKER_MB, TASKMANAGER_MB, ITEM_KB, CHOSEN_ITEM_KB = 140.0, 1_200.0, 2.0, 5.6
"""Memory of a worker, and of a TaskManager, without items; per item of the catalogue, and more of a chosen one."""
PAIR_BYTES, PAIRS_PER_ITEM = 170, 256
"""Flink's item statistics: bytes of a checkpoint per pair of items, and the neighbours that an item keeps at most."""
SINGLE = ("trainer",)
"""Processes of which a system has one."""
TASKS = "taskmanager"
OWNERS = ("worker", TASKS)
"""What owns users, by engine: each decides in one interpreter, so its cores are processes."""
WATCHING = frozenset({"jobmanager", "worker", "statistics"})
"""What only watches over jobs where Flink runs them: one of each, whatever the events."""
PARTITIONS_MAX = 1_024
"""What the setting `topics.person_partitions` allows."""


class Size(Struct, frozen=True, kw_only=True):
    """A platform: events per second at its peak, users, items, and choices that a user's state reflects."""

    events_per_second: float
    users: int
    items: int
    choices_per_user: int = 200


class Assumptions(Struct, frozen=True, kw_only=True):
    """`utilisation` is the share of a core that the peak may use; `mean_to_peak` the mean rate of events to the peak's,
    for what is stored; `share_chosen` the share of items that was chosen. Kafka keeps so many `replicas`, for the days
    of each topic, which for the inputs of rebuilds are `log_days`; of compacted topics the newest of each key.
    """

    utilisation: float = 0.6
    mean_to_peak: float = 0.4
    share_chosen: float = 0.5
    memories_per_user: float = 10.0
    replicas: int = 3
    log_days: float = 365.0


class TopicBytes(Struct, frozen=True, kw_only=True):
    """Bytes that an event writes to a topic, and bytes of a message of it."""

    per_event: float
    per_message: float


class Costs(Struct, frozen=True, kw_only=True):
    """What an event costs: milliseconds of processor time by process, and bytes written to Kafka by topic."""

    cpu_ms: dict[str, float]
    topics: dict[str, TopicBytes]


class Need(Struct, frozen=True, kw_only=True):
    """An amount of a resource; `limit` says what stands against it, empty where nothing is known to."""

    resource: str
    amount: float
    unit: str
    limit: str = ""


def costs_of(report: BenchReport) -> Costs:
    """Return the costs of a measurement, those of its first run."""
    run = report.runs[0]
    return Costs(
        cpu_ms={name: used.cpu_ms_per_event for name, used in sorted(run.processes.items()) if name != BENCH},
        topics={
            name: TopicBytes(per_event=traffic.bytes_per_event, per_message=traffic.bytes_per_message)
            for name, traffic in sorted(run.topics.items())
        },
    )


def needs(size: Size, costs: Costs, given: Assumptions) -> list[Need]:
    """Return what a platform needs, in the order of its data flow.

    >>> costs = Costs(cpu_ms={"worker": 3.0, "trainer": 0.6}, topics={})
    >>> size = Size(events_per_second=1_000.0, users=1_000, items=1_000)
    >>> [(need.resource, need.amount) for need in needs(size, costs, Assumptions())][:3]
    [('events', 34560000.0), ('worker', 5.0), ('trainer', 1.0)]
    """
    owners = max(_cores(size, costs.cpu_ms.get(name, 0.0), given) for name in OWNERS)
    return [
        Need(resource="events", amount=_events_per_day(size, given), unit="a day"),
        *(_process(name, size, ms, given) for name, ms in costs.cpu_ms.items() if name not in _keepers(costs)),
        _partitions(2.0 * ceil(owners)),
        Need(resource="memory of each owner of users", amount=_owner_mb(size, costs, given), unit="MB"),
        Need(resource="states of users", amount=size.users * user_bytes(size.choices_per_user) / 1e9, unit="GB"),
        Need(resource="lists cached by gateways", amount=size.users * BYTES_PER_CACHED_LIST / 1e9, unit="GB"),
        Need(
            resource="item statistics in Flink, at most",
            amount=size.items * given.share_chosen * PAIRS_PER_ITEM * PAIR_BYTES / 1e9,
            unit="GB",
        ),
        Need(
            resource="written to Kafka at the peak",
            amount=size.events_per_second * sum(each.per_event for each in costs.topics.values()) / 1e6,
            unit="MB/s",
        ),
        Need(
            resource=f"kept by Kafka, {given.replicas} copies",
            amount=given.replicas * sum(_kept(name, size, each, given) for name, each in costs.topics.items()) / 1e12,
            unit="TB",
        ),
    ]


def user_bytes(choices: int) -> float:
    """Return the bytes of a user's state after so many choices, between measured ones, and the last beyond them.

    >>> user_bytes(50), user_bytes(30), user_bytes(10**6)
    (7938.0, 5783.5, 24093.0)
    """
    return float(np.interp(choices, list(USER_BYTES), list(USER_BYTES.values())))


def _process(name: str, size: Size, milliseconds: float, given: Assumptions) -> Need:
    cores = _cores(size, milliseconds, given)
    limit = "one process does it" if name in SINGLE and cores > 1.0 else ""
    if name == TASKS and cores > MAX_PARALLELISM:
        limit = f"{MAX_PARALLELISM} tasks at most"
    return Need(resource=name, amount=round(cores, 2), unit="cores", limit=limit)


def _keepers(costs: Costs) -> frozenset[str]:
    return WATCHING if TASKS in costs.cpu_ms else frozenset()


def _partitions(amount: float) -> Need:
    limit = f"settings allow {PARTITIONS_MAX:,}" if amount > PARTITIONS_MAX else ""
    return Need(resource="partitions of user topics", amount=amount, unit="partitions", limit=limit)


def _cores(size: Size, milliseconds: float, given: Assumptions) -> float:
    return size.events_per_second * milliseconds / 1_000.0 / given.utilisation


def _owner_mb(size: Size, costs: Costs, given: Assumptions) -> float:
    base = TASKMANAGER_MB if TASKS in costs.cpu_ms else WORKER_MB
    return base + size.items * (ITEM_KB + given.share_chosen * CHOSEN_ITEM_KB) / 1_000.0


def _kept(name: str, size: Size, topic: TopicBytes, given: Assumptions) -> float:
    """Return the bytes that one copy of a topic keeps."""
    described = BY_NAME[name]
    if described.cleanup == "compact":
        keys = {
            "user": size.users,
            "item": size.items,
            "memory": size.users * given.memories_per_user,
            "scope": size.items,
            "model": 1,
            "none": 1,
        }
        return keys[described.key] * topic.per_message
    days = given.log_days if described.retention_ms is None else described.retention_ms / (DAY * 1_000)
    return _events_per_day(size, given) * days * topic.per_event


def _events_per_day(size: Size, given: Assumptions) -> float:
    return size.events_per_second * given.mean_to_peak * DAY


def need_cells(need: Need) -> tuple[str, str, str, str]:
    """Return a need as the cells of a table: resource, amount, unit, limit.

    >>> need_cells(Need(resource="worker", amount=1234.5, unit="cores"))
    ('worker', '1,234', 'cores', '')
    >>> need_cells(Need(resource="kept by Kafka", amount=0.128, unit="TB"))
    ('kept by Kafka', '0.13', 'TB', '')
    """
    amount = f"{need.amount:,.0f}" if need.amount >= 100 else f"{need.amount:.2g}"
    return need.resource, amount, need.unit, need.limit
