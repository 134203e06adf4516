"""Chooses the implementation behind each port from the settings; no other module does. Nothing here runs by itself."""

from __future__ import annotations

import dataclasses
import logging
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from deploy.clients import (
    make_cluster,
    make_factor_index,
    make_feast,
    make_item_index,
    make_memory_index,
    make_publisher,
    make_store,
    triton_tls,
    wall_clock,
)
from deploy.encoders import memory_encoder
from deploy.experiment import make_experiment, make_exploration, served_variants
from deploy.monitoring.telemetry import PrometheusObserver
from deploy.settings import Settings, SettingsError
from features.external import CachedExternal
from features.views import External
from inference.experiment import Experiment
from inference.exploration import Exploration
from inference.fallback_ranker import FallbackRanker
from inference.items.table import ItemTable
from inference.learning.served_versions import announced_weights, newest_good
from inference.learning.weights_file import Weights, initial_weights, write_weights
from inference.local_ranker import LocalRanker
from inference.ports import Ranker
from inference.ranking.features import FeatureTable
from inference.recommender import Recommender
from inference.signals.registry import make_item_table
from streams.handlers.deps import Deps, Options
from streams.log.in_flight import InFlight
from streams.log.kafka_client import KafkaTableReader
from streams.log.kafka_group import KafkaGroupReader
from streams.log.kafka_users import memories_of
from streams.log.ports import Observer
from streams.routes import AGGREGATOR, PROJECTOR, TRAINER, WORKER_INPUTS, WORKER_TABLES
from streams.state.partition_store import ITEMS, PEOPLE, PartitionStore
from streams.state.positions import Positions

if TYPE_CHECKING:
    from inference.learning.online_trainer import OnlineTrainer
    from streams.backtest.config import SystemConfig
    from streams.item_stats.aggregator import ItemStatisticsAggregator
    from streams.item_stats.refusals import Refusals
    from streams.projector.process import Projector, ProjectorObserver
    from streams.trainer.process import Trainer, TrainerObserver
    from streams.worker.faust_runner import BatchTuning, Worker

logger = logging.getLogger(__name__)


def external_rows(settings: Settings) -> tuple[External, ...]:
    """Return the features of other teams that the settings name as ``view:field``.

    Raises:
        SettingsError: a name is not of that form.
    """
    rows = []
    for name in settings.features.external:
        view, colon, field = name.partition(":")
        if not (view and colon and field):
            raise SettingsError(f"setting features.external has {name!r}: it takes 'view:field'")
        rows.append(External(view=view, name=field))
    return tuple(rows)


def feature_table(settings: Settings) -> FeatureTable:
    """Return the ranker's columns and sources by the settings.

    Raises:
        SettingsError: a setting names no feature of another team.
    """
    ranking = settings.ranking
    return FeatureTable(external_rows(settings), knowledge=ranking.outside_knowledge, content_map=ranking.content_map)


def weights_path(settings: Settings) -> Path:
    """Return the weights file that the served model loads."""
    return settings.data_dir / "models" / "ranker" / "weights.npz"


def current_weights(settings: Settings) -> Weights:
    """Return the weights that serve now; write and return initial ones where none fit this feature schema yet."""
    path = weights_path(settings)
    columns = feature_table(settings).columns
    newest = newest_good(path, columns)
    if newest.weights is not None and newest.path == path:
        return newest.weights
    fresh = initial_weights(columns)
    fresh = replace(
        fresh, others={name: fresh.arrays for name in served_variants(settings)}, version=newest.next_version
    )
    write_weights(path, newest.weights or fresh)
    return newest.weights or fresh


def fetch_weights(settings: Settings, uri: str) -> Weights | None:
    """Return the weights announced under this URI.

    None if they are deleted (old versions are), if the URI is empty (no weights were fit to serve), or if they are of
    another feature schema.

    Raises:
        DecodeError: the URI is not a file of the model repository, or the file holds no weights that may serve.
    """
    columns = feature_table(settings).columns
    return announced_weights(uri, weights_path(settings).parent, columns)


def make_deps(settings: Settings) -> Deps:
    """Build the dependencies of the worker's handlers: served model, local ranker, tables, external features."""
    table = make_item_table()
    rows = external_rows(settings)
    features = feature_table(settings)
    weights = current_weights(settings)
    local_ranker = LocalRanker(weights)
    ranker = _ranker(settings, local_ranker, features.id)
    recommender = make_recommender(
        settings, table, ranker, features, make_exploration(settings), make_experiment(settings)
    )
    recommender.load_weights(weights)

    def load_weights(uri: str) -> None:
        new = fetch_weights(settings, uri)
        if new is not None and local_ranker.load_weights(new):
            recommender.load_weights(new)

    external = _external(settings, rows) if rows else None
    return Deps(
        table=table,
        recommender=recommender,
        clock=wall_clock,
        options=make_options(settings),
        external=external,
        load_weights=load_weights,
    )


