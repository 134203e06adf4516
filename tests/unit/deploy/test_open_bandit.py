"""Two policies ran side by side: the log of each estimates what the other earned."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from deploy.cli.evaluation import evaluate
from inference.evaluation.off_policy.open_bandit import bandit_of, check, is_bandit, policy_of

ITEMS, POSITIONS, ROWS = 6, 3, 60_000
APPEAL = np.linspace(0.02, 0.3, ITEMS)


def table(shares: np.ndarray, seed: int) -> pd.DataFrame:
    """Return impressions by these shares `[items]`, equal at each position; clicks decrease with position and item."""
    rng = np.random.default_rng(seed)
    items, positions = rng.choice(ITEMS, ROWS, p=shares), rng.integers(POSITIONS, size=ROWS)
    clicks = rng.random(ROWS) < APPEAL[items] / (1 + positions)
    return pd.DataFrame(
        {"item_id": items, "position": positions + 1, "click": clicks.astype(int), "propensity_score": shares[items]}
    )


RANDOM = np.full(ITEMS, 1.0 / ITEMS)
CLEVER = np.arange(1, ITEMS + 1) / (ITEMS * (ITEMS + 1) / 2)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "random.parquet", tmp_path / "clever.parquet"]
    for path, (shares, seed) in zip(paths, ((RANDOM, 1), (CLEVER, 2)), strict=True):
        table(shares, seed).to_parquet(path)
    return paths


def test_each_log_estimates_what_the_other_policy_earned(files: list[Path]) -> None:
    logs = [bandit_of(path, pd.read_parquet(path)) for path in files]
    truth = {"random": RANDOM, "clever": CLEVER}
    for checked in check(logs, clip=np.inf):
        [decision] = checked.decisions
        right = float((truth[decision.target] * APPEAL).sum() * np.mean(1.0 / np.arange(1, POSITIONS + 1)))
        assert decision.doubly_robust is not None
        for estimate in (decision.ips, decision.snips, decision.doubly_robust, checked.own[decision.target]):
            assert estimate.low <= right <= estimate.high
        assert decision.warnings == ()
        assert not checked.earned.low <= right <= checked.earned.high, "or there would be nothing to tell apart"


def test_a_varying_policy_is_estimated_by_shares_of_impressions_and_a_random_one_is_uniform(files: list[Path]) -> None:
    random, clever = (bandit_of(path, pd.read_parquet(path)) for path in files)
    assert policy_of(random, random.shape) == pytest.approx(np.full((POSITIONS, ITEMS), 1.0 / ITEMS))
    assert policy_of(clever, clever.shape) == pytest.approx(np.tile(CLEVER, (POSITIONS, 1)), abs=0.02)


def test_a_log_without_overlap_carries_a_warning(tmp_path: Path) -> None:
    narrow = np.array([1.0 - 5e-5 * 5, *[5e-5] * 5])
    logs = [
        bandit_of(tmp_path / "narrow.parquet", table(narrow, 3)),
        bandit_of(tmp_path / "all.parquet", table(RANDOM, 4)),
    ]
    [decision] = check(logs, clip=np.inf)[0].decisions
    assert any("no overlap for 83%" in warning for warning in decision.warnings)


def test_the_command_shows_both_sides(files: list[Path]) -> None:
    app = typer.Typer()
    evaluate.register(app)
    words = ["evaluate", "policy", *map(str, files)]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert all(word in shown.output for word in ("random: 60,000 impressions", "its own log", "doubly robust"))
    results = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert [log["log"] for log in results["open_bandit"]] == ["random", "clever"]


def test_other_tables_are_refused(files: list[Path]) -> None:
    assert is_bandit(pd.read_parquet(files[0]))
    assert not is_bandit(pd.DataFrame({"item_id": [1], "click": [0]}))
