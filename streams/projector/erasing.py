"""What the projector does when users are erased: 1 features 2 the topic `memories` 3 the memory index.

All of it may be done twice. Memories that were written before the erasure and are read after it are withdrawn by their
empty values, which stand behind them in the topic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agents.memory.ports import MemoryIndex
from features.ports import FeatureRow, FeatureStore
from features.views import USER_KEY
from schemas.ids import UserId
from schemas.topics import MEMORIES
from streams.log.ports import Publisher
from streams.log.records import Inbound, Message
from streams.outcomes.projection import Projection

Projected = tuple[Inbound, Projection]
MemoryKeys = Callable[[Mapping[UserId, float]], Mapping[str, UserId]]
"""Returns the keys of the topic `memories` that hold something of these users from before the time of each, and whose
they are.
"""


def rows_left(projections: Sequence[Projected]) -> list[tuple[Inbound, FeatureRow]]:
    """Return the feature rows to write: none that came before its user's erasure.

    They are all of the ranking log, whose one partition has them in order.
    """
    erased = {p.erased.user_id: index for index, (_, p) in enumerate(projections) if p.erased is not None}
    return [
        (record, row)
        for index, (record, projection) in enumerate(projections)
        for row in projection.rows
        if index > erased.get(UserId(row.entity.get(USER_KEY, "")), -1)
    ]


def erase(
    users: Mapping[UserId, float],
    features: FeatureStore,
    index: MemoryIndex,
    publisher: Publisher,
    memory_keys: MemoryKeys,
) -> None:
    """Erase users, each up to an event time, from every copy behind the topics.

    Raises:
        StoreUnavailable: call again with the same users.
        KafkaAway: likewise.
    """
    features.erase(list(users))
    publisher.publish([Message(MEMORIES, key, None, user) for key, user in memory_keys(users).items()])
    for user in users:
        index.delete(user)
