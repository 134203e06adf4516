"""Posts on their way into the log: those that wait are delivered together, by one thread, and each gets its receipt.

A post is acknowledged only once all replicas have it. One that is given up on after its time may still be stored when
the log answers again: sent once more with the same event ids it has no second effect.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from deploy.gateway.ports import GatewayLog
from deploy.gateway.problems import Problem
from streams.log.kafka_errors import KafkaRefused

logger = logging.getLogger(__name__)
QUEUE_BYTES = 64_000_000
RECORD_OVERHEAD = 200

Record = tuple[str, bytes | None]
Places = list[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Post:
    """Records for one topic, and whoever waits for their places."""

    topic: str
    records: Sequence[Record]
    receipt: asyncio.Future[Places]
    size: int


class ProducerQueue:
    """Takes posts from the event loop and delivers them from a thread of its own; holds `max_bytes` of them.

    `died` is called if the thread ends by an error nobody foresaw.
    """

    def __init__(
        self,
        log: GatewayLog,
        *,
        died: Callable[[], None] = lambda: None,
        max_bytes: int = QUEUE_BYTES,
    ) -> None:
        self._log = log
        self._died = died
        self._max_bytes = max_bytes
        self._queue: SimpleQueue[Post | None] = SimpleQueue()
        self._lock = Lock()
        self._waiting_bytes = 0
        self._waiting_posts = 0
        self._thread = Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to deliver. Once."""
        self._thread.start()

    def close(self, within: float) -> bool:
        """Deliver what waits, then end; whether that was done within these seconds. Blocks."""
        self._queue.put(None)
        self._thread.join(within)
        return not self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """How many posts are held: not delivered yet, or being delivered."""
        return self._waiting_posts

    async def put(self, topic: str, records: Sequence[Record], *, within: float) -> Places:
        """Store the records: the partition and offset of each, in order.

        Raises:
            Problem: not acknowledged within these seconds, or too much is waiting already; the same may be sent again.
            KafkaRefused: they will never be taken.
        """
        if not records:
            return []
        size = sum(len(value or b"") + RECORD_OVERHEAD for _, value in records)
        with self._lock:
            if self._waiting_bytes + size > self._max_bytes:
                raise _not_stored("busy", f"{self._waiting_bytes} bytes of posts are waiting for Kafka already")
            self._waiting_bytes += size
            self._waiting_posts += 1
        post = Post(topic, records, asyncio.get_running_loop().create_future(), size)
        self._queue.put(post)
        try:
            return await asyncio.wait_for(post.receipt, within)
        except TimeoutError as exc:
            text = (
                f"Kafka has not acknowledged within {within:g} s; it may still be stored: send the same event_id again"
            )
            raise _not_stored("not-acknowledged", text) from exc

    def _run(self) -> None:
        try:
            more = True
            while more:
                posts, more = self._waiting()
                by_topic: defaultdict[str, list[Post]] = defaultdict(list)
                for post in posts:
                    by_topic[post.topic].append(post)
                for topic, together in by_topic.items():
                    self._deliver(topic, together)
        except BaseException:
            self._died()
            raise

    def _waiting(self) -> tuple[list[Post], bool]:
        """All posts that wait, at least one or the end; and whether there will be more."""
        posts: list[Post] = []
        found = self._queue.get()
        while found is not None:
            posts.append(found)
            try:
                found = self._queue.get_nowait()
            except Empty:
                return posts, True
        return posts, False

    def _deliver(self, topic: str, posts: Sequence[Post]) -> None:
        wanted = [post for post in posts if not post.receipt.cancelled()]
        records = [record for post in wanted for record in post.records]
        try:
            places = self._log.deliver(topic, records) if records else []
        except KafkaRefused as exc:
            logger.error("Kafka refuses what was posted to %r: %s", topic, exc)
            for post in wanted:
                _tell(post, exc)
        else:
            begun = 0
            for post in wanted:
                _tell(post, places[begun : begun + len(post.records)])
                begun += len(post.records)
        finally:
            with self._lock:
                self._waiting_bytes -= sum(post.size for post in posts)
                self._waiting_posts -= len(posts)


def _tell(post: Post, outcome: Places | KafkaRefused) -> None:
    """Hand the outcome over to the loop that waits for it, if it still runs."""
    loop = post.receipt.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(_settle, post.receipt, outcome)


def _settle(receipt: asyncio.Future[Places], outcome: Places | KafkaRefused) -> None:
    if receipt.done():
        return
    if isinstance(outcome, KafkaRefused):
        receipt.set_exception(outcome)
    else:
        receipt.set_result(outcome)


def _not_stored(reason: str, text: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, reason, text, headers={"Retry-After": "1"})
