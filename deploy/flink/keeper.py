"""What `lifelong worker` and `lifelong statistics` do with the engine `flink`: each keeps a job and watches it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from deploy.clients import flink_group, make_cluster
from deploy.embedded.environment import user_cache_dir
from deploy.flink.health import JobHealth
from deploy.flink.job import FlinkJob, make_job, make_user_job, run
from deploy.monitoring.flink_gauges import FLINK, report_lag
from deploy.monitoring.telemetry import serve_metrics
from deploy.settings import Settings
from deploy.wiring import make_refusals
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_errors import KafkaAway
from streams.routes import AGGREGATOR, WORKER_INPUTS

Until = Callable[[], bool]


def keep_users(settings: Settings, until: Until) -> None:
    """Have Flink handle users until `until` holds. See `deploy.flink.job.run` for errors."""
    job = make_user_job(settings, user_cache_dir())
    seen = _reporter(settings, settings.worker.group, WORKER_INPUTS)
    _keep(job, settings.worker.metrics_port, until, meanwhile=time.sleep, seen=seen)


def keep_item_statistics(settings: Settings, until: Until) -> None:
    """Have Flink aggregate item statistics until `until` holds, and publish dead letters meanwhile. See
    `deploy.flink.job.run` for errors.
    """
    job, refusals = make_job(settings, user_cache_dir()), make_refusals(settings)
    seen = _reporter(settings, settings.statistics.group, tuple(AGGREGATOR))
    _keep(job, settings.statistics.metrics_port, until, meanwhile=refusals.publish_for, seen=seen)


def _keep(
    job: FlinkJob,
    port: int,
    until: Until,
    *,
    meanwhile: Callable[[float], object],
    seen: Callable[[JobHealth], object],
) -> None:
    """Keep a job; metrics are served at the port once it runs."""
    run(job, started=lambda: serve_metrics(port), until=until, meanwhile=meanwhile, seen=seen, sleep=time.sleep)


def _reporter(settings: Settings, group: str, topics: Sequence[str]) -> Callable[[JobHealth], None]:
    """Return what reports a look at a job as metrics; unless Kafka is away, with the lag of these topics.

    What Flink has not read since the job began was read before, up to what it has committed.
    """
    cluster = make_cluster(settings)
    admin = KafkaAdmin(cluster)

    def report(health: JobHealth) -> None:
        FLINK.saw(health)
        with suppress(KafkaAway):
            read = {(cluster.plain(topic), partition): at for (topic, partition), at in health.read.items()}
            report_lag(admin.committed(flink_group(group), topics) | read, admin.bounds(topics))

    return report
