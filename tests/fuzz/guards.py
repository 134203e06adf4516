"""Every guard by the name of its process: what is harmed is sent through each."""

from __future__ import annotations

from tests.fuzz.counting import Guard
from tests.fuzz.doors import GatewayCache, GatewayIntake, LetterReading
from tests.fuzz.processes import Aggregator, Projections, Tables, Trainer, Worker

GUARDS: dict[str, type[Guard]] = {
    "worker": Worker,
    "worker-tables": Tables,
    "aggregator": Aggregator,
    "trainer": Trainer,
    "projector": Projections,
    "gateway-cache": GatewayCache,
    "gateway-intake": GatewayIntake,
    "dead-letters": LetterReading,
}
