"""What the projector does when users are erased: 1 feature rows 2 memories that had ended.

Memories that were believed are withdrawn by the user's owner, and reach the index through their topic, in its order.
Those that had ended are in no state, so the projector looks for them in the topic. All of it may be done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from features.ports import FeatureRow, FeatureStore
from features.views import USER_KEY
from schemas.ids import UserId
from schemas.memories import Memory
from schemas.topics import MEMORIES
from streams.log.ports import Publisher
from streams.log.records import Inbound, Message
from streams.outcomes.projection import Projection

Projected = tuple[Inbound, Projection]
MemoriesOf = Callable[[Collection[UserId]], Mapping[str, Memory]]
"""Returns what the topic `memories` holds of these users, by key."""


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


def erase(users: Collection[UserId], features: FeatureStore, publisher: Publisher, memories_of: MemoriesOf) -> None:
    """Erase users from the feature store, and from `memories` what had ended.

    Raises:
        StoreUnavailable: call again with the same users.
        KafkaAway: likewise.
    """
    features.erase(users)
    ended = {key: memory for key, memory in memories_of(users).items() if memory.recorded_to is not None}
    publisher.publish([Message(MEMORIES, key, None, memory.user_id) for key, memory in ended.items()])
