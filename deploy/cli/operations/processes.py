"""The processes of the system as commands, for a supervisor or a container to run."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable

import typer
from threadpoolctl import threadpool_limits

from deploy.clients import make_cluster
from deploy.monitoring.projector_metrics import ProjectorMetrics
from deploy.monitoring.telemetry import TrainerMetrics, serve_metrics
from deploy.printable import PrintableFormatter
from deploy.settings import Settings, SettingsError, load_settings


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    for command in PROCESSES:
        app.command(rich_help_panel="Processes")(command)


def worker() -> None:
    """Fold events into user states, re-plan, rank and publish lists. Several workers share the partitions."""
    settings = _begin()
    _check_topics(settings)
    if settings.worker.engine == "flink":
        from deploy.flink.keeper import keep_users

        keep_users(settings, until=_until_signalled())
        return
    from deploy.wiring import make_worker
    from streams.worker.faust_runner import run

    serve_metrics(settings.worker.metrics_port)
    run(make_worker(settings), data_dir=str(settings.data_dir / "faust"))


def statistics() -> None:
    """Aggregate item statistics from events, and publish them."""
    settings = _begin(yields=True)
    _check_topics(settings)
    if settings.statistics.engine == "flink":
        from deploy.flink.keeper import keep_item_statistics

        keep_item_statistics(settings, until=_until_signalled())
        return
    from deploy.wiring import make_aggregator
    from streams.item_stats.aggregator import run

    serve_metrics(settings.statistics.metrics_port)
    run(make_aggregator(settings), until=_until_signalled())


def trainer() -> None:
    """Learn from outcomes and publish weights. One per system."""
    settings = _begin(yields=True)
    from deploy.wiring import make_trainer
    from streams.trainer.process import run

    serve_metrics(settings.trainer.metrics_port)
    # More threads would add in another order, and the same log would not give the same weights and scores.
    with threadpool_limits(1):
        run(make_trainer(settings, TrainerMetrics()), until=_until_signalled())


def projector() -> None:
    """Write behind: feature rows to Feast; memories, items and learned item factors to Milvus."""
    settings = _begin(yields=True)
    from deploy.wiring import make_projector
    from streams.projector.process import run

    serve_metrics(settings.projector.metrics_port)
    run(make_projector(settings, ProjectorMetrics()), until=_until_signalled())


def perceiver() -> None:
    """Encode texts and pictures of items, and what users show and search for (`perception.enabled`)."""
    settings = _begin(yields=True)
    from deploy.monitoring.perceiver_metrics import PerceiverMetrics
    from deploy.perception import make_perceiver
    from streams.perceiver.process import run

    serve_metrics(settings.perception.metrics_port)
    with threadpool_limits(1):
        run(make_perceiver(settings, PerceiverMetrics()), until=_until_signalled())


def planner() -> None:
    """Ask a language model for better plans than those of the rule planner, and propose them (`llm.enabled`)."""
    settings = _begin(yields=True)
    from deploy.language_model.wiring import make_planner
    from deploy.monitoring.llm_metrics import PlannerMetrics
    from streams.planner.process import run

    if not settings.llm.enabled:
        raise SettingsError("setting llm.enabled is false: set it, llm.url and llm.model")
    serve_metrics(settings.llm.metrics_port)
    run(make_planner(settings, PlannerMetrics()), until=_until_signalled())


def gateway() -> None:
    """Serve HTTP: events in, lists out."""
    settings = _begin()
    from deploy.gateway.serving.server import run

    run(settings)


PROCESSES = (worker, statistics, trainer, projector, perceiver, planner, gateway)


def _begin(*, yields: bool = False) -> Settings:
    """Return the settings, and set up logging; a process that `yields` lowers its priority below the serving ones."""
    if yields:
        os.nice(10)
    logging.getLogger("librdkafka").setLevel(logging.INFO)
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    return load_settings()


def _check_topics(settings: Settings) -> None:
    from deploy.topics import refuse_wrong_topics
    from streams.log.kafka_admin import KafkaAdmin

    refuse_wrong_topics(settings, KafkaAdmin(make_cluster(settings)))


def _until_signalled() -> Callable[[], bool]:
    """Return a check that is true once SIGTERM or SIGINT has arrived, so that the loop ends in good order."""
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, frame: signals.append(signum))
    return lambda: bool(signals)
