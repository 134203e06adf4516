"""What the gateway keeps at hand: everybody's newest list and the catalogue, as they came, fed by a thread.

Memory: lists take at most what the setting `gateway.cache_mb` says (one of ten items is about 2 kB: 512 MB hold some
250,000 people); beyond it those go first that were published longest ago. The catalogue is held whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from math import inf
from threading import Event, Thread

from schemas.errors import DecodeError
from schemas.ids import ItemId, UserId
from schemas.locales import is_default
from streams.log.ports import TableReader
from streams.log.records import Inbound
from streams.outcomes.view_update import ALWAYS, ItemUpdate, ListUpdate
from streams.routes import GATEWAY

ENTRY_OVERHEAD = 250
"""Bytes that a list takes beside its own: key, object headers, its place in the table."""


class Cache:
    """Newest values by key, as bytes. One thread calls `take`; all else is called from one event loop.

    What is no item or no list is passed over, and handed to `refuse` with what is wrong; lists are looked into once
    the topic has been read to its end, so that a gateway with many people starts soon.
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
        """How far the stream's time is behind wall time, by the newest list for people never seen."""
        self._limit = list_bytes
        self._held_bytes = 0
        self._lists: dict[str, bytes] = {}
        self._default_lists: set[str] = set()
        self._items: dict[str, bytes] = {}
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.caught_up = False
        self.complete = True
        """False once a list had to go: whoever is not found then may well be known."""

    def take(self, records: Iterable[Inbound]) -> None:
        """Take records in, in the order of the log, and wake those who watch."""
        touched: set[str] = set()
        for record in records:
            try:
                update = GATEWAY[record.topic](record, now=self._clock(), caught_up=self.caught_up)
            except DecodeError as exc:
                self._refuse(record, exc)
                continue
            match update:
                case ListUpdate():
                    self._put_list(update)
                    touched.add(update.user_id)
                case ItemUpdate():
                    self._put_item(update)
        # Looked at after the lists were put, as a watcher looks at the lists after it is entered: nobody is missed.
        woken = touched & self._watchers.keys()
        if woken and self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake, woken)

    def list_of(self, user: UserId) -> bytes | None:
        """The person's newest list; a list later in the log has taken the place of those before it."""
        return self._lists.get(user)

    def item(self, item: ItemId) -> bytes | None:
        """The item's entry in the catalogue; none if it is not in it, or was withdrawn."""
        return self._items.get(item)

    def may_be_shown(self, item: ItemId, now: float) -> bool:
        """Whether the item is neither withdrawn nor outside its window at this time; unknown ones may."""
        if item in self._withdrawn:
            return False
        begins, ends = self._windows.get(item, ALWAYS)
        return begins <= now < ends

    @property
    def watched(self) -> frozenset[str]:
        """Whose lists are being waited for."""
        return frozenset(self._watchers)

    async def until(self, user: UserId, enough: Callable[[bytes | None], bool], seconds: float) -> bool:
        """Wait until the person's list is enough; false if it is not within these seconds."""
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
        self._held_bytes -= len(known) + ENTRY_OVERHEAD if known else 0
        if not value:
            self._default_lists.discard(user)
            return
        self._lists[user] = value
        self._held_bytes += len(value) + ENTRY_OVERHEAD
        self._default_lists |= {user} if is_default(user) else set()
        while self._held_bytes > self._limit and len(self._lists) > max(1, len(self._default_lists)):
            self._let_go(next(iter(self._lists)))

    def _let_go(self, oldest: str) -> None:
        value = self._lists.pop(oldest)
        if is_default(oldest):
            self._lists[oldest] = value
        else:
            self._held_bytes -= len(value) + ENTRY_OVERHEAD
            self.complete = False


class Feeder:
    """Reads the topics of a cache whole and goes on reading them, in a thread of its own.

    `died` is called if the thread ends by an error nobody foresaw. Kafka being away later on is none: the cache stays
    as it is.
    """

    def __init__(self, reader: TableReader, cache: Cache, *, died: Callable[[], None] = lambda: None) -> None:
        self._reader = reader
        self._cache = cache
        self._died = died
        self._told = Event()
        self._thread = Thread(target=self._run, name="feeder", daemon=True)

    def start(self) -> None:
        """Begin to read. Once."""
        self._thread.start()

    def close(self, within: float) -> bool:
        """End; whether that was done within these seconds. Blocks."""
        self._told.set()
        self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._cache.take(self._reader.catch_up())
            self._cache.caught_up = True
            while not self._told.is_set():
                self._cache.take(self._reader.poll())
        except BaseException:
            self._died()
            raise
