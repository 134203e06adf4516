"""All kernels."""

from __future__ import annotations

from typing import Any

from inference.kernels.best_scores import best_scores
from inference.kernels.kernel import Kernel
from inference.kernels.merged_proposals import merged_proposals
from inference.kernels.neighbour_sums import neighbour_sums, neighbours_around, strongest_causes
from inference.kernels.posting_addends import posting_addends
from inference.kernels.taste_shares import taste_shares

KERNELS: tuple[Kernel[..., Any], ...] = (
    neighbour_sums,
    neighbours_around,
    strongest_causes,
    best_scores,
    merged_proposals,
    posting_addends,
    taste_shares,
)
