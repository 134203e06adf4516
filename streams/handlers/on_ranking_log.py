"""`ranking-log`: features as ranked, choices and outcomes, and what operators decide, in the order of the log."""

from __future__ import annotations

from inference.learning.examples import check_entry
from inference.learning.online_trainer import OnlineTrainer
from inference.learning.promotion import PromotionDecision
from schemas.ranking_log import RankingLogValue
from streams.log.dead_letters import open_record
from streams.log.records import Inbound


def on_ranking_log(record: Inbound, online_trainer: OnlineTrainer) -> tuple[PromotionDecision, ...]:
    """Learn from a record; what was decided by it.

    It is judged as of when it was produced: what is learned must not depend on when it is read.

    Raises:
        DecodeError: it is no entry that can be learned from; nothing was learned.
    """
    entry: RankingLogValue = open_record(record, now=record.timestamp)
    check_entry(entry, online_trainer.table, len(online_trainer.plan.columns))
    return online_trainer.learn(entry)
