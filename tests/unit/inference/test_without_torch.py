"""A worker's image has no torch: whatever ranks must be importable without it."""

from __future__ import annotations

import subprocess
import sys

RANKING = (
    "inference.items.table",
    "inference.recommender",
    "inference.local_ranker",
    "inference.fallback_ranker",
    "inference.triton_ranker",
    "inference.learning.weights_file",
    "inference.learning.sampling",
    "inference.evaluation.baselines.simple",
    "inference.evaluation.baselines",
    "inference.exploration",
)


def test_a_worker_ranks_without_torch() -> None:
    hidden = "import sys; sys.modules['torch'] = None; "
    imports = "; ".join(f"import {name}" for name in RANKING)
    done = subprocess.run([sys.executable, "-c", hidden + imports], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
