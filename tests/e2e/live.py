"""A client of a whole stack as `lifelong up` starts it, for users and producers of any kind."""

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

RecordPosition = tuple[str, int, int]
"""The position of a record: topic, partition, offset."""
ListResponse = dict[str, Any]
"""A list as the gateway serves it."""
UNPACKED_BYTES_LIMIT = 200_000_000
_numbers = count()


class Live:
    """A client of a whole stack: produces any records, and reads what follows from them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.settings = stack.settings()
        self.cluster = make_cluster(self.settings)
        gateway = self.settings.gateway
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{gateway.port}",
            headers={"X-API-Key": gateway.api_keys[0].get_secret_value()},
            trust_env=False,
            timeout=30,
        )
        self._producer = Producer(self.cluster.config({"partitioner": "murmur2_random"}))
        self._reader = KafkaTableReader(self.cluster, (DEAD_LETTERS,))
        self._letters = self._by_position(self._reader.catch_up())

    def close(self) -> None:
        self._reader.close()
        self.http.close()

    def produce(
        self, topic: str, key: bytes | str | None, value: bytes | None, *, partition: int = -1
    ) -> RecordPosition:
        """Produce one record to a topic, as any producer could; returns its position."""
        return self._send(self._producer, topic, key, value, partition)

    def produce_compressed(self, topic: str, key: str, value: bytes) -> RecordPosition:
        """Produce one record that is far smaller compressed than decompressed; returns its position."""
        config = {
            "partitioner": "murmur2_random",
            "compression.type": "gzip",
            "message.max.bytes": UNPACKED_BYTES_LIMIT,
        }
        return self._send(Producer(self.cluster.config(config)), topic, key, value, -1)

    def _send(
        self, producer: Producer, topic: str, key: bytes | str | None, value: bytes | None, at: int
    ) -> RecordPosition:
        reports: list[Any] = []
        name = self.cluster.topic(topic)
        producer.produce(name, key=key, value=value, partition=at, on_delivery=lambda *report: reports.append(report))
        assert producer.flush(30) == 0
        [(error, record)] = reports
        assert error is None
        return topic, record.partition(), record.offset()

    def produce_many(self, topic: str, records: list[tuple[str, bytes]]) -> None:
        """Produce many records, in this order."""
        for key, value in records:
            self._producer.produce(self.cluster.topic(topic), key=key, value=value)
            self._producer.poll(0)
        assert self._producer.flush(60) == 0

    def produce_header(self, topic: str, key: str, value: bytes) -> None:
        """Produce a record with a header whose name is not UTF-8, which only a modified client sends."""
        environment = os.environ | {"AIOKAFKA_NO_EXTENSIONS": "1"}
        config = json.dumps(self.cluster.config({"logger": None}) | {"topic": self.cluster.topic(topic), "key": key})
        command = [sys.executable, "-m", "tests.e2e.odd_header", config, value.decode()]
        subprocess.run(command, env=environment, check=True, timeout=60)

    def letter(self, position: RecordPosition, *, seconds: float = 20.0) -> DeadLetter:
        """Return the dead letter about the record at this position, once it is written."""
        wait_until(lambda: self._find(position), seconds=seconds, what=f"a dead letter about {position}")
        return self._letters[position]

    def is_set_aside(self, position: RecordPosition) -> bool:
        """Return whether there is a dead letter about the record now."""
        return self._find(position)

    def _find(self, position: RecordPosition) -> bool:
        if position not in self._letters:
            self._letters |= self._by_position(self._reader.poll())
        return position in self._letters

    @staticmethod
    def _by_position(records: list[Inbound]) -> dict[RecordPosition, DeadLetter]:
        letters = [decode(DEAD_LETTERS, record.value, now=time.time()) for record in records]
        return {(letter.topic, letter.partition, letter.offset): letter for letter in letters}

    def post(self, path: str, body: object, *, status: int = 201) -> dict[str, Any]:
        """Post values to the gateway and return its response."""
        answer = self.http.post(f"/v1/{path}", json=body)
        assert answer.status_code // 100 == status // 100, answer.text
        return dict(answer.json())

    def get(self, user: str, **query: object) -> ListResponse:
        """Return the user's list."""
        answer = self.http.get(f"/v1/recommendations/{quote(user, safe='')}", params=query)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def click(self, user: str, item: str, **more: object) -> ListResponse:
        """Post a click and return the list that answers it."""
        event = {"type": "click", "user_id": user, "item_id": item} | more
        token = self.post("interactions", event)["token"]
        return self.get(user, after=token, timeout_ms=10_000, n=50)

    def serves_others(self, item: str = "i1") -> None:
        """Check that a click of a new user is answered by a list of their own."""
        response = self.click(f"somebody-{next(_numbers)}", item)
        assert (response["default"], response["stale"]) == (False, False)
        assert items_of(response)
        assert all(math.isfinite(ranked["score"]) for ranked in response["slates"][0]["items"])

    def newest_lists(self) -> dict[str, Recommendation]:
        """Return the newest list of each user on the topic; records that are no lists are skipped, as readers do."""
        lists: list[Recommendation] = []
        for record in self.records(RECOMMENDATIONS):
            with suppress(DecodeError):
                lists.append(open_record(record, now=time.time()))
        return {each.user_id: each for each in sorted(lists, key=lambda recommendation: recommendation.version)}

    def records(self, *topics: str) -> list[Inbound]:
        """Return all records of these topics."""
        reader = KafkaTableReader(self.cluster, topics)
        try:
            return reader.catch_up()
        finally:
            reader.close()

    def restarts(self) -> dict[str, str]:
        """Return the processes that ended by themselves, with the last cause of each."""
        return {name: ends.last_how for name, ends in read_ends(self.stack.layout).items()}

    def memory_mb(self, name: str) -> float:
        """Return the resident memory of a process in megabytes."""
        [pid] = [row.pid for row in self.stack.status() if row.name == name]
        return float(psutil.Process(pid).memory_info().rss / 1e6)


def items_of(response: ListResponse) -> list[str]:
    """Return the item ids of a list, the best first."""
    return [ranked["item_id"] for ranked in response["slates"][0]["items"]]
