"""An instruction sent for a user, and the list that answers it."""

from __future__ import annotations

from deploy.cli.servers import reach_kafka
from deploy.cli.shown import NothingDone
from deploy.clients import make_publisher, wall_clock
from deploy.settings import Settings
from deploy.topic_subscriber import TopicSubscriber
from schemas.codec import decode, encode
from schemas.instructions import Instruction
from schemas.recommendations import Recommendation
from schemas.topics import INSTRUCTIONS, ITEMS, RECOMMENDATIONS
from streams.log.kafka_client import Cluster
from streams.log.records import Inbound


def answer_to(settings: Settings, instruction: Instruction, *, timeout: float) -> tuple[Recommendation, Cluster]:
    """Send the instruction, wait for the list that answers it, and return both that list and where it was read.

    Raises:
        DecodeError: the instruction is not valid; nothing was sent.
        NothingDone: no list answered within `timeout` seconds.
    """
    value = encode(instruction)
    decode(INSTRUCTIONS, value, now=wall_clock())
    cluster = reach_kafka(settings, INSTRUCTIONS, RECOMMENDATIONS, ITEMS)
    answer = _Answer(cluster, instruction.event_id)
    answer.start()
    try:
        publisher = make_publisher(settings)
        publisher.send(INSTRUCTIONS, instruction.user_id, value)
        publisher.flush(within=timeout)
        answer.wait_for({instruction.event_id}, seconds=timeout)
    finally:
        answer.stop()
    if answer.found is None:
        raise NothingDone(f"no list answered within {timeout:g} s; `lifelong status` shows whether the worker runs")
    return answer.found, cluster


class _Answer(TopicSubscriber):
    """Keeps the list that answers one event."""

    def __init__(self, cluster: Cluster, event_id: str) -> None:
        super().__init__(cluster, (RECOMMENDATIONS,), batch=50)
        self.found: Recommendation | None = None
        self._event_id = event_id

    def take(self, record: Inbound) -> None:
        """See `TopicSubscriber`."""
        if not record.value or self._event_id.encode() not in record.value:
            return
        recommendation: Recommendation = decode(RECOMMENDATIONS, record.value, now=wall_clock())
        if self._event_id in recommendation.trigger_event_ids:
            self.found = recommendation
            self.answered.add(self._event_id)
