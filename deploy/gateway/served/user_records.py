"""Users' records as their owners store or project them, read beside the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from features.ports import StateStore
from schemas.errors import StoreUnavailable
from schemas.ids import UserId
from streams.log.partitions import partition_of
from streams.state.user_record import UserRecord, new_user, unpack

READ_SECONDS = 5.0


class UserRecords:
    """Reads one user's record at a time from the state store; without a store they are unavailable."""

    def __init__(self, store: StateStore | None, *, partitions: int, scope: str) -> None:
        self._store = store
        self._partitions = partitions
        self._scope = scope
        self._thread = ThreadPoolExecutor(1, "user-records")

    async def read(self, user: UserId) -> UserRecord:
        """Return the user's record as of their last applied event; a new one if there is none.

        Raises:
            StoreUnavailable: the store does not answer in time.
        """
        store = self._store
        if store is None:
            raise StoreUnavailable("setting redis.url is empty: `lifelong up` starts a server, or name your own")
        partition = partition_of(user, self._partitions)
        loop = asyncio.get_running_loop()
        try:
            loading = loop.run_in_executor(self._thread, lambda: store.load(self._scope, partition, [user]))
            stored = (await asyncio.wait_for(loading, READ_SECONDS)).get(user)
        except TimeoutError as exc:
            raise StoreUnavailable(f"no answer within {READ_SECONDS:g} s; ask again later") from exc
        return unpack(stored) if stored else new_user(user)

    def close(self) -> None:
        """Start no more reads."""
        self._thread.shutdown(wait=False, cancel_futures=True)
