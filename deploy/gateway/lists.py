"""A person's list as it is to be shown now: as new as was asked for, or the newest there is, marked stale."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus

from msgspec import Struct
from msgspec.structs import asdict, replace

from deploy.gateway.cache import Cache
from deploy.gateway.problems import Problem
from deploy.gateway.producer_queue import ProducerQueue
from deploy.gateway.tokens import covers
from schemas.codec import decode, encode
from schemas.errors import DecodeError, LifelongError
from schemas.ids import DEFAULT_USER, EventId, UserId
from schemas.interactions import Context
from schemas.locales import default_user, fallbacks, is_default
from schemas.recommendations import RankRequest, Recommendation, Slate
from schemas.topics import RANK_REQUESTS, RECOMMENDATIONS

logger = logging.getLogger(__name__)
UNPROMPTED = 0.5
"""The share of the time for which the owner is left to publish by itself, before it is asked to."""
MAX_ASKED = 10_000
ASK_SECONDS = 5.0
NEVER, NO_LIST = -2, -1
"""What stands for a version where there was no question, and where there is no list."""


class ListQuery(Struct, frozen=True, kw_only=True):
    """Whose list, for which surface, how many items of it; what it must reflect, and how long that may take."""

    user: UserId
    surface: str = "home"
    locale: str = ""
    n: int = 10
    token: Mapping[str, int] = {}
    fresh: bool = False
    seconds: float = 1.0


class ServedResponse(Recommendation, frozen=True, kw_only=True):
    """A recommendation as published, cut to what was asked for.

    `stale`: it is expired, or does not reflect what `after` names, or is not as fresh as was asked for. `default`: the
    person has no list, this is the one for everybody. `notice` says in words what is not as asked for: a surface that
    the list has no slate of.
    """

    stale: bool
    default: bool
    notice: str = ""


class RankWaiters:
    """Whom the owner was asked to rank for, and which version they had then: asked once until the answer comes."""

    def __init__(self) -> None:
        self._version: dict[UserId, int] = {}

    def waits(self, user: UserId, version: int) -> bool:
        """Whether an answer for this person, who has this version now, is still to come."""
        return self._version.get(user, NEVER) >= version

    def note(self, user: UserId, version: int) -> None:
        """The owner is being asked. Beyond ten thousand, the oldest are forgotten."""
        self._version[user] = version
        if len(self._version) > MAX_ASKED:
            del self._version[next(iter(self._version))]

    def forget(self, user: UserId) -> None:
        """It could not be asked."""
        self._version.pop(user, None)


class Lists:
    """Serves lists from the cache, and asks owners for newer ones."""

    def __init__(
        self, cache: Cache, producer_queue: ProducerQueue, *, clock: Callable[[], float], new_id: Callable[[], str]
    ) -> None:
        self._cache = cache
        self._producer_queue = producer_queue
        self._clock = clock
        self._new_id = new_id
        self._asked = RankWaiters()
        self._asking: set[asyncio.Task[None]] = set()

    async def serve(self, wanted: ListQuery) -> ServedResponse:
        """The person's list, or everybody's if they have none.

        Raises:
            Problem: there is not even a list for everybody, or the cache is still catching up with the log.
        """
        if not self._cache.caught_up:
            raise _not_yet("catching-up", "the gateway is still reading the lists; ask again in a moment")
        made, stale = await self._newest(wanted)
        default = made is None
        made = made or self._default_list(wanted)
        if made is None:
            raise _not_yet("no-list", f"no list was published yet, neither for {wanted.user!r} nor for everybody")
        made, struck = self._available(made)
        if struck and not default:
            self._ask(wanted, made.version)
            made, default = self._or_everybodys(made, wanted)
        shown = replace(made, slates=_cut(made, wanted))
        stale = stale or self._is_expired(made)
        return ServedResponse(
            **asdict(shown), stale=stale, default=default or is_default(made.user_id), notice=_notice(made, wanted)
        )

    async def _newest(self, wanted: ListQuery) -> tuple[Recommendation | None, bool]:
        """The person's newest list and whether it falls short.

        1. wait for a list that reflects the token; an event that owed no list, such as a duplicate, gets none
        2. ask the owner, if that does not come or the list is not fresh; an expired one is served meanwhile if
           somebody else has asked already
        3. wait for the answer
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + wanted.seconds

        def reflects(value: bytes | None) -> bool:
            made = self._read(value) if wanted.token else None
            return not wanted.token or (made is not None and covers(made.applied, wanted.token))

        arrived = await self._cache.until(wanted.user, reflects, wanted.seconds * UNPROMPTED)
        held = self._read(self._cache.list_of(wanted.user))
        before = held.version if held else NO_LIST
        due = self._is_due(wanted, held)
        if arrived and not due:
            return held, False
        if arrived and not wanted.fresh and self._asked.waits(wanted.user, before):
            return held, True

        def answers(value: bytes | None) -> bool:
            made = self._read(value)
            return made is not None and reflects(value) and (made.version > before or not due)

        self._ask(wanted, before)
        answered = await self._cache.until(wanted.user, answers, ends - loop.time())
        return self._read(self._cache.list_of(wanted.user)), not answered

    def _is_due(self, wanted: ListQuery, held: Recommendation | None) -> bool:
        """Whether a newer list is to be asked for: none is for strangers, they have no owner."""
        if is_default(wanted.user):
            return False
        if held is None:
            return not self._cache.complete
        return wanted.fresh or self._is_expired(held)

    def stream_now(self) -> float:
        """The time that the stream has reached, by which items are available."""
        return self._clock() - self._cache.lag

    def _available(self, made: Recommendation) -> tuple[Recommendation, bool]:
        """The list without what may not be shown any more, or not yet; and whether there was such an item."""
        now = self.stream_now()
        slates = tuple(
            replace(slate, items=tuple(one for one in slate.items if self._cache.may_be_shown(one.item_id, now)))
            for slate in made.slates
        )
        struck = any(len(new.items) < len(old.items) for new, old in zip(slates, made.slates, strict=True))
        return (replace(made, slates=slates), True) if struck else (made, False)

    def _or_everybodys(self, made: Recommendation, wanted: ListQuery) -> tuple[Recommendation, bool]:
        """The person's list; everybody's, and that it is, if nothing of their own may be shown."""
        everybodys = None if made.home.items else self._default_list(wanted)
        return (made, False) if everybodys is None else (self._available(everybodys)[0], True)

    def _default_list(self, wanted: ListQuery) -> Recommendation | None:
        """The list for users never seen: of the locale that was asked for, of what it falls back to, or of all."""
        users = (*map(default_user, fallbacks(wanted.locale)), DEFAULT_USER)
        return next((made for user in users if (made := self._read(self._cache.list_of(user)))), None)

    def _is_expired(self, made: Recommendation) -> bool:
        return made.expires_at <= self._clock()

    def _ask(self, wanted: ListQuery, version: int) -> None:
        """Ask the owner of the person to rank, unless it was asked already; nobody waits for the question itself."""
        if self._asked.waits(wanted.user, version):
            return
        self._asked.note(wanted.user, version)
        asking = asyncio.create_task(self._send(wanted))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _send(self, wanted: ListQuery) -> None:
        request = RankRequest(
            event_id=EventId(self._new_id()),
            user_id=wanted.user,
            event_time=self._clock(),
            context=Context(surface=wanted.surface, locale=wanted.locale),
            surfaces=(wanted.surface,),
        )
        try:
            await self._producer_queue.put(RANK_REQUESTS, [(wanted.user, encode(request))], within=ASK_SECONDS)
        except LifelongError as exc:
            self._asked.forget(wanted.user)
            logger.warning("the owner of %r could not be asked for a list: %s", wanted.user, exc)

    def _read(self, value: bytes | None) -> Recommendation | None:
        if value is None:
            return None
        try:
            made: Recommendation = decode(RECOMMENDATIONS, value, now=self._clock())
        except DecodeError as exc:
            logger.warning("a list is passed over: %s", exc)
            return None
        return made


def _cut(made: Recommendation, wanted: ListQuery) -> tuple[Slate, ...]:
    """The slate of the surface, or else the first one, cut to so many items."""
    chosen = [slate for slate in made.slates if slate.surface == wanted.surface] or list(made.slates[:1])
    return tuple(replace(slate, items=slate.items[: wanted.n]) for slate in chosen[:1])


def _notice(made: Recommendation, wanted: ListQuery) -> str:
    """What to say of a surface that is not there; nothing where it is."""
    there = [slate.surface for slate in made.slates]
    if wanted.surface in there or not there:
        return ""
    return f"the list has no slate of surface {wanted.surface!r}, shown is that of {there[0]!r}; there are {there}"


def _not_yet(reason: str, text: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, reason, text, headers={"Retry-After": "1"})
