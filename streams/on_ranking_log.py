"""`ranking-log`: features as ranked, choices and outcomes. The trainer learns from them in the order of the log."""

from __future__ import annotations

import logging
from typing import Protocol

from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.ranking_log import RankingLogEntry
from streams.records import Inbound

logger = logging.getLogger(__name__)


class Learns(Protocol):
    """Learns from entries of the ranking log, see `inference.learning.course.Course`."""

    def learn(self, entry: RankingLogEntry) -> None:
        """Test, then train, on the next entry; one that was learned from already changes nothing."""
        ...


def on_ranking_log(record: Inbound, learner: Learns) -> None:
    """Learn from a record. What is wrong is passed over and logged.

    It is judged as of when it was produced: what is learned must not depend on when it is read.
    """
    try:
        entry: RankingLogEntry = decode(record.topic, record.value, now=record.timestamp)
    except DecodeError as exc:
        logger.warning("%s-%d@%d passed over: %s", record.topic, record.partition, record.offset, exc)
        return
    learner.learn(entry)
