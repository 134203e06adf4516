"""What the gateway needs of the log: a place where records are put, each with a receipt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class GatewayLog(Protocol):
    """Where posts are stored. Called by one thread alone."""

    def deliver(self, topic: str, records: Iterable[tuple[str | None, bytes | None]]) -> list[tuple[int, int]]:
        """Store records and block until all are acknowledged, for as long as that takes: partition and offset of each.

        Records of one partition get offsets in the order in which they are given.

        Raises:
            KafkaRefused: one of them will never be taken; others may have been stored.
        """
        ...
