"""The two jobs by their names: what builds each, and one look at it for commands and checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.embedded.environment import user_cache_dir
from deploy.flink.health import health
from deploy.flink.job import FlinkJob, make_job, make_user_job
from deploy.settings import Settings

JobName = Literal["users", "item-statistics"]
MAKERS: dict[JobName, Callable[[Settings, Path], FlinkJob]] = {"users": make_user_job, "item-statistics": make_job}
KEEPERS: dict[JobName, str] = {"users": "worker", "item-statistics": "statistics"}
"""The process that keeps each job running, in the order in which jobs are shown."""
SETTINGS: dict[JobName, str] = {"users": "flink.user_parallelism", "item-statistics": "flink.parallelism"}
"""How many tasks each job has when it is submitted."""


@dataclass(frozen=True)
class JobRow:
    """A job at one look; numbers of a job that does not run are none. `checkpoint_age` is in seconds."""

    job: JobName
    state: str
    id: str = ""
    tasks: int | None = None
    records_per_second: float | None = None
    waiting: float | None = None
    busy: float | None = None
    restarts: int | None = None
    checkpoint_age: float | None = None
    checkpoint_bytes: int | None = None


def job_of(name: JobName, settings: Settings) -> FlinkJob:
    """Build the job of this name that the settings describe.

    Raises:
        FlinkJobError: no cluster is set.
    """
    return MAKERS[name](settings, user_cache_dir())


def look(name: JobName, job: FlinkJob, *, now: float) -> JobRow:
    """Look at a job.

    Raises:
        FlinkUnavailable: the cluster does not answer.
    """
    running = job.find()
    if not running:
        return JobRow(name, "not running")
    state = job.cluster.state(running)
    if state != "RUNNING":
        return JobRow(name, state.lower(), running)
    seen = health(job.cluster, running)
    return JobRow(
        name,
        state.lower(),
        running,
        tasks=job.cluster.tasks(running),
        records_per_second=seen.records_per_second,
        waiting=seen.waiting_records,
        busy=seen.busy,
        restarts=seen.restarts,
        checkpoint_age=None if seen.checkpoint_at is None else now - seen.checkpoint_at,
        checkpoint_bytes=seen.checkpoint_bytes if seen.checkpoint_at else None,
    )