def make_in_flight(settings: Settings, name: str) -> InFlight:
    """Return the record of what a process of this name is handling, in a file that outlives the process."""
    return InFlight(settings.data_dir / "in-flight", f"{settings.topics.prefix}{name}")


def make_recommender(
    settings: Settings,
    table: ItemTable,
    ranker: Ranker,
    features: FeatureTable,
    exploration: Exploration | None = None,
    experiment: Experiment | None = None,
) -> Recommender:
    """Build the recommender of the settings: the same for the worker and for a backtest, which has neither exploration
    nor experiments.
    """
    ranking = settings.ranking
    return Recommender(
        table,
        ranker,
        features=features,
        slate_size=ranking.slate_size,
        candidates=ranking.candidates,
        repeats=ranking.repeats,
        exploration=exploration,
        experiment=experiment,
    )


def _ranker(settings: Settings, local_ranker: LocalRanker, table: str) -> FallbackRanker | LocalRanker:
    if not settings.triton.grpc:
        return local_ranker
    from inference.triton_ranker import TritonRanker

    triton = settings.triton
    served = TritonRanker(triton.grpc, table=table, timeout=triton.timeout_seconds, tls=triton_tls(settings))
    return FallbackRanker(served, local_ranker, clock=time.monotonic)


def _external(settings: Settings, rows: tuple[External, ...]) -> CachedExternal:
    return CachedExternal(
        make_feast(settings), rows, ttl_seconds=settings.features.external_ttl_seconds, clock=time.monotonic
    )


def make_options(settings: Settings) -> Options:
    """Return the settings that handlers use."""
    return Options(
        person_partitions=settings.topics.person_partitions,
        item_partitions=settings.topics.item_partitions,
        expires=settings.ranking.expires,
        expires_seconds=settings.ranking.expires_seconds,
        expires_at_most_seconds=settings.ranking.expires_at_most_seconds,
        prequential_rate=settings.worker.prequential_rate,
        prequential_per_batch=settings.worker.prequential_per_batch,
        overload_seconds=settings.worker.overload_seconds,
        triggers=settings.agents.triggers,
    )


def make_worker(settings: Settings) -> Worker:
    """Build everything that a worker process runs on."""
    from deploy.embedded.kernels import kernel_cache
    from inference.kernels.compiler import compile_kernels
    from streams.worker.faust_runner import Worker

    compile_kernels(kernel_cache(settings.data_dir))
    cluster, observer = make_cluster(settings), PrometheusObserver()
    people = PartitionStore(make_store(settings), scope=PEOPLE, partitions=settings.topics.person_partitions)
    publisher, in_flight = make_publisher(settings), make_in_flight(settings, "worker")
    return Worker(
        cluster=cluster,
        tuning=make_tuning(settings),
        deps=dataclasses.replace(make_deps(settings), letters=publisher.publish, in_flight=in_flight),
        users=people,
        positions=make_positions(settings, people, WORKER_INPUTS, settings.worker.group, observer),
        publisher=publisher,
        tables=KafkaTableReader(cluster, tuple(WORKER_TABLES)),
        observer=observer,
    )


def make_aggregator(settings: Settings) -> ItemStatisticsAggregator:
    """Build everything that the item-statistics aggregator runs on."""
    from streams.item_stats.aggregator import ItemStatisticsAggregator, begin

    group, observer = settings.statistics.group, PrometheusObserver()
    items = PartitionStore(make_store(settings), scope=ITEMS, partitions=settings.topics.item_partitions)
    positions = make_positions(settings, items, tuple(AGGREGATOR), group, observer)
    start = partial(begin, positions, sleep=time.sleep)
    return ItemStatisticsAggregator(
        reader=KafkaGroupReader(make_cluster(settings), tuple(AGGREGATOR), group=group, start=start),
        items=items,
        positions=positions,
        publisher=make_publisher(settings),
        observer=observer,
        clock=wall_clock,
        sleep=time.sleep,
        window_seconds=settings.statistics.window_seconds,
        in_flight=make_in_flight(settings, "statistics"),
    )


def make_refusals(settings: Settings) -> Refusals:
    """Build what publishes dead letters about deltas while Flink aggregates."""
    from streams.item_stats.refusals import Refusals

    group = f"{settings.statistics.group}-refused"
    return Refusals(
        reader=KafkaGroupReader(make_cluster(settings), tuple(AGGREGATOR), group=group),
        publisher=make_publisher(settings),
        partitions=settings.topics.item_partitions,
        observer=PrometheusObserver(),
        clock=wall_clock,
        monotonic=time.monotonic,
        in_flight=make_in_flight(settings, "statistics"),
    )


