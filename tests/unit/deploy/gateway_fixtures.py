"""A gateway over an in-memory log, on which an `InMemoryRunner` may run or tests publish lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from threading import Event
from typing import Any

import numpy as np
from litestar.testing import TestClient

from agents.actions.in_process_items import InProcessItems
from agents.actions.ports import IndexedItem, ItemIndex
from agents.memory.ports import MemoryIndex
from deploy.gateway.access.callers import Limits
from deploy.gateway.access.control import AccessControl
from deploy.gateway.access.key_ring import KeyRing
from deploy.gateway.access.rates import RateLimiter
from deploy.gateway.access.user_tokens import UserTokens
from deploy.gateway.app import create_app
from deploy.gateway.context import GatewayCondition, GatewayContext
from deploy.gateway.in_memory import InMemoryTopics
from deploy.gateway.limits import MAX_QUEUED_BYTES
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
from deploy.gateway.serving.probe import Probe
from deploy.gateway.serving.producer_queue import ProducerQueue
from features.item_content import content_vector
from inference.encoders.hashed_words import HashedWords
from inference.search.index import SearchIndex
from schemas.codec import encode
from schemas.ids import ItemId, UserId
from schemas.items import Item
from schemas.recommendations import RankedItem, Recommendation, Slate
from schemas.topics import RECOMMENDATIONS
from streams.log.in_memory_log import InMemoryLog
from streams.routes import GATEWAY, GATEWAY_SEARCH
from streams.state.partition_store import PEOPLE
from tests.builders import START

KEY = "the-right-key"
PARTITIONS = 4
NOW = START + 1e6


@dataclass
class GatewayFixture:
    """A gateway's context, the log behind it, and a client of it."""

    log: InMemoryLog
    topics: InMemoryTopics
    context: GatewayContext
    client: Any = None
    now: float = NOW

    def publish(self, user: str, version: int, **more: Any) -> Recommendation:
        recommendation = list_of(user, version, **more)
        self.topics.deliver(RECOMMENDATIONS, [(user, encode(recommendation))])
        return recommendation

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, headers={"X-API-Key": KEY} | more.pop("headers", {}), params=more)

    def post(self, path: str, body: Any, **more: Any) -> Any:
        if isinstance(body, bytes):
            return self.client.post(path, content=body, headers={"X-API-Key": KEY})
        return self.client.post(path, json=body, headers={"X-API-Key": KEY})

    def records(self, topic: str) -> list[Any]:
        return self.log.records(topic)


def list_of(user: str, version: int, items: int = 5, surface: str = "home", **more: Any) -> Recommendation:
    ranked = tuple(RankedItem(item_id=ItemId(f"i{k}"), score=1.0 - k / 10, source="popular") for k in range(items))
    slate = Slate(list_id=f"{user}-{version}", surface=surface, items=ranked)  # type: ignore[arg-type]
    filled = {"expires_at": NOW + 3_600, "event_time": START} | more
    return Recommendation(user_id=UserId(user), version=version, slates=(slate,), **filled)


def build(
    *,
    items: ItemIndex | None = None,
    memories: MemoryIndex | None = None,
    factors: ItemIndex | None = None,
    post_seconds: float = 5.0,
    body_bytes: int = 5_000_000,
    **more: Any,
) -> GatewayFixture:
    """Return a gateway that is not running yet."""
    gateway: GatewayFixture
    log = InMemoryLog(person_partitions=PARTITIONS, item_partitions=PARTITIONS, clock=lambda: NOW)
    topics = InMemoryTopics(log, tuple(GATEWAY))
    condition, numbers = GatewayCondition(), count()
    cache = Cache(list_bytes=more.pop("list_bytes", 1_000_000))
    producer_queue = ProducerQueue(
        topics, on_failure=condition.fail, max_bytes=more.pop("queue_bytes", MAX_QUEUED_BYTES)
    )

    def clock() -> float:
        return gateway.now

    def new_id() -> str:
        return f"given-{next(numbers)}"

    feed = SearchFeed(SearchIndex(), clock=clock)
    access = more.pop("access", None) or access_of(clock)
    context = GatewayContext(
        access=access,
        cache=cache,
        feeder=Feeder(topics, cache, on_failure=condition.fail),
        producer_queue=producer_queue,
        lists=Lists(cache, producer_queue, clock=clock, new_id=new_id),
        chats=Chats(cache, clock=clock),
        similar_items=SimilarItemsService(items, factors),
        memory_recall=MemoryRecall(HashedWords, memories),
        search=SearchService(feed, more.pop("encoders", QueryEncoders())),
        search_feeder=Feeder(InMemoryTopics(log, tuple(GATEWAY_SEARCH)), feed, on_failure=condition.fail),
        catalogue=CatalogueView(cache, clock=clock),
        user_records=UserRecords(more.pop("store", None), partitions=PARTITIONS, scope=PEOPLE),
        condition=condition,
        probe=more.pop("probe", Probe({}, clock=clock)),
        clock=clock,
        new_id=new_id,
        person_partitions=PARTITIONS,
        post_seconds=post_seconds,
        body_bytes=body_bytes,
        **more,
    )
    gateway = GatewayFixture(log, topics, context)
    return gateway


def access_of(clock: Callable[[], float], ring: KeyRing | None = None, **more: Any) -> AccessControl:
    """Return access control over a ring of keys; by default one with two keys that have every scope."""
    ring = ring or KeyRing(("another-key", KEY), clock=clock, monotonic=clock)
    user_limits = more.pop("user_limits", Limits())
    tokens = UserTokens(ring, audience="tests", seconds=900.0, clock=clock, limits=user_limits)
    limiter = RateLimiter(clock=clock, monotonic=clock)
    return AccessControl(ring=ring, tokens=tokens, limiter=limiter, clock=clock, **more)


@contextmanager
def running(gateway: GatewayFixture) -> Iterator[GatewayFixture]:
    """Run the gateway; yield it once its cache has caught up."""
    with TestClient(create_app(gateway.context)) as client:
        gateway.client = client
        eventually(lambda: gateway.context.cache.caught_up)
        yield gateway


def eventually(holds: Callable[[], bool]) -> None:
    """Return as soon as the condition holds; fail if it does not within ten seconds."""
    tick = Event()
    for _ in range(10_000):
        if holds():
            return
        tick.wait(0.001)
    raise AssertionError("the condition never held")


def indexed(*items: Item) -> InProcessItems:
    """Return an index of these items."""
    index = InProcessItems()
    index.put([IndexedItem(item.item_id) for item in items], np.stack([content_vector(item) for item in items]))
    return index
