"""What a task of the user job runs on, built in Flink's Python: the same dependencies as a worker's."""

from __future__ import annotations

import dataclasses
import gc
import json
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from deploy.clients import make_cluster, make_publisher, make_store, user_scope
from deploy.monitoring.telemetry import PrometheusObserver, serve_metrics
from deploy.settings import Settings
from deploy.wiring import make_deps, make_in_flight
from schemas.topics import ITEMS
from streams.flink.projection import UserProjection
from streams.flink.user_batches import UserTask
from streams.log.kafka_client import KafkaTableReader
from streams.routes import WORKER_TABLES
from streams.worker.gc_tuning import GC_THRESHOLD
from streams.worker.tables import apply_tables

PROJECTION_SECONDS = 0.2
LINGER_MS = 1.0
"""A task waits for the acknowledgement of each batch."""


def settings_text(settings: Settings) -> str:
    """Return all settings that are not the default as JSON, with their secrets.

    >>> settings_of(settings_text(Settings())).worker == Settings().worker
    True
    """
    absolute = settings.model_copy(update={"data_dir": settings.data_dir.absolute()})
    return json.dumps(absolute.model_dump(exclude_defaults=True), default=_plain)


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


class SentSettings(Settings):
    """Settings as they were sent: what the environment of the TaskManager says does not count."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the one source: the values passed to the constructor."""
        return (init_settings,)


def settings_of(text: str) -> Settings:
    """Return the settings of such a text."""
    return SentSettings(**json.loads(text))


def make_user_task(text: str) -> tuple[UserTask, partial[None]]:
    """Build a task of the settings in `text`, and what releases it; its tables are read to their ends first."""
    from deploy.embedded.environment import user_cache_dir
    from deploy.embedded.kernels import kernel_cache
    from inference.kernels.compiler import compile_kernels

    settings = settings_of(text)
    compile_kernels(kernel_cache(user_cache_dir()))
    gc.set_threshold(*GC_THRESHOLD)
    _serve(settings.flink.metrics_port)
    publisher, in_flight = make_publisher(settings, linger_ms=LINGER_MS), make_in_flight(settings, "user-task")
    deps = dataclasses.replace(make_deps(settings), letters=publisher.publish, in_flight=in_flight)
    reader = KafkaTableReader(make_cluster(settings), tuple(WORKER_TABLES), poll_seconds=0.0)
    # The catalogue first: an item outside of it counts as known only after several interactions.
    apply_tables(sorted(reader.catch_up(), key=lambda record: record.topic != ITEMS), deps)
    task = UserTask(
        deps=deps,
        publisher=publisher,
        tables=reader,
        observer=PrometheusObserver(),
        batch_max=settings.worker.batch_max,
        batch_within_seconds=settings.worker.batch_within_ms / 1_000.0,
        default_every_seconds=settings.ranking.default_every_seconds,
        project=_projection(settings),
    )
    return task, partial(_release, publisher, reader, in_flight)


def _projection(settings: Settings) -> Callable[[int, dict[str, bytes]], None]:
    if not settings.redis.url.get_secret_value():
        return lambda partition, states: None
    store = make_store(settings, timeout_seconds=PROJECTION_SECONDS)
    return UserProjection(store, user_scope(settings), clock=time.monotonic).project


@cache
def _serve(port: int) -> None:
    """Serve metrics, once in a TaskManager: tasks begin anew in the same process."""
    if port:
        serve_metrics(port)


def _release(publisher: Any, reader: Any, in_flight: Any) -> None:
    in_flight.close()
    reader.close()
    publisher.close()
