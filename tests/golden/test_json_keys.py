"""The keys of JSON that users read stay, whatever the fields are named in Python."""

from __future__ import annotations

import msgspec
import pytest

from deploy.demo.console_report import DemoSummary
from deploy.gateway.handlers.reads import MemoryEntry, SimilarItem
from inference.evaluation.experiments.arm_results import ExperimentResults
from inference.evaluation.off_policy.open_bandit import Checked
from inference.evaluation.off_policy.ranking_logs import EvaluatedPolicy
from schemas.model_updates import ModelUpdate, VariantStatus
from schemas.plans import PlanEntry
from schemas.ranking_log import Choice, Command
from schemas.statistics import ItemDelta, ItemStatistics
from streams.backtest.results import BacktestResults

KEYS: dict[type[msgspec.Struct], set[str]] = {
    MemoryEntry: {"memory_id", "predicate", "value", "likeness", "confidence"},
    SimilarItem: {"item_id", "likeness", "title"},
    DemoSummary: {"data", "events", "judged", "measures"},
    BacktestResults: {"data", "rows", "judged", "systems", "differences", "losses", "speed"},
    EvaluatedPolicy: {"lists", "users", "clicks", "left_out", "verdicts"},
    Checked: {"verdicts"},
    ExperimentResults: {"experiment", "against", "arms", "between", "taken", "paired", "sample_ratio"},
    ModelUpdate: {"lineage", "against", "standings", "decision", "uri"},
    VariantStatus: {"lineage", "role", "recipe", "gain", "hit_rate", "loss"},
    PlanEntry: {"verdict", "decision"},
    Choice: {"places", "rank", "chosen"},
    Command: {"lineage", "action"},
    ItemDelta: {"situation", "before"},
    ItemStatistics: {"situations", "popularity", "covisits", "transitions"},
}


@pytest.mark.parametrize("kind", KEYS, ids=lambda kind: kind.__name__)
def test_json_keeps_its_keys(kind: type[msgspec.Struct]) -> None:
    assert KEYS[kind] <= {field.encode_name for field in msgspec.structs.fields(kind)}
