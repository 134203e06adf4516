"""A `StateStore` in Redis: one hash of states and one of offsets per partition, written by one script.

All keys of a partition share a hash tag, so that the script also runs on a cluster. The server is to keep what it
was given: append-only file, ``maxmemory-policy noeviction``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from features.ports import Claim, Write
from schemas.errors import Fenced, StoreUnavailable

_SAVE = """
local held = tonumber(redis.call('GET', KEYS[1]) or '0')
if held ~= tonumber(ARGV[1]) then return redis.error_reply('FENCED by epoch ' .. held) end
local n = tonumber(ARGV[2])
for i = 3, 2 + 2 * n, 2 do
  local known = redis.call('HGET', KEYS[2], ARGV[i])
  if known and tonumber(known) > tonumber(ARGV[i + 1]) then
    return redis.error_reply('FENCED by offset ' .. known .. ' of ' .. ARGV[i])
  end
end
for i = 3, 2 + 2 * n, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
for i = 3 + 2 * n, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
return 1
"""


class RedisStateStore:
    """States in Redis, by URL; `prefix` keeps several systems on one server apart."""

    def __init__(self, url: str, *, prefix: str = "lifelong", timeout_seconds: float = 2.0) -> None:
        self._client: Any = redis.Redis.from_url(
            url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds
        )
        self._prefix = prefix
        self._save = self._client.register_script(_SAVE)

    def claim(self, scope: str, partition: int) -> Claim:
        with _errors():
            epoch = self._client.incr(self._key(scope, partition, "epoch"))
        return Claim(int(epoch), self.applied(scope, partition))

    def applied(self, scope: str, partition: int) -> dict[str, int]:
        with _errors():
            applied = self._client.hgetall(self._key(scope, partition, "applied"))
        return {source.decode(): int(offset) for source, offset in applied.items()}

    def load(self, scope: str, partition: int, keys: Sequence[str]) -> dict[str, bytes]:
        if not keys:
            return {}
        with _errors():
            values = self._client.hmget(self._key(scope, partition, "states"), list(keys))
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    def save(self, write: Write) -> None:
        keys = [self._key(write.scope, write.partition, kind) for kind in ("epoch", "applied", "states")]
        arguments: list[Any] = [write.epoch, len(write.applied)]
        for pair in (*write.applied.items(), *write.states.items()):
            arguments += pair
        with _errors():
            self._save(keys=keys, args=arguments)

    def visit_later(self, scope: str, partition: int, visits: dict[str, float]) -> None:
        if visits:
            with _errors():
                self._client.zadd(self._key(scope, partition, "visits"), visits)

    def due(self, scope: str, partition: int, until: float, limit: int) -> list[str]:
        with _errors():
            keys = self._client.zrangebyscore(self._key(scope, partition, "visits"), "-inf", until, 0, limit)
        return [key.decode() for key in keys]

    def visited(self, scope: str, partition: int, keys: Sequence[str]) -> None:
        if keys:
            with _errors():
                self._client.zrem(self._key(scope, partition, "visits"), *keys)

    def scan(self, scope: str, partition: int) -> Iterator[tuple[str, bytes]]:
        with _errors():
            for key, value in self._client.hscan_iter(self._key(scope, partition, "states"), count=500):
                yield key.decode(), value

    def replace(self, scope: str, partition: int, states: dict[str, bytes], applied: dict[str, int]) -> None:
        epoch, offsets, people = (self._key(scope, partition, kind) for kind in ("epoch", "applied", "states"))
        with _errors():
            pipe = self._client.pipeline(transaction=True)
            pipe.incr(epoch)
            pipe.delete(offsets, people)
            for key, values in ((offsets, applied), (people, states)):
                if values:
                    pipe.hset(key, mapping=values)
            pipe.execute()

    def _key(self, scope: str, partition: int, kind: str) -> str:
        return f"{self._prefix}:{{{scope}:{partition}}}:{kind}"


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except redis.exceptions.ResponseError as exc:
        if "FENCED" in str(exc):
            raise Fenced(str(exc)) from exc
        raise
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as exc:
        raise StoreUnavailable(f"Redis does not answer: {exc}") from exc
