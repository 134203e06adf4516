"""Read-your-writes: a token names the offsets of a post, and a list the offsets that it reflects.

>>> token = token_of("interactions", [(3, 811), (3, 812), (1, 40)])
>>> token
'interactions-1@40,interactions-3@812'
>>> covers({"interactions-3": 900}, {"interactions-3": 812})
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from deploy.gateway.limits import MAX_TOKEN_LENGTH
from deploy.gateway.problems import Problem
from schemas.ids import UserId
from schemas.topics import PERSON_TOPICS
from streams.log.partitions import partition_of


def token_of(topic: str, receipts: Iterable[tuple[int, int]]) -> str:
    """Return the token of records stored at these (partition, offset) pairs: the last offset of each partition."""
    last: dict[int, int] = {}
    for partition, offset in receipts:
        last[partition] = max(offset, last.get(partition, -1))
    return ",".join(f"{topic}-{partition}@{offset}" for partition, offset in sorted(last.items()))


def user_part(token: str, user: UserId, partitions: int) -> dict[str, int]:
    """Return a token's offsets by source partition, of the user's partitions only. Joined by commas, tokens are one.

    Raises:
        Problem: 400, it is not a token.

    >>> from streams.log.partitions import partition_of
    >>> own = partition_of("u1", 8)
    >>> user_part(f"interactions-{own}@7,interactions-{own + 1}@9", UserId("u1"), 8) == {f"interactions-{own}": 7}
    True
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise _bad_token(token[:50])
    own: dict[str, int] = {}
    for entry in filter(None, token.split(",")):
        source, _, offset = entry.partition("@")
        topic, _, partition = source.rpartition("-")
        if topic not in PERSON_TOPICS or not (_is_number(partition) and _is_number(offset)):
            raise _bad_token(entry)
        if int(partition) == partition_of(user, partitions):
            own[source] = max(int(offset), own.get(source, -1))
    return own


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _bad_token(entry: str) -> Problem:
    text = f"after has {entry!r}: pass the token of a POST, such as 'interactions-3@812'"
    return Problem(HTTPStatus.BAD_REQUEST, "bad-token", text)


def covers(applied: Mapping[str, int], token: Mapping[str, int]) -> bool:
    """Return whether a list with these applied offsets reflects everything that the token names."""
    return all(applied.get(source, -1) >= offset for source, offset in token.items())
