"""Produces one record with a header whose name is not UTF-8: `python -m tests.e2e.odd_header CONFIG VALUE`.

aiokafka's writer in Python (`AIOKAFKA_NO_EXTENSIONS=1`) encodes names by their own `encode`; the others do not.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiokafka


class _Odd(str):
    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


async def _produce(config: dict[str, Any], value: bytes) -> None:
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=config["bootstrap.servers"],
        security_protocol=config["security.protocol"],
        sasl_mechanism=config.get("sasl.mechanisms", "PLAIN"),
        sasl_plain_username=config.get("sasl.username"),
        sasl_plain_password=config.get("sasl.password"),
    )
    await producer.start()
    try:
        await producer.send_and_wait(
            config["topic"], key=config["key"].encode(), value=value, headers=[(_Odd("x"), b"v")]
        )
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(_produce(json.loads(sys.argv[1]), sys.argv[2].encode()))