def make_positions(
    settings: Settings, store: PartitionStore, topics: tuple[str, ...], group: str, observer: Observer
) -> Positions:
    """Build the positions from which a partition store's topics are read on."""
    from streams.log.kafka_admin import KafkaAdmin

    return Positions(store, KafkaAdmin(make_cluster(settings)), topics, store.partitions, group, observer)


def make_tuning(settings: Settings) -> BatchTuning:
    """Return the worker's batching."""
    from streams.worker.faust_runner import BatchTuning

    worker = settings.worker
    return BatchTuning(
        group=worker.group,
        batch_max=worker.batch_max,
        batch_within_seconds=worker.batch_within_ms / 1000.0,
        session_timeout_seconds=worker.session_timeout_ms / 1000.0,
        default_every_seconds=settings.ranking.default_every_seconds,
        stall_seconds=worker.stall_seconds,
    )


def make_trainer(settings: Settings, observer: TrainerObserver) -> Trainer:
    """Build everything that the trainer process runs on; it continues from its checkpoint, if there is one."""
    from streams.trainer.process import Trainer
    from streams.trainer.progress import TrainerProgress

    checkpoint = settings.data_dir / "trainer" / f"{settings.topics.prefix}progress.bin"
    progress = TrainerProgress(
        checkpoint, partial(make_online_trainer, settings), version=current_weights(settings).version
    )
    group = settings.trainer.group
    return Trainer(
        reader=KafkaGroupReader(make_cluster(settings), tuple(TRAINER), group=group, start=lambda _: progress.begin()),
        progress=progress,
        publisher=make_publisher(settings),
        observer=observer,
        live=weights_path(settings),
        clock=wall_clock,
        publish_every_seconds=settings.trainer.publish_every_seconds,
        checkpoint_every_seconds=settings.trainer.checkpoint_every_seconds,
        in_flight=make_in_flight(settings, "trainer"),
    )


def make_online_trainer(settings: Settings) -> OnlineTrainer:
    """Build an online trainer that has learned nothing yet."""
    from inference.learning.model_variant import VariantConfig
    from inference.learning.online_trainer import FIRST, OnlineTrainer, OnlineTrainerConfig
    from inference.learning.promotion import PromotionRules

    trainer, promotion = settings.trainer, settings.promotion
    configs = {FIRST: VariantConfig(rate=trainer.rate, replays=trainer.replays, seed=trainer.seed)}
    for name, challenger in trainer.challengers.items():
        configs[name] = VariantConfig(rate=challenger.rate, replays=challenger.replays, seed=challenger.seed)
    rules = PromotionRules(
        level=promotion.level,
        minimum_effect=promotion.minimum_effect,
        horizon=promotion.horizon,
        cool_down=promotion.cool_down,
    )
    columns = feature_table(settings).columns
    return OnlineTrainer(
        OnlineTrainerConfig(
            columns=columns,
            configs=configs,
            rules=rules,
            block=promotion.block,
            vectors=trainer.item_vectors,
            served=served_variants(settings),
        )
    )


def make_system_config(settings: Settings) -> SystemConfig:
    """Return what a backtest runs: production's recommender, options and learner, without exploration or experiment."""
    from inference.learning.model_variant import VariantConfig
    from streams.backtest.config import SystemConfig

    trainer = settings.trainer
    return SystemConfig(
        external=external_rows(settings),
        knowledge=settings.ranking.outside_knowledge,
        content_map=settings.ranking.content_map,
        make_recommender=partial(make_recommender, settings),
        options=make_options(settings),
        default_every_seconds=settings.ranking.default_every_seconds,
        learner=VariantConfig(rate=trainer.rate, replays=trainer.replays),
        item_vectors=trainer.item_vectors,
    )


ERASURE_PATIENCE_SECONDS = 4 * 3_600.0
"""How long the projector may go without polling: an erasure reads the whole off-line log meanwhile."""


def make_projector(settings: Settings, observer: ProjectorObserver) -> Projector:
    """Build everything that the projector process runs on."""
    from agents.memory.embedding import TextVectors
    from streams.projector.process import Projector

    return Projector(
        reader=KafkaGroupReader(
            make_cluster(settings),
            tuple(PROJECTOR),
            group=settings.projector.group,
            polls_within=ERASURE_PATIENCE_SECONDS,
        ),
        features=make_feast(settings),
        memories=make_memory_index(settings, writes=True),
        vectors=TextVectors(memory_encoder(settings)()),
        items=make_item_index(settings),
        factors=make_factor_index(settings),
        read=partial(fetch_weights, settings),
        memories_of=partial(memories_of, make_cluster(settings)),
        publisher=make_publisher(settings),
        observer=observer,
        clock=wall_clock,
        sleep=time.sleep,
        in_flight=make_in_flight(settings, "projector"),
    )
