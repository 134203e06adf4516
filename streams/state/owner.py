"""What a batch of users needs of its owner, whatever engine runs it and wherever the states are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from features.ports import Write
from schemas.ids import UserId
from streams.log.records import Inbound
from streams.state.user_record import UserRecord


class UserOwner(Protocol):
    """Owns users: `streams.state.partition_store.PartitionStore` by leases on their partitions in a store,
    `streams.flink.user_batches.UserBatches` by the keys that Flink gives a task.

    Nothing but `load` may block.
    """

    @property
    def partitions(self) -> int:
        """Return over how many partitions users are spread."""
        ...

    def is_new(self, record: Inbound) -> bool:
        """Return whether the record is this owner's to apply, and is not applied yet."""
        ...

    def applied(self, partition: int) -> dict[str, int]:
        """Return the last applied offset of each source (`topic-partition`) of a partition's users."""
        ...

    def load(self, users: Iterable[UserId]) -> dict[str, UserRecord]:
        """Return the user records by id; a user without a state is new.

        Raises:
            StoreUnavailable: call again.
        """
        ...

    def write(self, partition: int, states: dict[str, bytes], applied: dict[str, int]) -> Write:
        """Return the write of states with the offsets that they reflect.

        Raises:
            Fenced: the partition has another owner.
        """
        ...
