"""Jobs on Flink, each submitted, watched and stopped by a process: that of item statistics by `lifelong statistics`,
that of users by `lifelong worker`.

A job's state is below a directory of its own. That of item statistics is named for its SQL: after a change of
half-lives the old state would mean something else, so the job folds `item-deltas` from the first record on, as
after `lifelong rebuild`.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

from deploy.clients import make_cluster
from deploy.embedded import flink
from deploy.embedded.layout import DataLayout
from deploy.flink.cluster import ENDED, FlinkCluster, FlinkUnavailable
from deploy.flink.health import JobHealth, health
from deploy.flink.submission import FlinkJobError, submit
from deploy.flink.tables import sink_options, source_options
from deploy.flink.user_submission import submit_users
from deploy.settings import Settings
from streams.flink.item_statistics import statements
from streams.flink.keyed_user import MAX_PARALLELISM

logger = logging.getLogger(__name__)
WATCH_SECONDS = 2.0
LOOKS_EACH = 3
PATIENCE_SECONDS = 30.0
"""For how long the JobManager may give no answer; then the process ends, and begins anew."""
SAVEPOINT_SECONDS = 15.0


@dataclass(frozen=True)
class FlinkJob:
    """A job by its name on a cluster, Flink's options, the directory of its state, and what submits it with options."""

    cluster: FlinkCluster
    name: str
    options: tuple[tuple[str, str], ...]
    directory: Path
    accept: Callable[[Mapping[str, str]], str]

    def find(self) -> str:
        """Return the id of the running job; empty if none runs.

        Raises:
            FlinkUnavailable: the cluster does not answer.
        """
        return self.cluster.running(self.name)

    def submit(self) -> str:
        """Submit the job, from its newest state if there is one; return its id. Takes 20 s or more.

        Raises:
            FlinkJobError: it is not accepted, or Flink is not installed.
        """
        options = dict(self.options)
        if (newest := newest_state(self.directory)) is not None:
            options["execution.state-recovery.path"] = newest.as_uri()
        return self.accept(options)

    def stop(self, job: str, sleep: Callable[[float], None]) -> str:
        """Stop the job with a savepoint, from which the next one goes on; return where it is, once the job has ended.

        Raises:
            FlinkUnavailable: it cannot be stopped so; the next one goes on from the newest checkpoint.
        """
        return self._wait_saved(job, self.cluster.begin_stop(job, self._savepoints), sleep)

    def savepoint(self, job: str, sleep: Callable[[float], None]) -> str:
        """Store the job's state while it goes on; return where it is.

        Raises:
            FlinkUnavailable: it cannot be stored.
        """
        return self._wait_saved(job, self.cluster.begin_savepoint(job, self._savepoints), sleep)

    @property
    def _savepoints(self) -> str:
        return (self.directory / "savepoints").as_uri()

    def _wait_saved(self, job: str, request: str, sleep: Callable[[float], None]) -> str:
        for _ in range(int(SAVEPOINT_SECONDS)):
            if location := self.cluster.saved(job, request):
                return location
            sleep(1.0)
        raise FlinkUnavailable(f"the savepoint of job {job} is not complete after {SAVEPOINT_SECONDS:.0f} s")


def make_job(settings: Settings, cache: Path) -> FlinkJob:
    """Build the job of item statistics that the settings describe; `cache` holds Flink's environment.

    Raises:
        FlinkJobError: no cluster is set.
    """
    cluster, kafka = _cluster(settings), make_cluster(settings)
    sql = statements(source_options(kafka, settings.statistics.group), sink_options(kafka))
    script = "".join(f"{statement};\n" for statement in sql)
    meaning = hashlib.sha256("".join(statements({}, {})).encode()).hexdigest()[:12]
    directory = DataLayout.of(settings.data_dir, cache).data("flink") / f"item-statistics-{meaning}"
    name = f"{settings.topics.prefix}item-statistics"
    options = job_options(settings, name, directory) | _statistics_options(settings)
    accept = partial(_submit_script, cluster, script, cache)
    return FlinkJob(cluster, name, tuple(options.items()), directory, accept)


def _submit_script(cluster: FlinkCluster, script: str, cache: Path, options: Mapping[str, str]) -> str:
    return submit(cluster, script, options, _installed(cache))


