"""How a running job is doing, as Flink's REST interface shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.flink.cluster import FlinkCluster

WAITING = ".pendingRecords"
NAMES_EACH = 24
"""How many metrics a request names: Flink refuses long ones."""
_POSITION = re.compile(r"KafkaSourceReader\.topic\.(.+)\.partition\.(\d+)\.currentOffset$")


@dataclass(frozen=True)
class JobHealth:
    """One look at a job. `checkpoint_at` is Unix time, none before the first checkpoint; `records_per_second` leave its
    source, for which `waiting_records` wait in Kafka; `read` is the offset after the last one that it has read of each
    partition since it began, by the topic's full name. `busy` and `held_up` are the greatest shares of time for which a
    task works, or waits for the next one to take what it has.
    """

    restarts: int
    failed_checkpoints: int
    checkpoint_at: float | None
    checkpoint_bytes: int
    records_per_second: float
    waiting_records: float
    busy: float
    held_up: float
    read: Mapping[tuple[str, int], int] = field(default_factory=dict)


def health(cluster: FlinkCluster, job: str) -> JobHealth:
    """Look at a running job; about twenty requests.

    Raises:
        FlinkUnavailable: no answer, or the JobManager does not know the job.
    """
    checkpoints = cluster.get(f"/jobs/{job}/checkpoints")
    newest = checkpoints["latest"]["completed"] or {}
    restarts = _values(cluster.get(f"/jobs/{job}/metrics?get=numRestarts"), "value")
    tasks = [str(task["id"]) for task in cluster.get(f"/jobs/{job}")["vertices"]]
    worst = [_worst(cluster, job, task) for task in tasks]
    source, names = _kafka_source(cluster, job, tasks)
    waiting = [name for name in names if name.endswith(WAITING)]
    flow = _values(cluster.get(f"{source}?agg=sum&get=numRecordsOutPerSecond,{','.join(waiting)}"), "sum")
    return JobHealth(
        restarts=int(restarts.get("numRestarts", 0)),
        failed_checkpoints=int(checkpoints["counts"]["failed"]),
        checkpoint_at=newest["latest_ack_timestamp"] / 1_000 if newest else None,
        checkpoint_bytes=int(newest.get("state_size", 0)),
        records_per_second=flow.get("numRecordsOutPerSecond", 0.0),
        waiting_records=sum(flow.get(name, 0.0) for name in waiting),
        busy=max(busy for busy, _ in worst),
        held_up=max(held_up for _, held_up in worst),
        read=_read(cluster, source, names),
    )


def _kafka_source(cluster: FlinkCluster, job: str, tasks: list[str]) -> tuple[str, list[str]]:
    """Return where the metrics of the task are that reads Kafka, and their names."""
    for task in tasks:
        metrics = f"/jobs/{job}/vertices/{task}/subtasks/metrics"
        names = [str(each["id"]) for each in cluster.get(metrics)]
        if any(name.endswith(WAITING) for name in names):
            break
    return metrics, names


def _read(cluster: FlinkCluster, source: str, names: Sequence[str]) -> dict[tuple[str, int], int]:
    """Return the offset after the last record that was read of each partition; none before the job's first record."""
    partitions = {name: (at[1], int(at[2])) for name in names if (at := _POSITION.search(name))}
    read: dict[tuple[str, int], int] = {}
    for some in _parts(sorted(partitions), NAMES_EACH):
        offsets = _values(cluster.get(f"{source}?agg=max&get={','.join(some)}"), "max")
        read |= {partitions[name]: int(offset) + 1 for name, offset in offsets.items() if offset >= 0}
    return read


def _parts(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[first : first + size] for first in range(0, len(names), size))


def _worst(cluster: FlinkCluster, job: str, task: str) -> tuple[float, float]:
    """Return for which share of time the busiest, and the most held-up, subtask of a task is so."""
    names = ("busyTimeMsPerSecond", "backPressuredTimeMsPerSecond")
    answer = cluster.get(f"/jobs/{job}/vertices/{task}/subtasks/metrics?agg=max&get={','.join(names)}")
    found = _values(answer, "max")
    busy, held_up = (found.get(name, 0.0) / 1_000 for name in names)
    return busy, held_up


def _values(answer: list[dict[str, Any]], kind: str) -> dict[str, float]:
    """Return the numbers of an answer about metrics by their names; Flink leaves out what it has not measured yet."""
    numbers = {str(each["id"]): float(each[kind]) for each in answer}
    return {name: number for name, number in numbers.items() if number == number}
