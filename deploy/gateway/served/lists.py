"""Serves users' lists: as fresh as requested, or the newest there is, marked stale."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus

from msgspec import Struct
from msgspec.structs import asdict, replace

from deploy.gateway.limits import MAX_RANK_WAITERS
from deploy.gateway.problems import Problem
from deploy.gateway.served.cache import Cache
from deploy.gateway.served.tokens import covers
from deploy.gateway.serving.producer_queue import ProducerQueue
from features.item_rules import ItemRules
from features.recurring_times import in_force
from schemas.codec import decode, encode
from schemas.errors import DecodeError, LifelongError
from schemas.ids import DEFAULT_USER, EventId, ItemId, UserId
from schemas.interactions import Context
from schemas.locales import default_user, fallbacks, is_default, locale_key
from schemas.plans import Constraints
from schemas.recommendations import RankRequest, Recommendation, Slate
from schemas.topics import ITEMS, RANK_REQUESTS, RECOMMENDATIONS

logger = logging.getLogger(__name__)
UNPROMPTED_SHARE = 0.5
"""The share of the wait in which the worker may publish by itself, before it is asked to."""
ASK_SECONDS = 5.0
NEVER, NO_LIST = -2, -1
"""Versions that mean: never asked, and no list."""


class ListQuery(Struct, frozen=True, kw_only=True):
    """A request for a user's list: surface, number of items, the token that it must reflect, and the longest wait."""

    user: UserId
    surface: str = "home"
    locale: str = ""
    n: int = 10
    token: Mapping[str, int] = {}
    fresh: bool = False
    seconds: float = 1.0


class ServedResponse(Recommendation, frozen=True, kw_only=True):
    """A recommendation as published, cut to the requested surface and length.

    `stale`: it is expired, or does not reflect what `after` names, or is not as fresh as requested. `default`: the user
    has no list, this is the non-personalised one. `notice` says in words what differs from the request: the
    surface, or the locale.
    """

    stale: bool
    default: bool
    notice: str = ""


class RankWaiters:
    """Users and locales with a pending rank request, and the list version then: one request until the answer."""

    def __init__(self) -> None:
        self._version: dict[tuple[UserId, str], int] = {}

    def waits(self, user: UserId, locale: str, version: int) -> bool:
        """Return whether the answer for this user and locale, whose list has this version now, is still to come."""
        return self._version.get((user, locale_key(locale)), NEVER) >= version

    def note(self, user: UserId, locale: str, version: int) -> None:
        """Note that a rank request is being sent. Beyond `MAX_RANK_WAITERS`, the oldest is forgotten."""
        self._version.pop((user, locale_key(locale)), None)
        self._version[user, locale_key(locale)] = version
        if len(self._version) > MAX_RANK_WAITERS:
            del self._version[next(iter(self._version))]

    def forget(self, user: UserId, locale: str) -> None:
        """Note that the rank request could not be sent."""
        self._version.pop((user, locale_key(locale)), None)


