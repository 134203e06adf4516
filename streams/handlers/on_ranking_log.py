"""`ranking-log`: lists as ranked, choices, outcomes, and operators' decisions, in the order of the log.

The trainer learns from every entry; the projector writes the users' features of ranked lists to Feast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.views import has_user_features, user_rows
from inference.learning.examples import check_entry
from schemas.ranking_log import ErasureEntry, Ranked, RankingLogValue
from streams.log.dead_letters import open_record
from streams.log.records import Inbound
from streams.outcomes.projection import NOTHING, Projection

if TYPE_CHECKING:  # the table of routes names this file, and its other readers run without torch
    from inference.learning.online_trainer import OnlineTrainer
    from inference.learning.promotion import PromotionDecision

_PROJECT_NOTHING = (b'{"type":"choice"', b'{"type":"outcome"', b'{"type":"default"')
"""How entries begin that hold no user's features: most of the log, and not worth decoding."""


def on_ranking_log(record: Inbound, online_trainer: OnlineTrainer) -> tuple[PromotionDecision, ...]:
    """Learn from a record and return the promotion decisions that follow from it.

    The record is validated as of when it was produced: what is learned must not depend on when it is read.

    Raises:
        DecodeError: the record is no entry that can be learned from; nothing was learned.
    """
    entry: RankingLogValue = open_record(record, now=record.timestamp)
    check_entry(entry, online_trainer.table, len(online_trainer.plan.columns))
    return online_trainer.learn(entry)


def project_ranking_log(record: Inbound, *, now: float) -> Projection:
    """Return the user's rows of the feature store, of a ranked list with features of this release, or that the user was
    erased.

    Raises:
        DecodeError: the record is no entry; the trainer writes its dead letter.
    """
    if not record.value or record.value.startswith(_PROJECT_NOTHING):
        return NOTHING
    entry: RankingLogValue = open_record(record, now=now)
    if isinstance(entry, ErasureEntry):
        return Projection(erased=entry)
    if not isinstance(entry, Ranked) or not has_user_features(entry.user_features):
        return NOTHING
    rows = user_rows(entry.user_id, entry.feature_time, entry.user_features, entry.user_categories)
    return Projection(rows=tuple(rows))
