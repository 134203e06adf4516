"""A whole stack as `lifelong up` starts it, and what people and producers do to it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from contextlib import suppress
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx
import psutil
from confluent_kafka import Producer

from deploy.clients import make_cluster
from deploy.embedded.restarts import read_ends
from deploy.embedded.stack import Stack
from schemas.codec import decode
from schemas.dead_letters import DeadLetter
from schemas.errors import DecodeError
from schemas.recommendations import Recommendation
from schemas.topics import DEAD_LETTERS, RECOMMENDATIONS
from streams.log.dead_letters import open_record
from streams.log.kafka_client import KafkaTableReader
from streams.log.records import Inbound
from tests.e2e.system import wait_until

Place = tuple[str, int, int]
"""Where a record is: topic, partition, offset."""
List = dict[str, Any]
"""A list as the gateway serves it."""
LARGEST_MESSAGE = 200_000_000
_numbers = count()


class Live:
    """A client of a whole stack: produces whatever it likes, and asks what came of it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.settings = stack.settings()
        self.cluster = make_cluster(self.settings)
        door = self.settings.gateway
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{door.port}",
            headers={"X-API-Key": door.api_keys[0].get_secret_value()},
            trust_env=False,
            timeout=30,
        )
        self._producer = Producer(self.cluster.config({"partitioner": "murmur2_random"}))
        self._reader = KafkaTableReader(self.cluster, (DEAD_LETTERS,))
        self._letters = self._by_place(self._reader.catch_up())

    def close(self) -> None:
        self._reader.close()
        self.http.close()

    def produce(self, topic: str, key: bytes | str | None, value: bytes | None, *, partition: int = -1) -> Place:
        """One record to one of our topics, as any producer could; where it is."""
        return self._send(self._producer, topic, key, value, partition)

    def produce_compressed(self, topic: str, key: str, value: bytes) -> Place:
        """One record that is far smaller on its way than it is."""
        config = {
            "partitioner": "murmur2_random",
            "compression.type": "gzip",
            "message.max.bytes": LARGEST_MESSAGE,
        }
        return self._send(Producer(self.cluster.config(config)), topic, key, value, -1)

    def _send(self, producer: Producer, topic: str, key: bytes | str | None, value: bytes | None, at: int) -> Place:
        placed: list[Any] = []
        name = self.cluster.topic(topic)
        producer.produce(name, key=key, value=value, partition=at, on_delivery=lambda *told: placed.append(told))
        assert producer.flush(30) == 0
        [(error, record)] = placed
        assert error is None
        return topic, record.partition(), record.offset()

    def produce_many(self, topic: str, records: list[tuple[str, bytes]]) -> None:
        """Many records, in this order."""
        for key, value in records:
            self._producer.produce(self.cluster.topic(topic), key=key, value=value)
            self._producer.poll(0)
        assert self._producer.flush(60) == 0

    def produce_header(self, topic: str, key: str, value: bytes) -> None:
        """A record with a header whose name is not UTF-8, which only a client that was tampered with sends."""
        environment = os.environ | {"AIOKAFKA_NO_EXTENSIONS": "1"}
        given = json.dumps(self.cluster.config({"logger": None}) | {"topic": self.cluster.topic(topic), "key": key})
        command = [sys.executable, "-m", "tests.e2e.odd_header", given, value.decode()]
        subprocess.run(command, env=environment, check=True, timeout=60)

    def letter(self, place: Place, *, seconds: float = 20.0) -> DeadLetter:
        """The dead letter about the record there, once it is written."""
        wait_until(lambda: self._find(place), seconds=seconds, what=f"a dead letter about {place}")
        return self._letters[place]

    def is_set_aside(self, place: Place) -> bool:
        """Whether there is a dead letter about the record by now."""
        return self._find(place)

    def _find(self, place: Place) -> bool:
        if place not in self._letters:
            self._letters |= self._by_place(self._reader.poll())
        return place in self._letters

    @staticmethod
    def _by_place(records: list[Inbound]) -> dict[Place, DeadLetter]:
        letters = [decode(DEAD_LETTERS, record.value, now=time.time()) for record in records]
        return {(letter.topic, letter.partition, letter.offset): letter for letter in letters}

    def post(self, what: str, body: object, *, status: int = 201) -> dict[str, Any]:
        """What the gateway answers to values that are posted."""
        answer = self.http.post(f"/v1/{what}", json=body)
        assert answer.status_code // 100 == status // 100, answer.text
        return dict(answer.json())

    def get(self, user: str, **query: object) -> List:
        """The person's list."""
        answer = self.http.get(f"/v1/recommendations/{quote(user, safe='')}", params=query)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def click(self, user: str, item: str, **more: object) -> List:
        """The person's list that answers this click."""
        event = {"type": "click", "user_id": user, "item_id": item} | more
        token = self.post("interactions", event)["token"]
        return self.get(user, after=token, timeout_ms=10_000, n=50)

    def serves_others(self, item: str = "i1") -> None:
        """Somebody who was never seen clicks, and gets a list of their own that answers it."""
        made = self.click(f"somebody-{next(_numbers)}", item)
        assert (made["default"], made["stale"]) == (False, False)
        assert items_of(made)
        assert all(math.isfinite(ranked["score"]) for ranked in made["slates"][0]["items"])

    def newest_lists(self) -> dict[str, Recommendation]:
        """Everybody's newest list on the topic; what is no list there is passed over, as every reader does."""
        found: list[Recommendation] = []
        for record in self.records(RECOMMENDATIONS):
            with suppress(DecodeError):
                found.append(open_record(record, now=time.time()))
        return {made.user_id: made for made in sorted(found, key=lambda made: made.version)}

    def records(self, *topics: str) -> list[Inbound]:
        """Everything on these topics."""
        reader = KafkaTableReader(self.cluster, topics)
        try:
            return reader.catch_up()
        finally:
            reader.close()

    def restarts(self) -> dict[str, str]:
        """Which processes ended by themselves, and how they did last."""
        return {name: ends.last_how for name, ends in read_ends(self.stack.layout).items()}

    def memory_mb(self, name: str) -> float:
        """Resident memory of one of our processes."""
        [pid] = [row.pid for row in self.stack.status() if row.name == name]
        return float(psutil.Process(pid).memory_info().rss / 1e6)


def items_of(made: List) -> list[str]:
    """The ids of a list, the best first."""
    return [ranked["item_id"] for ranked in made["slates"][0]["items"]]
