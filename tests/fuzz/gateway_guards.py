"""The guards of the gateway and of the command that lists dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from deploy.gateway.access.callers import Caller
from deploy.gateway.handlers.request_parsing import is_bulk, parse_request
from deploy.gateway.problems import Problem
from deploy.gateway.search.feed import SearchFeed
from deploy.gateway.served.cache import Cache
from deploy.letters import folded, readable
from inference.search.index import SearchIndex
from inference.search.query import ItemQuery
from schemas.codec import decode, encode
from schemas.dead_letters import DeadLetter
from schemas.errors import DecodeError
from schemas.ids import ItemId, UserId
from schemas.items import Item
from schemas.topics import (
    DEAD_LETTERS,
    INTERACTIONS,
    ITEMS,
    RANK_REQUESTS,
    RECOMMENDATIONS,
)
from streams.log.dead_letters import dead_letter
from streams.log.records import Inbound
from streams.routes import GATEWAY, GATEWAY_SEARCH, WORKER
from tests.builders import START
from tests.fuzz.counting import NOW, REASONS, Guard

SHOP = Caller(key="k", application="shop", scopes=frozenset())


class GatewayCache(Guard):
    """The gateway's cache."""

    topics = tuple(GATEWAY)

    def __init__(self) -> None:
        super().__init__()
        self._refused = 0
        self._cache = Cache(list_bytes=1_000_000, clock=lambda: NOW, refuse=self._refuse)
        self._cache.caught_up = True

    def _refuse(self, record: Inbound, exc: DecodeError) -> None:
        self._refused += 1
        self.counts.letter(dead_letter(record, exc.reason, str(exc), NOW))

    def handle(self, records: Sequence[Inbound]) -> None:
        before = self._refused
        self._cache.take(records)
        self.counts.records += len(records)
        self.counts.accepted += len(records) - (self._refused - before)

    def check(self) -> None:
        from tests.unit.deploy.gateway_fixtures import list_of

        value = encode(list_of("good", 1))
        record = Inbound(topic=RECOMMENDATIONS, partition=0, offset=1, key=b"good", value=value, timestamp=START)
        self.handle([record])
        assert self._cache.list_of(UserId("good")) == value
        assert isfinite(self._cache.lag)


class GatewaySearch(Guard):
    """The gateway's search index: it skips what is none of its records, and answers searches afterwards."""

    topics = tuple(GATEWAY_SEARCH)

    def __init__(self) -> None:
        super().__init__()
        self._feed = SearchFeed(SearchIndex(), clock=lambda: NOW)

    def handle(self, records: Sequence[Inbound]) -> None:
        before = self._feed.skipped
        self._feed.take(records)
        skipped = self._feed.skipped - before
        self.counts.records += len(records)
        self.counts.passed["no record of the index"] += skipped
        self.counts.accepted += len(records) - skipped

    def check(self) -> None:
        index = self._feed.index
        index.put_item(Item(item_id=ItemId("good"), title="xylophone"))
        for query in (ItemQuery(words="xylofone", at=NOW), ItemQuery(matching="item_id:good", at=NOW)):
            assert [found.item_id for found in index.search(query).items] == ["good"]
        for by in ("popular", "trending"):
            assert all(isfinite(found.score) for found in index.search(ItemQuery(by=by, at=NOW)).items)


class GatewayRequests(Guard):
    """The gateway's request parsing: a body that is a list counts once for each value, and is refused as a whole."""

    topics = (*(topic for topic in WORKER if topic != RANK_REQUESTS), ITEMS)

    def handle(self, records: Sequence[Inbound]) -> None:
        for record in records:
            self._post(record.topic, record.value or b"")

    def _post(self, topic: str, body: bytes) -> None:
        counts = self.counts
        try:
            parsed = parse_request(topic, body, now=NOW, new_id=lambda: "given", caller=SHOP)
        except Problem as problem:
            counts.records += 1
            counts.passed[f"answered {problem.details.status} {problem.details.reason}"] += 1
            return
        values = len(parsed.records) + len(parsed.rejected)
        assert values == 1 or is_bulk(body)
        counts.records += values
        counts.accepted += len(parsed.records)
        for _, value in parsed.records:
            decode(topic, value, now=NOW)
        for rejected in parsed.rejected:
            assert rejected.reason in REASONS
            assert rejected.message
            counts.letters[rejected.reason] += 1

    def check(self) -> None:
        before = self.counts.accepted
        self._post(INTERACTIONS, b'{"type":"like","user_id":"u1","item_id":"i1"}')
        assert self.counts.accepted == before + 1


class LetterReading(Guard):
    """The command that lists dead letters: it skips records that are none."""

    topics = (DEAD_LETTERS,)

    def handle(self, records: Sequence[Inbound]) -> None:
        from deploy.cli.dead_letters import _named, _row

        letters = list(readable(records, now=NOW))
        for letter in folded(letters):
            assert all(isinstance(cell, str) for cell in _row(letter))
            _named(letter)
        self.counts.records += len(records)
        self.counts.accepted += len(letters)
        self.counts.passed["no letter"] += len(records) - len(letters)

    def check(self) -> None:
        good = dead_letter(
            Inbound(topic=ITEMS, partition=0, offset=0, key=None, value=None, timestamp=0.0), "empty", "", NOW
        )
        assert isinstance(good.value, DeadLetter)
        record = Inbound(topic=DEAD_LETTERS, partition=0, offset=0, key=None, value=encode(good.value), timestamp=NOW)
        assert list(readable([record], now=NOW)) == [good.value]