class Lists:
    """Serves lists from the cache, and asks workers for newer ones by rank requests."""

    def __init__(
        self, cache: Cache, producer_queue: ProducerQueue, *, clock: Callable[[], float], new_id: Callable[[], str]
    ) -> None:
        self._cache = cache
        self._producer_queue = producer_queue
        self._clock = clock
        self._new_id = new_id
        self._waiters = RankWaiters()
        self._sending: set[asyncio.Task[None]] = set()

    async def serve(self, query: ListQuery) -> ServedResponse:
        """Return the user's list, or the non-personalised one if they have none.

        Raises:
            Problem: 503, there is not even a non-personalised list, or the cache is still catching up with the log.
        """
        if not self._cache.caught_up:
            raise _not_yet("catching-up", "the gateway is still reading the lists; ask again in a moment")
        recommendation, stale = await self._newest(query)
        default = recommendation is None
        recommendation = recommendation or self._default_list(query)
        if recommendation is None:
            raise _not_yet(
                "no-list", f"no list was published yet, neither for {query.user!r} nor a non-personalised one"
            )
        recommendation, removed = self._available(recommendation)
        if removed and not default:
            self._ask(query, recommendation.version)
            recommendation, default = self._or_non_personalised(recommendation, query)
        shown = replace(recommendation, slates=_cut(recommendation, query))
        stale = stale or self._is_expired(recommendation)
        return ServedResponse(
            **asdict(shown),
            stale=stale,
            default=default or is_default(recommendation.user_id),
            notice=_notice(recommendation, query),
        )

    async def _newest(self, query: ListQuery) -> tuple[Recommendation | None, bool]:
        """Return the user's newest list and whether it is stale.

        1. wait for a list that reflects the token; an event that causes no list, such as a duplicate, gets none
        2. send a rank request, if that list does not come or is not fresh; while one is pending already, serve an
           expired list
        3. wait for the answer
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + query.seconds

        def reflects(recommendation: Recommendation | None) -> bool:
            return not query.token or (recommendation is not None and covers(recommendation.applied, query.token))

        def arrives(value: bytes | None) -> bool:
            return not query.token or reflects(self._read(value))

        arrived = await self._cache.until(query.user, arrives, query.seconds * UNPROMPTED_SHARE)
        cached = self._read(self._cache.list_of(query.user))
        version = cached.version if cached else NO_LIST
        due = self._is_due(query, cached)
        if arrived and not due:
            return cached, False
        may_be_late = not query.fresh and (cached is None or _is_for(query.locale, cached))
        if arrived and may_be_late and self._waiters.waits(query.user, query.locale, version):
            return cached, True

        def answers(value: bytes | None) -> bool:
            recommendation = self._read(value)
            if recommendation is None or not reflects(recommendation) or not _is_for(query.locale, recommendation):
                return False
            return recommendation.version > version or not due

        self._ask(query, version)
        answered = await self._cache.until(query.user, answers, ends - loop.time())
        return self._read(self._cache.list_of(query.user)), not answered

    def _is_due(self, query: ListQuery, cached: Recommendation | None) -> bool:
        """Return whether to request a newer list: not for reserved ids, nor for unknown users, who have no list."""
        if is_default(query.user):
            return False
        if cached is None:
            return not self._cache.complete
        return query.fresh or self._is_expired(cached) or not _is_for(query.locale, cached)

    def constraints_of(self, user: UserId) -> Constraints:
        """Return what the user has stated that is in force, as of their newest list."""
        newest = self.newest(user)
        return in_force(newest.constraints, self.stream_now()) if newest else Constraints()

    def newest(self, user: UserId) -> Recommendation | None:
        """Return the user's newest list as published; none if they have none."""
        return self._read(self._cache.list_of(user))

    def stream_now(self) -> float:
        """Return the time that the stream has reached, which decides whether items are available."""
        return self._clock() - self._cache.lag

    def _available(self, recommendation: Recommendation) -> tuple[Recommendation, bool]:
        """Return the list without items that may not be shown now, and whether any was removed.

        What the user stated for times of the week may not have held yet when the list was made.
        """
        now, stated = self.stream_now(), recommendation.constraints
        recurs = any(rule.when is not None for rule in stated.rules)
        rules = ItemRules(in_force(stated, now)) if recurs else None
        slates = tuple(
            replace(slate, items=tuple(e for e in slate.items if self._may_be_shown(e.item_id, now, rules)))
            for slate in recommendation.slates
        )
        removed = any(len(new.items) < len(old.items) for new, old in zip(slates, recommendation.slates, strict=True))
        return (replace(recommendation, slates=slates), True) if removed else (recommendation, False)

    def _may_be_shown(self, item: ItemId, now: float, rules: ItemRules | None) -> bool:
        if rules is None or not self._cache.may_be_shown(item, now):
            return self._cache.may_be_shown(item, now)
        entry = self._cache.item(item)
        return entry is None or rules.allows(decode(ITEMS, entry, now=self._clock()))

    def _or_non_personalised(self, recommendation: Recommendation, query: ListQuery) -> tuple[Recommendation, bool]:
        """Return the list and false; the non-personalised one and true, if no item of the list may be shown.

        Users who have stated something get no list that was made without them: an empty one until theirs comes.
        """
        is_bound = recommendation.constraints != Constraints()
        fallback = None if recommendation.home.items or is_bound else self._default_list(query)
        return (recommendation, False) if fallback is None else (self._available(fallback)[0], True)

    def _default_list(self, query: ListQuery) -> Recommendation | None:
        """Return the non-personalised list of the query's locale, of what it falls back to, or of all.

        An expired one gives way to the next: a locale that no item names any more has no newer list.
        """
        users = (*map(default_user, fallbacks(query.locale)), DEFAULT_USER)
        recommendation = None
        for user in users:
            recommendation = self._read(self._cache.list_of(user)) or recommendation
            if recommendation is not None and not self._is_expired(recommendation):
                return recommendation
        return recommendation

    def _is_expired(self, recommendation: Recommendation) -> bool:
        return recommendation.expires_at <= self._clock()

    def _ask(self, query: ListQuery, version: int) -> None:
        """Send a rank request for the user in the background, unless one is pending."""
        if self._waiters.waits(query.user, query.locale, version):
            return
        self._waiters.note(query.user, query.locale, version)
        sending = asyncio.create_task(self._send(query))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _send(self, query: ListQuery) -> None:
        request = RankRequest(
            event_id=EventId(self._new_id()),
            user_id=query.user,
            event_time=self._clock(),
            context=Context(surface=query.surface, locale=query.locale),
            surfaces=(query.surface,),
        )
        try:
            await self._producer_queue.put(RANK_REQUESTS, [(query.user, encode(request))], within=ASK_SECONDS)
        except LifelongError as exc:
            self._waiters.forget(query.user, query.locale)
            logger.warning("the rank request for %r could not be sent: %s", query.user, exc)

    def _read(self, value: bytes | None) -> Recommendation | None:
        if value is None:
            return None
        try:
            recommendation: Recommendation = decode(RECOMMENDATIONS, value, now=self._clock())
        except DecodeError as exc:
            logger.warning("a list is skipped: %s", exc)
            return None
        return recommendation


def _cut(recommendation: Recommendation, query: ListQuery) -> tuple[Slate, ...]:
    """Return the slate of the surface, or else the first one, cut to `n` items."""
    chosen = [slate for slate in recommendation.slates if slate.surface == query.surface] or list(
        recommendation.slates[:1]
    )
    return tuple(replace(slate, items=slate.items[: query.n]) for slate in chosen[:1])


def _is_for(locale: str, recommendation: Recommendation) -> bool:
    """Return whether the list is for this locale; every list is for a request that names none."""
    return not locale or locale_key(locale) == locale_key(recommendation.locale)


def _notice(recommendation: Recommendation, query: ListQuery) -> str:
    """Return what differs from the request: the surface, or the locale; empty where nothing does."""
    surfaces = [slate.surface for slate in recommendation.slates]
    if surfaces and query.surface not in surfaces:
        shown = f"shown is that of {surfaces[0]!r}; there are {surfaces}"
        return f"the list has no slate of surface {query.surface!r}, {shown}"
    if not _is_for(query.locale, recommendation):
        return f"the list is not for locale {query.locale!r}, but for {recommendation.locale or 'any'!r}"
    return ""


def _not_yet(reason: str, text: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, reason, text, headers={"Retry-After": "1"})
