"""The producer queue: waiting posts are delivered together, by one thread, and each gets its receipt.

A post is acknowledged only once all replicas have it. A post that timed out may still be stored when the log answers
again; sending it again with the same event ids has no second effect.
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

from deploy.gateway.limits import MAX_QUEUED_BYTES
from deploy.gateway.ports import GatewayLog
from deploy.gateway.problems import Problem
from streams.log.kafka_errors import KafkaRefused

logger = logging.getLogger(__name__)
RECORD_OVERHEAD = 200

Record = tuple[str, bytes | None]
Receipts = list[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Post:
    """Records for one topic, and the future of their partitions and offsets."""

    topic: str
    records: Sequence[Record]
    receipt: asyncio.Future[Receipts]
    size: int


class ProducerQueue:
    """Takes posts from the event loop and delivers them from a thread of its own; holds at most `max_bytes` of them.

    `on_failure` is called if the thread ends by an unexpected error.
    """

    def __init__(
        self,
        log: GatewayLog,
        *,
        on_failure: Callable[[], None] = lambda: None,
        max_bytes: int = MAX_QUEUED_BYTES,
    ) -> None:
        self._log = log
        self._on_failure = on_failure
        self._max_bytes = max_bytes
        self._queue: SimpleQueue[Post | None] = SimpleQueue()
        self._lock = Lock()
        self._waiting_bytes = 0
        self._waiting_posts = 0
        self._thread = Thread(target=self._run, name="producer-queue", daemon=True)

    def start(self) -> None:
        """Begin to deliver. Call once."""
        self._thread.start()

    def close(self, within: float) -> bool:
        """Deliver waiting posts, then end; block, and return whether the thread ended within these seconds."""
        self._queue.put(None)
        self._thread.join(within)
        return not self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Return how many posts wait or are being delivered."""
        return self._waiting_posts

    async def put(self, topic: str, records: Sequence[Record], *, within: float) -> Receipts:
        """Store the records and return the partition and offset of each, in order.

        Raises:
            Problem: 503, not acknowledged within these seconds, or the queue is full; send the same again.
            KafkaRefused: they will never be accepted.
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
            self._on_failure()
            raise

    def _waiting(self) -> tuple[list[Post], bool]:
        """Return all waiting posts, after waiting for the first; and whether there will be more."""
        posts: list[Post] = []
        post = self._queue.get()
        while post is not None:
            posts.append(post)
            try:
                post = self._queue.get_nowait()
            except Empty:
                return posts, True
        return posts, False

    def _deliver(self, topic: str, posts: Sequence[Post]) -> None:
        waiting = [post for post in posts if not post.receipt.cancelled()]
        records = [record for post in waiting for record in post.records]
        try:
            receipts = self._log.deliver(topic, records) if records else []
        except KafkaRefused as exc:
            logger.error("Kafka refuses what was posted to %r: %s", topic, exc)
            for post in waiting:
                _hand_over(post, exc)
        else:
            start = 0
            for post in waiting:
                _hand_over(post, receipts[start : start + len(post.records)])
                start += len(post.records)
        finally:
            with self._lock:
                self._waiting_bytes -= sum(post.size for post in posts)
                self._waiting_posts -= len(posts)


def _hand_over(post: Post, outcome: Receipts | KafkaRefused) -> None:
    """Hand the outcome to the event loop that waits for it, if it still runs."""
    loop = post.receipt.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(_settle, post.receipt, outcome)


def _settle(receipt: asyncio.Future[Receipts], outcome: Receipts | KafkaRefused) -> None:
    if receipt.done():
        return
    if isinstance(outcome, KafkaRefused):
        receipt.set_exception(outcome)
    else:
        receipt.set_result(outcome)


def _not_stored(reason: str, text: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, reason, text, headers={"Retry-After": "1"})
