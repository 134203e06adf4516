"""Baselines: models of the literature behind the interface of the simple baselines, tuned before evaluation.

They need the optional dependencies `baselines` (implicit, scipy) and `torch`, which are imported on construction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from inference.evaluation.baselines.simple import SimpleBaseline
from inference.evaluation.baselines.tuned import Parameters, Tuned


def _ease(**parameters: float) -> SimpleBaseline:
    from inference.evaluation.baselines.ease import Ease

    return Ease(**parameters)  # type: ignore[arg-type]


def _als(**parameters: float) -> SimpleBaseline:
    from inference.evaluation.baselines.implicit_als import ImplicitAls

    return ImplicitAls(**parameters)  # type: ignore[arg-type]


def _gru4rec(**parameters: float) -> SimpleBaseline:
    from inference.evaluation.baselines.gru4rec import Gru4Rec

    return Gru4Rec(**parameters)  # type: ignore[arg-type]


def _vsknn(**parameters: float) -> SimpleBaseline:
    from inference.evaluation.baselines.vsknn import VSknn

    return VSknn(**parameters)  # type: ignore[arg-type]


def _tifuknn(**parameters: float) -> SimpleBaseline:
    from inference.evaluation.baselines.tifuknn import Tifuknn

    return Tifuknn(**parameters)  # type: ignore[arg-type]


def _tuned(make: Callable[..., SimpleBaseline], *trials: Parameters) -> Callable[..., Tuned]:
    return partial(Tuned, make, trials)


FULL: dict[str, Callable[..., Tuned]] = {
    "EASE": _tuned(_ease, {"penalty": 50.0}, {"penalty": 200.0}, {"penalty": 1_000.0}),
    "implicit ALS": _tuned(
        _als,
        {"factors": 64, "alpha": 1.0},
        {"factors": 64, "alpha": 20.0},
        {"factors": 128, "alpha": 5.0},
        {"factors": 32, "alpha": 5.0},
    ),
    "GRU4Rec": _tuned(
        _gru4rec,
        {"rate": 1e-3, "epochs": 2},
        {"rate": 5e-4, "epochs": 2},
        {"rate": 2e-3, "epochs": 2},
        {"rate": 2e-4, "epochs": 2},
        {"rate": 5e-3, "epochs": 2},
        {"rate": 1e-3, "epochs": 4},
        {"rate": 1e-3, "epochs": 2, "width": 128},
    ),
    "V-SKNN": _tuned(
        _vsknn,
        {"neighbours": 100, "sample": 500},
        {"neighbours": 500, "sample": 1_000},
        {"neighbours": 100, "sample": 500, "whole": False},
        {"neighbours": 100, "sample": 500, "whole": False, "again": True},
        {"neighbours": 500, "sample": 1_000, "whole": False},
    ),
    "TIFUKNN": _tuned(
        _tifuknn,
        {},
        {"own": 0.9},
        {"own": 0.7, "across": 0.9},
        {"neighbours": 900, "own": 0.5},
    ),
}
"""The factory of each baseline by name; its trials are its whole tuning budget."""
NEEDS: dict[str, tuple[str, ...]] = {
    "EASE": (),
    "implicit ALS": ("implicit", "scipy"),
    "GRU4Rec": ("torch",),
    "V-SKNN": (),
    "TIFUKNN": ("scipy",),
}
"""The optional packages that each baseline imports."""
