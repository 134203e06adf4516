"""`ranking-log`: features as ranked, choices and outcomes, and what operators decide, in the order of the log."""

from __future__ import annotations

import logging

from inference.learning.course import Course
from inference.learning.gate import Verdict
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.ranking_log import RankingLogValue
from streams.records import Inbound

logger = logging.getLogger(__name__)


def on_ranking_log(record: Inbound, course: Course) -> tuple[Verdict, ...]:
    """Learn from a record; what was decided by it. What is wrong is passed over and logged.

    It is judged as of when it was produced: what is learned must not depend on when it is read.
    """
    try:
        entry: RankingLogValue = decode(record.topic, record.value, now=record.timestamp)
    except DecodeError as exc:
        logger.warning("%s-%d@%d passed over: %s", record.topic, record.partition, record.offset, exc)
        return ()
    return course.learn(entry)
