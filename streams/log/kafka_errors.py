"""What may go wrong between a process and Kafka: the adapters raise these in place of the client's own errors."""

from __future__ import annotations

from schemas.errors import LifelongError


class KafkaAway(LifelongError):
    """Kafka does not answer; the same call may be made again."""


class KafkaRefused(LifelongError):
    """Kafka refused a request for good: a missing topic, a wrong credential."""
