"""`ranking-log`: features as ranked, choices and outcomes. The trainer learns from them in the order of the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.ranking_log import RankingLogEntry
from streams.records import Inbound

logger = logging.getLogger(__name__)


class Learns(Protocol):
    """Learns from entries of the ranking log, see `inference.learning.learner.Learner`."""

    def learn(self, entries: Sequence[RankingLogEntry]) -> None:
        """Test, then train, on each entry in order."""
        ...


def on_ranking_log(records: Sequence[Inbound], learner: Learns, *, now: float) -> int:
    """Learn from a batch; how many entries were read. What is wrong is passed over and logged."""
    entries: list[RankingLogEntry] = []
    for record in records:
        try:
            entries.append(decode(record.topic, record.value, now=now))
        except DecodeError as exc:
            logger.warning("%s-%d@%d passed over: %s", record.topic, record.partition, record.offset, exc)
    learner.learn(entries)
    return len(entries)
