"""The servers and processes that the gateway's readiness reports, as the settings name them."""

from __future__ import annotations

import time
from collections.abc import Callable

from deploy.clients import make_cluster, make_store
from deploy.embedded.restarts import watched
from deploy.gateway.serving.probe import WITHIN_SECONDS, Probe
from deploy.monitoring.telemetry import RESTARTS
from deploy.settings import Settings
from schemas.errors import LifelongError
from streams.log.kafka_admin import KafkaAdmin
from streams.state.partition_store import PEOPLE


def make_probe(settings: Settings) -> Probe:
    """Return a probe of Kafka, and of the state store where one is set."""
    admin = KafkaAdmin(make_cluster(settings))
    checks = {"kafka": lambda: problem_of(lambda: admin.expect((), within=WITHIN_SECONDS))}
    if settings.redis.url.get_secret_value():
        store = make_store(settings, timeout_seconds=WITHIN_SECONDS)
        checks["state-store"] = lambda: problem_of(lambda: store.applied(PEOPLE, 0))
    return Probe(checks, clock=time.monotonic)


def problem_of(ask: Callable[[], object]) -> str:
    """Return the error of a server that does not answer; empty if it does.

    >>> problem_of(dict)
    ''
    """
    try:
        ask()
    except LifelongError as exc:
        return str(exc)
    return ""


def make_restarts(settings: Settings) -> Callable[[], dict[str, int]]:
    """Return a reader of how often each process of the stack ended by itself; empty where there is no stack."""
    RESTARTS.read = watched(settings.data_dir)
    return RESTARTS.read
