"""Off-policy estimates from exploring lists recover the true value of policies in a simulated world."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from deploy.cli.evaluation import evaluate
from inference.evaluation.intervals.interval import Interval
from inference.evaluation.off_policy.decisions import decide
from inference.evaluation.off_policy.estimators import By
from inference.evaluation.off_policy.policies import LoggedPolicy
from inference.evaluation.off_policy.ranking_logs import KnownWeights, NothingLogged, evaluate_log, write_lines
from inference.evaluation.off_policy.targets import Target, TargetEvaluator, exploiting, uniform
from inference.learning.weights_file import initial_weights, write_weights
from inference.ranking.features import FeatureTable
from schemas.ranking_log import ListOutcome, Ranked
from tests.unit.deploy.exploration_fixtures import best_kept_secret, lists, log, worth

COLUMNS = FeatureTable().columns
KNOWN = KnownWeights(columns=COLUMNS, weights=initial_weights(COLUMNS))


@cache
def evaluator(by: By) -> TargetEvaluator:
    return TargetEvaluator(lists(), by, draws=200)


@pytest.mark.parametrize(
    ("make", "by"), [(uniform, "item"), (exploiting, "item"), (best_kept_secret, "item"), (uniform, "cascade")]
)
def test_the_true_value_of_a_policy_is_within_four_standard_errors(make: Any, by: By) -> None:
    """One log is one draw: of many 95 % intervals some miss, twice as wide ones hardly ever do."""
    target = make()
    decision, right = decide(target.name, "", evaluator(by).trial(target)), worth(make)
    assert decision.doubly_robust is not None
    for estimate in (decision.ips, decision.snips, decision.doubly_robust):
        assert is_near(estimate, right)
    assert is_near(decision.overlap.mean, 1.0)


def is_near(estimate: Interval, right: float) -> bool:
    return 2.0 * (estimate.low - estimate.value) <= right - estimate.value <= 2.0 * (estimate.high - estimate.value)


@pytest.mark.parametrize("make", [exploiting, best_kept_secret])
def test_an_interval_from_few_lists_carries_a_warning(make: Any) -> None:
    decision = decide("", "", evaluator("cascade").trial(make()))
    assert "little overlap" in " ".join(decision.warnings)


def test_policies_that_differ_are_distinguished() -> None:
    even, best = (decide(t.name, "", evaluator("item").trial(t)) for t in (uniform(), best_kept_secret()))
    assert even.snips.high < best.snips.low
    assert best.difference.low > 0.0


def test_a_policy_without_overlap_carries_a_warning() -> None:
    never = Target("worst", "", lambda one: LoggedPolicy(-np.array(one.draw.scores)))
    warnings = " ".join(decide("worst", "", evaluator("item").trial(never)).warnings)
    assert "no overlap" in warnings
    assert "little overlap" in warnings


def test_unusable_lists_are_counted() -> None:
    evaluated = evaluate_log(log(), KNOWN, ("uniform",), ("place",), clip=np.inf)
    assert set(evaluated.left_out) == {"not drawn", "drawn and not seen"}
    assert evaluated.lists == len(lists())
    assert 0.6 < evaluated.lists / (evaluated.lists + evaluated.left_out["not drawn"]) < 0.95
    assert evaluated.users == 24
    assert evaluated.clicks == sum(
        len(e.clicked) for e in log() if isinstance(e, ListOutcome) and e.list_id in _drawn_ids()
    )
    assert evaluated.best_earned is not None
    assert evaluated.earned.low < evaluated.earned.value < evaluated.earned.high


def _drawn_ids() -> set[str]:
    return {entry.list_id for entry in log() if isinstance(entry, Ranked) and entry.draw is not None}


def test_a_repeated_entry_counts_once() -> None:
    once = evaluate_log(log(), KNOWN, ("exploit",), ("place",), clip=np.inf)
    twice = evaluate_log((*log(), *log()), KNOWN, ("exploit",), ("place",), clip=np.inf)
    assert twice == once


def test_the_usual_targets_and_single_features_are_evaluated_and_others_refused() -> None:
    names = ("model", "exploit", "uniform", "popularity", "covisit")
    evaluated = evaluate_log(log(), KNOWN, names, ("place",), clip=np.inf)
    assert [decision.target for decision in evaluated.decisions] == list(names)
    same = {decision.target: decision.ips for decision in evaluated.decisions}
    assert same["model"].value == pytest.approx(same["exploit"].value), "the same weights have ranked"
    with pytest.raises(NothingLogged, match="'unheard'"):
        evaluate_log(log(), KNOWN, ("unheard",), ("place",), clip=np.inf)


def test_a_target_that_cannot_be_evaluated_says_why() -> None:
    old = KnownWeights(columns=("other",), weights=initial_weights(("other",)))
    evaluated = evaluate_log(log(), old, ("model", "other", "uniform"), ("place",), clip=np.inf)
    assert set(evaluated.not_tried) == {"model", "other"}
    assert [decision.target for decision in evaluated.decisions] == ["uniform"]
    alone = evaluate_log(log(), KnownWeights(columns=COLUMNS), ("model",), ("place",), clip=np.inf)
    assert "--weights" in alone.not_tried["model"]


def test_a_log_without_drawn_lists_says_what_to_do() -> None:
    with pytest.raises(NothingLogged, match=r"ranking\.exploration"):
        evaluate_log((), KNOWN, ("uniform",), ("place",), clip=np.inf)


@pytest.fixture
def command() -> Any:
    app = typer.Typer()
    evaluate.register(app)
    return lambda *words: CliRunner().invoke(app, ["evaluate", "policy", *map(str, words)])


def test_the_command_prints_its_results_and_as_json_for_programs(command: Any, tmp_path: Path) -> None:
    path, weights = tmp_path / "log.jsonl", tmp_path / "weights.npz"
    assert write_lines(path, log()) > 1_000
    path.write_bytes(path.read_bytes() + b'{"type": "nonsense"}\n')
    write_weights(weights, initial_weights(COLUMNS))
    shown = command(path, "--by", "cascade", "--weights", weights)
    assert shown.exit_code == 0, shown.output
    assert all(word in shown.output for word in ("popularity", "doubly robust", "SNIPS", "1 lines refused"))
    output = command(path, "--target", "uniform", "--by", "place", "--json")
    assert output.exit_code == 0
    assert json.loads(output.output)["ranking_log"]["lists"] == len(lists())


def test_the_command_refuses_unknown_options(command: Any, tmp_path: Path) -> None:
    table = tmp_path / "other.csv"
    table.write_text("a,b\n1,2\n")
    assert "Open Bandit" in command(table).output
    assert "'nothing'" in command(table, "--by", "nothing").output
