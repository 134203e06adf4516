"""What the gateway needs of the log: delivery of records, each with a receipt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class GatewayLog(Protocol):
    """The log that stores posts. Called by one thread only."""

    def deliver(self, topic: str, records: Iterable[tuple[str | None, bytes | None]]) -> list[tuple[int, int]]:
        """Store records and return the partition and offset of each; block until all are acknowledged, without a limit.

        Records of one partition get offsets in their order.

        Raises:
            KafkaRefused: one of them will never be accepted; others may have been stored.
        """
        ...
