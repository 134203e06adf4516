"""Read your writes: a token names what a post was stored as, and a list says up to where it reflects the log.

>>> token = token_of("interactions", [(3, 811), (3, 812), (1, 40)])
>>> token
'interactions-1@40,interactions-3@812'
>>> covers({"interactions-3": 900}, {"interactions-3": 812})
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from deploy.gateway.problems import Problem
from schemas.ids import UserId
from schemas.topics import PERSON_TOPICS
from streams.log.partitions import partition_of

LONGEST = 10_000


def token_of(topic: str, places: Iterable[tuple[int, int]]) -> str:
    """The token of records stored at these partitions and offsets: the last offset of each partition."""
    last: dict[int, int] = {}
    for partition, offset in places:
        last[partition] = max(offset, last.get(partition, -1))
    return ",".join(f"{topic}-{partition}@{offset}" for partition, offset in sorted(last.items()))


def own_part(token: str, user: UserId, partitions: int) -> dict[str, int]:
    """What of a token concerns this person: offsets by source partition. Tokens joined by commas are one token.

    Raises:
        Problem: it is not a token.

    >>> from streams.log.partitions import partition_of
    >>> mine = partition_of("u1", 8)
    >>> own_part(f"interactions-{mine}@7,interactions-{mine + 1}@9", UserId("u1"), 8) == {f"interactions-{mine}": 7}
    True
    """
    if len(token) > LONGEST:
        raise _no_token(token[:50])
    mine: dict[str, int] = {}
    for entry in filter(None, token.split(",")):
        source, _, offset = entry.partition("@")
        topic, _, partition = source.rpartition("-")
        if topic not in PERSON_TOPICS or not (_is_number(partition) and _is_number(offset)):
            raise _no_token(entry)
        if int(partition) == partition_of(user, partitions):
            mine[source] = max(int(offset), mine.get(source, -1))
    return mine


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _no_token(entry: str) -> Problem:
    text = f"after has {entry!r}: it takes the token of a POST, such as 'interactions-3@812'"
    return Problem(HTTPStatus.BAD_REQUEST, "bad-token", text)


def covers(applied: Mapping[str, int], token: Mapping[str, int]) -> bool:
    """Whether a list with these applied offsets reflects everything that the token names."""
    return all(applied.get(source, -1) >= offset for source, offset in token.items())
