"""How a running job is doing, as Flink's REST interface shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deploy.flink.cluster import FlinkCluster


@dataclass(frozen=True)
class JobHealth:
    """One look at a job. `checkpoint_at` is Unix time, none before the first checkpoint; `records_per_second` leave its
    source, for which `waiting_records` wait in Kafka. `busy` and `held_up` are the greatest shares of time for which a
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


def health(cluster: FlinkCluster, job: str) -> JobHealth:
    """Look at a running job; about fifteen requests.

    Raises:
        FlinkUnavailable: no answer, or the JobManager does not know the job.
    """
    checkpoints = cluster.get(f"/jobs/{job}/checkpoints")
    newest = checkpoints["latest"]["completed"] or {}
    restarts = _values(cluster.get(f"/jobs/{job}/metrics?get=numRestarts"), "value")
    tasks = [str(task["id"]) for task in cluster.get(f"/jobs/{job}")["vertices"]]
    worst = [_worst(cluster, job, task) for task in tasks]
    source, waiting = _kafka_source(cluster, job, tasks)
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
    )


def _kafka_source(cluster: FlinkCluster, job: str, tasks: list[str]) -> tuple[str, list[str]]:
    """Return where the metrics of the task are that reads Kafka, and the names of those that count waiting records."""
    for task in tasks:
        metrics = f"/jobs/{job}/vertices/{task}/subtasks/metrics"
        waiting = [str(each["id"]) for each in cluster.get(metrics) if str(each["id"]).endswith(".pendingRecords")]
        if waiting:
            break
    return metrics, waiting


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
