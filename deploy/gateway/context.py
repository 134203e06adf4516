"""The dependencies of the gateway's handlers in one value, which `deploy.gateway.wiring` builds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from deploy.gateway.access.control import AccessControl
from deploy.gateway.search.service import SearchService
from deploy.gateway.search.views import CatalogueView
from deploy.gateway.served.cache import Cache, Feeder
from deploy.gateway.served.chats import Chats
from deploy.gateway.served.lists import Lists
from deploy.gateway.served.memory_recall import MemoryRecall
from deploy.gateway.served.similar_items import SimilarItemsService
from deploy.gateway.served.user_records import UserRecords
from deploy.gateway.serving.backlog import Backlog
from deploy.gateway.serving.probe import Probe
from deploy.gateway.serving.producer_queue import ProducerQueue


@dataclass
class GatewayCondition:
    """The state of the process: `draining` once it is asked to end, `failed` once one of its threads died."""

    draining: bool = False
    failed: bool = False

    def fail(self) -> None:
        """Note that a thread died, which ends the process."""
        self.failed = True


@dataclass(frozen=True, kw_only=True)
class GatewayContext:
    """Everything that the gateway runs on. `person_partitions` is the partition count of topics keyed by user.

    `restarts` returns how often each process of the stack ended by itself; empty where there is no supervisor.
    `post_seconds` bounds the wait for Kafka, `body_bytes` the body of a request.
    """

    access: AccessControl
    cache: Cache
    feeder: Feeder
    producer_queue: ProducerQueue
    lists: Lists
    chats: Chats
    similar_items: SimilarItemsService
    memory_recall: MemoryRecall
    search: SearchService
    search_feeder: Feeder
    catalogue: CatalogueView
    cors_origins: tuple[str, ...] = ()
    user_records: UserRecords
    condition: GatewayCondition
    probe: Probe
    restarts: Callable[[], Mapping[str, int]] = dict
    clock: Callable[[], float]
    new_id: Callable[[], str]
    person_partitions: int
    post_seconds: float
    body_bytes: int
    backlog: Backlog = field(default_factory=Backlog)


InjectedContext = Annotated[NamedDependency[SkipValidation[GatewayContext]], "the context of the application"]
