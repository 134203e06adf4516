"""The gateway's cache: every user's newest list and the catalogue, as published, fed by a thread.

Memory: lists take at most the setting `gateway.cache_mb` (a list of ten items is about 2 kB: 512 MB hold some 250,000
users); beyond it the lists published longest ago are evicted first. The catalogue is held whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from math import inf
from threading import Event, Thread
from typing import Protocol

from schemas.errors import DecodeError
from schemas.ids import ItemId, UserId
from schemas.locales import is_default
from streams.log.ports import PartsReader
from streams.log.records import Inbound
from streams.outcomes.view_update import ALWAYS, ItemUpdate, ListUpdate
from streams.routes import GATEWAY

ENTRY_OVERHEAD = 250
"""Bytes that a list takes beside its value: key, object headers, table entry."""


class Cache:
    """Newest values by key, as bytes. One thread calls `take`; everything else is called from one event loop.

    Records that are not items or lists are skipped and handed to `refuse` with the error. Lists are decoded only once
    the topic has been read to its end, so that a gateway with many users starts soon.
    """

    def __init__(
        self,
        *,
        list_bytes: int,
        clock: Callable[[], float] = lambda: inf,
        refuse: Callable[[Inbound, DecodeError], None] = lambda record, exc: None,
    ) -> None:
        self._clock = clock
        self._refuse = refuse
        self._withdrawn: set[str] = set()
        self._windows: dict[str, tuple[float, float]] = {}
        self.lag = 0.0
        """Seconds of stream time behind wall time, by the newest non-personalised list."""
        self._limit = list_bytes
        self._list_bytes = 0
        self._lists: dict[str, bytes] = {}
        self._default_lists: set[str] = set()
        self._items: dict[str, bytes] = {}
        self.item_changes = 0
        """Grows whenever an item changes."""
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.caught_up = False
        self.complete = True
        """False once a list was evicted: then a user without a cached list may still have one."""

    def take(self, records: Iterable[Inbound]) -> None:
        """Apply records in log order, and wake the requests that wait for one of their users."""
        changed_users: set[str] = set()
        for record in records:
            try:
                update = GATEWAY[record.topic](record, now=self._clock(), caught_up=self.caught_up)
            except DecodeError as exc:
                self._refuse(record, exc)
                continue
            match update:
                case ListUpdate():
                    self._put_list(update)
                    changed_users.add(update.user_id)
                case ItemUpdate():
                    self._put_item(update)
        # A watcher registers before it reads the lists; reading watchers after writing the lists misses none.
        woken = changed_users & self._watchers.keys()
        if woken and self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake, woken)

    def list_of(self, user: UserId) -> bytes | None:
        """Return the user's newest list, encoded; none if there is none or it was evicted."""
        return self._lists.get(user)

    def item(self, item: ItemId) -> bytes | None:
        """Return the item's catalogue entry, encoded; none if it is unknown or withdrawn."""
        return self._items.get(item)

    def items(self) -> list[bytes]:
        """Return all catalogue entries, encoded."""
        return list(self._items.values())

    def may_be_shown(self, item: ItemId, now: float) -> bool:
        """Return whether the item is neither withdrawn nor outside its availability at this time; unknown ones may."""
        if item in self._withdrawn:
            return False
        begins, ends = self._windows.get(item, ALWAYS)
        return begins <= now < ends

    async def until(self, user: UserId, enough: Callable[[bytes | None], bool], seconds: float) -> bool:
        """Wait until the user's list satisfies `enough`; return false if it does not within these seconds."""
        changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        watchers = self._watchers.setdefault(user, set())
        watchers.add(changed)
        try:
            async with asyncio.timeout(seconds):
                while not enough(self.list_of(user)):
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            return False
        else:
            return True
        finally:
            watchers.discard(changed)
            if not watchers:
                self._watchers.pop(user, None)

    def _wake(self, users: set[str]) -> None:
        for user in users:
            for changed in self._watchers.get(user, ()):
                changed.set()

    def _put_item(self, update: ItemUpdate) -> None:
        item = update.item_id
        self.item_changes += 1
        self._windows.pop(item, None)
        if not update.value:
            self._items.pop(item, None)
            self._withdrawn.add(item)
            return
        self._items[item] = update.value
        self._withdrawn.discard(item)
        if update.window != ALWAYS:
            self._windows[item] = update.window

    def _put_list(self, update: ListUpdate) -> None:
        user, value = update.user_id, update.value
        if update.lag is not None:
            self.lag = update.lag
        known = self._lists.pop(user, None)
        self._list_bytes -= len(known) + ENTRY_OVERHEAD if known else 0
        if not value:
            self._default_lists.discard(user)
            return
        self._lists[user] = value
        self._list_bytes += len(value) + ENTRY_OVERHEAD
        self._default_lists |= {user} if is_default(user) else set()
        while self._list_bytes > self._limit and len(self._lists) > max(1, len(self._default_lists)):
            self._evict(next(iter(self._lists)))

    def _evict(self, oldest: str) -> None:
        value = self._lists.pop(oldest)
        if is_default(oldest):
            self._lists[oldest] = value
        else:
            self._list_bytes -= len(value) + ENTRY_OVERHEAD
            self.complete = False


class FedView(Protocol):
    """What a `Feeder` feeds. `caught_up` is set once the topics were read to their ends."""

    caught_up: bool

    def take(self, records: Iterable[Inbound]) -> None:
        """Apply records in log order."""
        ...


class Feeder:
    """Reads the topics of a view from their beginning and follows them, in a thread of its own.

    `on_failure` is called if the thread ends by an unexpected error. Kafka being away later on is none: the view
    stays as it is.
    """

    def __init__(self, reader: PartsReader, view: FedView, *, on_failure: Callable[[], None] = lambda: None) -> None:
        self._reader = reader
        self._view = view
        self._on_failure = on_failure
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="feeder", daemon=True)

    def start(self) -> None:
        """Begin to read. Call once."""
        self._thread.start()

    def close(self, within: float) -> bool:
        """Stop reading; block until the thread ends, and return whether it did within these seconds."""
        self._stopping.set()
        self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            for records in self._reader.catch_up_in_parts():
                self._view.take(records)
            self._view.caught_up = True
            while not self._stopping.is_set():
                self._view.take(self._reader.poll())
        except BaseException:
            self._on_failure()
            raise
