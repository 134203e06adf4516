"""All kernels."""

from __future__ import annotations

from typing import Any

from inference.kernels.best_scores import best_scores
from inference.kernels.kernel import Kernel
from inference.kernels.merged_proposals import merged_proposals, proposal_votes
from inference.kernels.neighbour_sums import neighbour_sums, neighbours_around, strongest_causes

KERNELS: tuple[Kernel[..., Any], ...] = (
    neighbour_sums,
    neighbours_around,
    strongest_causes,
    best_scores,
    merged_proposals,
    proposal_votes,
)