def make_user_job(settings: Settings, cache: Path) -> FlinkJob:
    """Build the job of users that the settings describe; `cache` holds Flink's environment.

    Raises:
        FlinkJobError: no cluster is set.
    """
    cluster, name = _cluster(settings), f"{settings.topics.prefix}users"
    directory = DataLayout.of(settings.data_dir, cache).data("flink") / name
    options = job_options(settings, name, directory) | {
        "parallelism.default": str(settings.flink.user_parallelism),
        # Beyond memory: states are on disk, and a checkpoint stores what has changed.
        "state.backend.type": "rocksdb",
        "execution.checkpointing.incremental": "true",
        "table.exec.uid.generation": "ALWAYS",
    }
    accept = partial(_submit_users, cluster, settings, cache)
    return FlinkJob(cluster, name, tuple(options.items()), directory, accept)


def _submit_users(cluster: FlinkCluster, settings: Settings, cache: Path, options: Mapping[str, str]) -> str:
    return submit_users(cluster, settings, options, _installed(cache))


def _cluster(settings: Settings) -> FlinkCluster:
    if not settings.flink.rest:
        raise FlinkJobError("setting flink.rest is empty: `lifelong up --engine flink` starts a cluster")
    return FlinkCluster.of(settings.flink)


def _installed(cache: Path) -> Path:
    if not flink.environment(cache).is_complete:
        raise FlinkJobError("Flink is not installed here, which submits jobs: `make flink` fetches it")
    return cache


def job_options(settings: Settings, name: str, directory: Path) -> dict[str, str]:
    """Return Flink's options of every job."""
    return {
        "pipeline.name": name,
        "pipeline.max-parallelism": str(MAX_PARALLELISM),
        "execution.checkpointing.interval": f"{settings.flink.checkpoint_seconds:g} s",
        "execution.checkpointing.dir": (directory / "checkpoints").as_uri(),
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "restart-strategy.type": "exponential-delay",
    }


def _statistics_options(settings: Settings) -> dict[str, str]:
    window = f"{settings.statistics.window_seconds * 1_000:.0f} ms"
    return {
        "parallelism.default": str(settings.flink.parallelism),
        "table.local-time-zone": "UTC",
        "table.exec.sink.not-null-enforcer": "DROP",
        # Rows are published about once per window.
        "table.exec.mini-batch.enabled": "true",
        "table.exec.mini-batch.allow-latency": window,
        "table.exec.mini-batch.size": "1000000",
        "table.optimizer.agg-phase-strategy": "ONE_PHASE",
        # By rows, of which an item has up to 256: with fewer, lists of neighbours are read from the state at each use.
        "table.exec.rank.topn-cache-size": "5000000",
        "table.exec.state.ttl": f"{settings.flink.state_days:g} d",
    }


def newest_state(directory: Path) -> Path | None:
    """Return the newest complete checkpoint or savepoint below a directory; none if there is none."""
    complete = [*directory.glob("checkpoints/*/chk-*/_metadata"), *directory.glob("savepoints/*/_metadata")]
    return max(complete, key=lambda path: path.stat().st_mtime).parent if complete else None


def run(
    job: FlinkJob,
    *,
    started: Callable[[], object],
    until: Callable[[], bool],
    meanwhile: Callable[[float], object],
    seen: Callable[[JobHealth], object],
    sleep: Callable[[float], None],
) -> None:
    """Keep the job running until `until` holds: (1) find or submit it, (2) call `started`, (3) watch, (4) stop it.

    A job that runs already is not submitted again. `meanwhile` fills so many seconds between two looks at the job;
    `seen` receives what every third look finds.

    Raises:
        FlinkJobError: it was not accepted, or has ended by itself.
        FlinkUnavailable: the cluster does not answer for `PATIENCE_SECONDS`.
    """
    running = job.find() or job.submit()
    logger.info("job %s (%s) runs on %s", running, job.name, job.cluster.address)
    started()
    silent, looks = 0.0, count()
    while not until():
        meanwhile(WATCH_SECONDS)
        try:
            state = job.cluster.state(running)
            if next(looks) % LOOKS_EACH == 0 and state == "RUNNING":
                seen(health(job.cluster, running))
        except FlinkUnavailable as exc:
            silent += WATCH_SECONDS
            if silent > PATIENCE_SECONDS:
                raise
            logger.warning("waiting: %s", exc)
            continue
        silent = 0.0
        if state in ENDED:
            raise FlinkJobError(f"job {running} is {state}: its log says why; it begins anew from its newest state")
    try:
        job.stop(running, sleep)
    except FlinkUnavailable as exc:
        logger.warning("the next job goes on from the newest checkpoint: %s", exc)
