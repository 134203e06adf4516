"""What the handlers of the gateway work with, in one value; `deploy.wiring` fills it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from deploy.gateway.backlog import Backlog
from deploy.gateway.cache import Cache, Feeder
from deploy.gateway.lists import Lists
from deploy.gateway.probe import Probe
from deploy.gateway.producer_queue import ProducerQueue
from deploy.gateway.similar_items import SimilarItemsService


@dataclass
class GatewayCondition:
    """How the process is: `draining` once it was told to end, `failed` once one of its threads died."""

    draining: bool = False
    failed: bool = False

    def fail(self) -> None:
        """A thread died: the process is to end."""
        self.failed = True


@dataclass(frozen=True, kw_only=True)
class GatewayContext:
    """Everything that the gateway runs on. `person_partitions` is how many partitions a person's topics have.

    `restarts` tells how often each process of the stack ended by itself; nothing where no supervisor is known.
    """

    keys: tuple[str, ...] = field(repr=False)
    cache: Cache
    feeder: Feeder
    producer_queue: ProducerQueue
    lists: Lists
    similar_items: SimilarItemsService
    condition: GatewayCondition
    probe: Probe
    restarts: Callable[[], Mapping[str, int]] = dict
    clock: Callable[[], float]
    new_id: Callable[[], str]
    person_partitions: int
    backlog: Backlog = field(default_factory=Backlog)
    post_seconds: float = 5.0
    body_bytes: int = 5_000_000


Given = Annotated[NamedDependency[SkipValidation[GatewayContext]], "the door, as it was given to the application"]
