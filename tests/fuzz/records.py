"""Streams of records as a process reads them: mostly mutated, sometimes valid."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import chain

from schemas.codec import encode
from schemas.topics import BY_NAME
from streams.log.partitions import partition_of
from streams.log.records import Inbound
from tests.builders import START
from tests.fuzz.corpus import key_of, valid
from tests.fuzz.mutations import mutated
from tests.fuzz.poisons import POISONS

PARTITIONS = 4
VALID_SHARE = 0.1
USERS = tuple(f"u{number}" for number in range(9))
_KEYS = (None, b"", b"\xff", b"a/b", b"@default", b"x" * 10_000, b"war-1", b"ann", b"ann/", b"\x00", b"ranker:")
_HEADERS = ((("name", b"x" * 300_000),), (("", None),) * 3, (("a\\xffb", b"\xff"),), (("h", b""),) * 70)


class Stream:
    """Records of some topics, equal for equal seeds: the poisons first, then mutated ones without end.

    Offsets of each partition grow by one, as in a log without compaction.
    """

    def __init__(self, topics: Sequence[str], seed: int) -> None:
        self._rng = random.Random(seed)
        self._count = 0
        self._offsets: dict[tuple[str, int], int] = {}
        self._valid = {topic: [(encode(record), key_of(record)) for record in valid(topic)] for topic in topics}
        self._others = [value for values in self._valid.values() for value, _ in values]

    def batches(self, number: int, size: int) -> Iterator[list[Inbound]]:
        """Yield so many records, in batches of this size."""
        everything = chain(self._poisons(), iter(self._mutated, None))
        for done in range(0, number, size):
            yield [record for _, record in zip(range(min(size, number - done)), everything, strict=False)]

    def _poisons(self) -> Iterator[Inbound]:
        for topic, values in self._valid.items():
            for value in POISONS.get(topic, ()):
                yield self._record(topic, values[0][1], value)

    def _mutated(self) -> Inbound:
        rng = self._rng
        topic = rng.choice(list(self._valid))
        value, key = rng.choice(self._valid[topic])
        self._count += 1
        user = rng.choice(USERS)
        value = value.replace(b'"ann"', f'"{user}"'.encode()).replace(b'"e1"', f'"e{self._count}"'.encode())
        value = value.replace(b'"offset":0', f'"offset":{self._count}'.encode())
        user_key = (key or "").replace("ann", user) or None
        if rng.random() < VALID_SHARE:
            return self._record(topic, user_key, value)
        return self._record(topic, user_key, mutated(rng, value, self._others), is_mutated=True)

    def _record(self, topic: str, key: str | None, value: bytes | None, *, is_mutated: bool = False) -> Inbound:
        rng = self._rng
        partition = partition_of(key or "", PARTITIONS) if BY_NAME[topic].spread != "one" else 0
        if is_mutated and rng.random() < 0.02 and BY_NAME[topic].spread != "one":
            partition = rng.randrange(PARTITIONS)
        record_key = (
            rng.choice(_KEYS) if is_mutated and rng.random() < 0.03 else key.encode() if key is not None else None
        )
        offset = self._offsets[topic, partition] = self._offsets.get((topic, partition), -1) + 1
        return Inbound(
            topic=topic,
            partition=partition,
            offset=offset,
            key=record_key,
            value=value,
            timestamp=START + self._count / 1_000.0,
            headers=rng.choice(_HEADERS) if is_mutated and rng.random() < 0.005 else (),
        )
