"""A `StateStore` in Redis: one hash of states and one of offsets per partition, written by one script.

All keys of a partition share a hash tag, so that the script also runs on a cluster. The server must not lose or evict
keys: configure an append-only file and ``maxmemory-policy noeviction``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from features.ports import Lease, Origin, Write
from schemas.errors import Fenced, StoreRewound, StoreUnavailable
from schemas.tls import PLAIN_TLS, TlsFiles

_SAVE = """
local epoch = redis.call('GET', KEYS[1])
if not epoch then return redis.error_reply('BEHIND: the partition has no epoch') end
if tonumber(epoch) ~= tonumber(ARGV[1]) then return redis.error_reply('FENCED by epoch ' .. epoch) end
local applied, expected = 5, 5 + 2 * tonumber(ARGV[2])
local origins = expected + 2 * tonumber(ARGV[3])
local states = origins + 2 * tonumber(ARGV[4])
local restarted = {}
for i = origins, states - 1, 2 do restarted[ARGV[i]] = true end
for i = applied, origins - 1, 2 do
  local stored = tonumber(redis.call('HGET', KEYS[2], ARGV[i]) or '-1')
  if not restarted[ARGV[i]] then
    if i >= expected and stored < tonumber(ARGV[i + 1]) then
      return redis.error_reply('BEHIND: offset ' .. stored .. ' of ' .. ARGV[i] .. ', not ' .. ARGV[i + 1])
    elseif i < expected and stored > tonumber(ARGV[i + 1]) then
      return redis.error_reply('FENCED by offset ' .. stored .. ' of ' .. ARGV[i])
    end
  end
end
for i = applied, expected - 1, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
for i = origins, states - 1, 2 do redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1]) end
for i = states, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
return 1
"""
_WRITE_REFUSALS = ("OOM", "READONLY", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS")
"""How the errors of a server begin that refuses every write for now; it may accept them later."""


class RedisStateStore:
    """States in Redis, by URL; `prefix` separates deployments that share a server. A `rediss://` URL means TLS."""

    def __init__(
        self, url: str, *, prefix: str = "lifelong", timeout_seconds: float = 2.0, tls: TlsFiles = PLAIN_TLS
    ) -> None:
        self._client: Any = redis.Redis.from_url(
            url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds, **redis_tls(url, tls)
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
        arguments: list[Any] = [write.epoch, len(write.applied), len(write.expected), len(origins)]
        for pair in (*write.applied.items(), *write.expected.items(), *origins.items(), *write.states.items()):
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
        kinds = ("epoch", "applied", "states", "origins")
        epoch_key, applied_key, states_key, origins_key = (self._key(scope, partition, kind) for kind in kinds)
        packed = {source: _packed(origin) for source, origin in (origins or {}).items()}
        with _errors():
            pipe = self._client.pipeline(transaction=True)
            pipe.incr(epoch_key)
            pipe.delete(applied_key, states_key, *((origins_key,) if origins is not None else ()))
            for key, values in ((applied_key, applied), (states_key, states), (origins_key, packed)):
                if values:
                    pipe.hset(key, mapping=values)
            pipe.execute()

    def project(self, scope: str, partition: int, states: dict[str, bytes]) -> None:
        """Write states for readers, in a scope of which nothing else is kept: neither epochs nor offsets.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        with _errors():
            self._client.hset(self._key(scope, partition, "states"), mapping=states)

    def _key(self, scope: str, partition: int, kind: str) -> str:
        return f"{self._prefix}:{{{scope}:{partition}}}:{kind}"


def redis_tls(url: str, tls: TlsFiles) -> dict[str, str]:
    """Return the client's settings of TLS for a URL; without them a `rediss://` server is verified all the same.

    >>> redis_tls("rediss://db.example:6379/0", TlsFiles(authority="/ca.pem"))
    {'ssl_ca_certs': '/ca.pem'}
    >>> redis_tls("redis://127.0.0.1:6379/0", TlsFiles(authority="/ca.pem"))
    {}
    """
    if not url.startswith("rediss://"):
        return {}
    files = {"ssl_ca_certs": tls.authority, "ssl_certfile": tls.certificate, "ssl_keyfile": tls.key}
    return {name: path for name, path in files.items() if path}


def _packed(origin: Origin) -> str:
    """Return an origin as one string.

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
        message = str(exc)
        if "FENCED" in message:
            raise Fenced(message) from exc
        if "BEHIND" in message:
            raise StoreRewound(message) from exc
        if isinstance(exc, redis.exceptions.ReadOnlyError | redis.exceptions.OutOfMemoryError) or message.startswith(
            _WRITE_REFUSALS
        ):
            raise StoreUnavailable(f"Redis accepts no writes: {message}") from exc
        raise
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as exc:
        raise StoreUnavailable(f"Redis does not answer: {exc}") from exc
