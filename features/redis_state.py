"""A `StateStore` in Redis: one hash of states and one of offsets per partition, written by one script.

All keys of a partition share a hash tag, so that the script also runs on a cluster. The server is to keep what it
was given: append-only file, ``maxmemory-policy noeviction``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from features.ports import Lease, Origin, Write
from schemas.errors import Fenced, StoreRewound, StoreUnavailable

_SAVE = """
local held = redis.call('GET', KEYS[1])
if not held then return redis.error_reply('BEHIND: the partition has no epoch') end
if tonumber(held) ~= tonumber(ARGV[1]) then return redis.error_reply('FENCED by epoch ' .. held) end
local applied, known = 5, 5 + 2 * tonumber(ARGV[2])
local origins = known + 2 * tonumber(ARGV[3])
local states = origins + 2 * tonumber(ARGV[4])
local anew = {}
for i = origins, states - 1, 2 do anew[ARGV[i]] = true end
for i = applied, origins - 1, 2 do
  local stored = tonumber(redis.call('HGET', KEYS[2], ARGV[i]) or '-1')
  if not anew[ARGV[i]] then
    if i >= known and stored < tonumber(ARGV[i + 1]) then
      return redis.error_reply('BEHIND: offset ' .. stored .. ' of ' .. ARGV[i] .. ', not ' .. ARGV[i + 1])
    elseif i < known and stored > tonumber(ARGV[i + 1]) then
      return redis.error_reply('FENCED by offset ' .. stored .. ' of ' .. ARGV[i])
    end
  end
end
for i = applied, known - 1, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
for i = origins, states - 1, 2 do redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1]) end
for i = states, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
return 1
"""
_UNWILLING = ("OOM", "READONLY", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS")
"""How a server begins its refusal of any write whatever; it may take them again later."""


class RedisStateStore:
    """States in Redis, by URL; `prefix` keeps several systems on one server apart."""

    def __init__(self, url: str, *, prefix: str = "lifelong", timeout_seconds: float = 2.0) -> None:
        self._client: Any = redis.Redis.from_url(
            url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds
        )
        self._prefix = prefix
        self._save = self._client.register_script(_SAVE)

    def lease(self, scope: str, partition: int) -> Lease:
        with _errors():
            epoch = self._client.incr(self._key(scope, partition, "epoch"))
        return Lease(int(epoch), self.applied(scope, partition), self.origins(scope, partition))

    def applied(self, scope: str, partition: int) -> dict[str, int]:
        with _errors():
            applied = self._client.hgetall(self._key(scope, partition, "applied"))
        return {source.decode(): int(offset) for source, offset in applied.items()}

    def origins(self, scope: str, partition: int) -> dict[str, Origin]:
        with _errors():
            origins = self._client.hgetall(self._key(scope, partition, "origins"))
        return {source.decode(): _origin(value.decode()) for source, value in origins.items()}

    def load(self, scope: str, partition: int, keys: Sequence[str]) -> dict[str, bytes]:
        if not keys:
            return {}
        with _errors():
            values = self._client.hmget(self._key(scope, partition, "states"), list(keys))
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    def save(self, write: Write) -> None:
        keys = [self._key(write.scope, write.partition, kind) for kind in ("epoch", "applied", "states", "origins")]
        origins = {source: _packed(origin) for source, origin in write.origins.items()}
        arguments: list[Any] = [write.epoch, len(write.applied), len(write.known), len(origins)]
        for pair in (*write.applied.items(), *write.known.items(), *origins.items(), *write.states.items()):
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

    def replace(
        self,
        scope: str,
        partition: int,
        states: dict[str, bytes],
        applied: dict[str, int],
        origins: dict[str, Origin] | None = None,
    ) -> None:
        epoch, offsets, people = (self._key(scope, partition, kind) for kind in ("epoch", "applied", "states"))
        noted = {source: _packed(origin) for source, origin in (origins or {}).items()}
        with _errors():
            pipe = self._client.pipeline(transaction=True)
            pipe.incr(epoch)
            pipe.delete(offsets, people)
            for key, values in ((offsets, applied), (people, states), (self._key(scope, partition, "origins"), noted)):
                if values:
                    pipe.hset(key, mapping=values)
            pipe.execute()

    def _key(self, scope: str, partition: int, kind: str) -> str:
        return f"{self._prefix}:{{{scope}:{partition}}}:{kind}"


def _packed(origin: Origin) -> str:
    """An origin as one word.

    >>> _origin(_packed(Origin("yWBvhl8ZSLaXV5J4GFqiZg", 2)))
    Origin(topic_id='yWBvhl8ZSLaXV5J4GFqiZg', generation=2)
    """
    return f"{origin.generation}:{origin.topic_id}"


def _origin(value: str) -> Origin:
    generation, _, topic_id = value.partition(":")
    return Origin(topic_id, int(generation))


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except redis.exceptions.ResponseError as exc:
        said = str(exc)
        if "FENCED" in said:
            raise Fenced(said) from exc
        if "BEHIND" in said:
            raise StoreRewound(said) from exc
        if isinstance(exc, redis.exceptions.ReadOnlyError | redis.exceptions.OutOfMemoryError) or said.startswith(
            _UNWILLING
        ):
            raise StoreUnavailable(f"Redis takes no writes: {said}") from exc
        raise
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as exc:
        raise StoreUnavailable(f"Redis does not answer: {exc}") from exc
