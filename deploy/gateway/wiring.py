"""Builds what the gateway runs on from the settings: `deploy.wiring` for this process."""

from __future__ import annotations

import logging
from functools import partial
from uuid import uuid4

from deploy.clients import (
    make_cluster,
    make_factor_index,
    make_item_index,
    make_memory_index,
    make_publisher,
    make_store,
    user_group,
    user_scope,
    wall_clock,
)
from deploy.encoders import make_image_encoder, make_text_encoder, memory_encoder
from deploy.gateway.access.wiring import make_access
from deploy.gateway.context import GatewayCondition, GatewayContext
from deploy.gateway.search.encoders import QueryEncoders
from deploy.gateway.search.feed import SearchFeed
from deploy.gateway.search.service import SearchService
from deploy.gateway.search.views import CatalogueView
from deploy.gateway.served.cache import Cache, Feeder
from deploy.gateway.served.chats import Chats
from deploy.gateway.served.lists import Lists
from deploy.gateway.served.memory_recall import MemoryRecall
from deploy.gateway.served.similar_items import SimilarItemsService
from deploy.gateway.served.user_records import UserRecords
from deploy.gateway.serving.backlog import Backlog, behind
from deploy.gateway.serving.producer_queue import ProducerQueue
from deploy.gateway.serving.servers import make_probe, make_restarts
from deploy.settings import Settings
from inference.search.index import SearchIndex
from schemas.errors import DecodeError
from schemas.topics import INTERACTIONS, ITEM_PERCEPTIONS, RECOMMENDATIONS
from streams.log.dead_letters import dead_letter
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import KafkaPublisher, KafkaTableReader
from streams.log.records import Inbound
from streams.routes import GATEWAY, GATEWAY_SEARCH

logger = logging.getLogger(__name__)


def make_gateway_context(settings: Settings) -> GatewayContext:
    """Build everything that the gateway runs on.

    Raises:
        SettingsError: no key is set, or no broker.
    """
    gateway, condition, publisher = settings.gateway, GatewayCondition(), make_publisher(settings, receipts=True)
    cache = _cache(settings, publisher)
    producer_queue = ProducerQueue(publisher, on_failure=condition.fail)
    feed = SearchFeed(SearchIndex(), clock=wall_clock)
    return GatewayContext(
        access=make_access(settings),
        cache=cache,
        feeder=Feeder(KafkaTableReader(make_cluster(settings), tuple(GATEWAY)), cache, on_failure=condition.fail),
        producer_queue=producer_queue,
        lists=Lists(cache, producer_queue, clock=wall_clock, new_id=_new_id),
        chats=Chats(cache, clock=wall_clock),
        similar_items=_similar_items(settings),
        memory_recall=_memory_recall(settings),
        search=SearchService(feed, _query_encoders(settings)),
        search_feeder=Feeder(
            KafkaTableReader(make_cluster(settings), _searched_topics(settings)), feed, on_failure=condition.fail
        ),
        catalogue=CatalogueView(cache, clock=wall_clock),
        cors_origins=gateway.cors_origins,
        user_records=UserRecords(
            make_store(settings) if settings.redis.url else None,
            partitions=settings.topics.person_partitions,
            scope=user_scope(settings),
        ),
        condition=condition,
        probe=make_probe(settings),
        restarts=make_restarts(settings),
        clock=wall_clock,
        new_id=_new_id,
        person_partitions=settings.topics.person_partitions,
        backlog=make_backlog(settings),
        post_seconds=gateway.post_timeout_seconds,
        body_bytes=int(gateway.body_mb * 1e6),
    )


def _cache(settings: Settings, publisher: KafkaPublisher) -> Cache:
    """Build the cache, which writes dead letters about lists; the projector writes those about items."""

    def refuse(record: Inbound, exc: DecodeError) -> None:
        logger.warning("%s-%d@%d is skipped: %s", record.topic, record.partition, record.offset, exc)
        if record.topic == RECOMMENDATIONS and cache.caught_up:
            publisher.publish([dead_letter(record, exc.reason, str(exc), wall_clock())])

    cache = Cache(list_bytes=int(settings.gateway.cache_mb * 1e6), clock=wall_clock, refuse=refuse)
    return cache


def _similar_items(settings: Settings) -> SimilarItemsService:
    """Build the similarity searches; without Milvus only these are unavailable."""
    if not settings.milvus.uri:
        return SimilarItemsService(None)
    return SimilarItemsService(make_item_index(settings), make_factor_index(settings))


def _memory_recall(settings: Settings) -> MemoryRecall:
    """Build the recall of memories; without Milvus all are encoded here."""
    index = make_memory_index(settings) if settings.milvus.uri else None
    return MemoryRecall(lambda: memory_encoder(settings)(), index)


def _searched_topics(settings: Settings) -> tuple[str, ...]:
    """Return the topics of the search index: vectors only where queries are encoded, too."""
    return tuple(topic for topic in GATEWAY_SEARCH if topic != ITEM_PERCEPTIONS or settings.perception.enabled)


def _query_encoders(settings: Settings) -> QueryEncoders:
    """Build the encoders of queries; none where perception is off. They are loaded once they are needed."""
    perception = settings.perception
    if not perception.enabled:
        return QueryEncoders()
    return QueryEncoders(
        text=partial(make_text_encoder, perception),
        image=partial(make_image_encoder, perception),
        byte_limit=perception.image_bytes_limit,
        pixel_limit=perception.image_pixels_limit,
    )


def make_backlog(settings: Settings) -> Backlog:
    """Build the measure of events that wait for workers, bounded by the setting `gateway.backlog_max`."""
    measure = partial(behind, KafkaAdmin(make_cluster(settings)), user_group(settings), INTERACTIONS)
    return Backlog(measure, most=settings.gateway.backlog_max)


def _new_id() -> str:
    return uuid4().hex
