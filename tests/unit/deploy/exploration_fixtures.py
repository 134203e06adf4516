"""A simulation in which lists explore and users click by known probabilities, so every policy's value is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from features.memory_state import MemoryStateStore
from inference.evaluation.off_policy.logged_lists import LoggedList, seen_lists
from inference.evaluation.off_policy.policies import LoggedPolicy, marginals
from inference.evaluation.off_policy.ranking_logs import read_lines
from inference.evaluation.off_policy.targets import Target
from inference.exploration import Exploration
from schemas.interactions import Click, Impression
from schemas.ranking_log import RankingLogEntry
from schemas.topics import INTERACTIONS, RANKING_LOG
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, event_id, make_deps, newest_list, small_catalogue

LEFT = (0.7, 0.5, 0.35, 0.2)
"""The share of an item's appeal at each examined position."""
VISITS = 40
APPEAL = {f"{kind}-{n}": (n % 4) / 4.0 for kind in ("war", "comedy", "drama") for n in range(8)}


@cache
def log() -> tuple[RankingLogEntry, ...]:
    """Return lists and clicks of users who return about hourly, examine the top of their list, and click by appeal."""
    runner = InMemoryRunner(make_deps(exploration=Exploration(rate=0.8, temperature=8.0, top=8)), MemoryStateStore())
    small_catalogue(runner)
    rng = np.random.default_rng(5)
    for visit in range(VISITS):
        for number in range(24):
            _visit(runner, f"u{number}", START + visit * 3_600.0 + number, keen=0.5 + number % 2, rng=rng)
    return tuple(
        read_lines([r.value or b"" for r in runner.log.records(RANKING_LOG)], now=START + 1e6, refused=Counter())
    )


def _visit(runner: InMemoryRunner, user: str, at: float, *, keen: float, rng: np.random.Generator) -> None:
    if at < START + 3_600.0:
        _send(runner, Click(event_id=event_id(), user_id=user, event_time=at, item_id="war-0"))  # type: ignore[arg-type]
        return
    seen = newest_list(runner, user).home
    items = tuple(item.item_id for item in seen.items)
    shown: Any = {"user_id": user, "list_id": seen.list_id}
    _send(runner, Impression(event_id=event_id(), event_time=at, items=items, **shown))
    for item, left in zip(items, LEFT, strict=False):
        if rng.random() < min(1.0, keen * APPEAL[item] * left):
            _send(runner, Click(event_id=event_id(), event_time=at + 5.0, item_id=item, **shown))


def _send(runner: InMemoryRunner, event: Click | Impression) -> None:
    runner.send(INTERACTIONS, event.user_id, event)
    runner.run()


@cache
def lists() -> tuple[LoggedList, ...]:
    return seen_lists(log()).lists


def best_kept_secret() -> Target:
    """Return a policy that ranks by true appeal."""
    return Target("appealing", "", lambda entry: LoggedPolicy(np.array([APPEAL[item] for item in entry.draw.items])))


@cache
def worth(make: Callable[[], Target]) -> float:
    """Return the target's true value in these contexts, by the simulation."""
    total, target = 0.0, make()
    for entry in lists():
        shares = marginals(target.fill(entry), entry.rules, len(LEFT), np.random.default_rng(0), draws=200)
        keen = 0.5 + int(entry.user_id[1:]) % 2
        chance = np.minimum(1.0, keen * np.array([APPEAL[item] for item in entry.draw.items]) * np.array(LEFT)[:, None])
        total += float((shares * chance).sum())
    return total / len(lists())
