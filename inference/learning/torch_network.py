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


def slope(parts: Parts, found: Parts, features: torch.Tensor, target: torch.Tensor, offset: torch.Tensor) -> None:
    """How the mean cross-entropy of softmax over each example's rows changes with each parameter: written to `found`.

    `features [examples, rows, features]`, `target` (weight of what was taken) and `offset` (added to the scores; -inf
    where there is no row) `[examples, rows]`.
    """
    flat = features.view(-1, features.shape[-1])
    hidden = torch.addmm(parts["bias"], flat, parts["inner"]).tanh_()
    scores = torch.addmv(torch.mv(flat, parts["linear"]), hidden, parts["outer"]).view(target.shape).add_(offset)
    share = torch.softmax(scores, dim=-1)
    error = share.mul_(target.sum(dim=-1, keepdim=True)).sub_(target).div_(len(target)).view(-1)
    back = torch.outer(error, parts["outer"])
    torch.mv(flat.T, error, out=found["linear"])
    torch.mv(hidden.T, error, out=found["outer"])
    back.addcmul_(back, hidden.square_(), value=-1.0)
    torch.mm(flat.T, back, out=found["inner"])
    torch.sum(back, dim=0, out=found["bias"])
