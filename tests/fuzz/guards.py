"""Every guard by the name of its process: mutated records go through each."""

from __future__ import annotations

from tests.fuzz.counting import Guard
from tests.fuzz.gateway_guards import GatewayCache, GatewayRequests, GatewaySearch, LetterReading
from tests.fuzz.processes import Aggregator, Projections, Tables, Trainer, Worker

GUARDS: dict[str, type[Guard]] = {
    "worker": Worker,
    "worker-tables": Tables,
    "aggregator": Aggregator,
    "trainer": Trainer,
    "projector": Projections,
    "gateway-cache": GatewayCache,
    "gateway-search": GatewaySearch,
    "gateway-requests": GatewayRequests,
    "dead-letters": LetterReading,
}
