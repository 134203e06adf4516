"""The network of `inference.ranking.network` in torch, over one flat vector of parameters.

Its slope is written out: for a network of this size that takes half the time of recording it (a test holds the two to
each other).
"""

from __future__ import annotations

from math import prod

import numpy as np
import torch

from inference.ranking.network import Arrays

Parts = dict[str, torch.Tensor]


def flatten(arrays: Arrays) -> torch.Tensor:
    """All parameters in one vector, parts in the order of `arrays`."""
    return torch.cat([torch.from_numpy(np.ascontiguousarray(part)).reshape(-1) for part in arrays.values()]).clone()


def unflatten(flat: torch.Tensor, shapes: dict[str, tuple[int, ...]]) -> Parts:
    """The vector's parts by name, as views: they follow it when it is changed in place."""
    parts = torch.split(flat, [prod(shape) for shape in shapes.values()])
    return {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def forward(parts: Parts, features: torch.Tensor) -> torch.Tensor:
    """Scores `[..]` of `features [.., features]`."""
    hidden = torch.tanh(features @ parts["inner"] + parts["bias"])
    return hidden @ parts["outer"] + features @ parts["linear"]


def slope(parts: Parts, features: torch.Tensor, target: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """How the mean cross-entropy of softmax over each example's rows changes with each parameter: a flat vector.

    `features [examples, rows, features]`, `target` (weight of what was taken) and `offset` (added to the scores; -inf
    where there is no row) `[examples, rows]`. Parts come in the order of `parts`.
    """
    flat = features.reshape(-1, features.shape[-1])
    hidden = torch.tanh(torch.addmm(parts["bias"], flat, parts["inner"]))
    scores = (hidden @ parts["outer"] + flat @ parts["linear"]).view(target.shape) + offset
    share = torch.softmax(scores, dim=-1)
    error = ((share * target.sum(dim=-1, keepdim=True) - target) / len(target)).reshape(-1)
    back = torch.outer(error, parts["outer"]) * (1.0 - hidden * hidden)
    slopes = {"linear": error @ flat, "inner": flat.T @ back, "bias": back.sum(dim=0), "outer": error @ hidden}
    return torch.cat([slopes[name].reshape(-1) for name in parts])
