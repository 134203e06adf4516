"""Users who come once and never again: their impressions and clicks are counted, once."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from schemas.codec import decode
from schemas.ranking_log import ListOutcome
from schemas.topics import RANKING_LOG
from tests.builders import START, click, impression
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
PEOPLE = [f"once-{number}" for number in range(60)]
LONG_AGO = 2_400.0
LIVE = 120
"""Live events of other users: by them the stream clock is wall time."""
SETTINGS: dict[str, dict[str, Any]] = {
    "trainer": {"challengers": {"quick": {"rate": 1.0}}},
    "experiment": {"name": "spring", "arms": {"fast": {"share": 0.5, "variant": "quick"}}},
}


def outcomes(system: System) -> list[ListOutcome]:
    entries = [decode(RANKING_LOG, record.value, now=time.time()) for record in system.records(RANKING_LOG)]
    return [entry for entry in entries if isinstance(entry, ListOutcome)]


def test_sixty_users_who_never_come_back_give_sixty_outcomes_counted_once(
    make_system: Callable[..., System],
) -> None:
    system = make_system(**SETTINGS)
    system.catalogue()
    system.start()
    ago = time.time() - START - LONG_AGO
    system.send([click(user, f"war-{n % 8}", at=ago) for n, user in enumerate(PEOPLE)])
    system.wait_applied()
    lists = {each.user_id: each.home for each in system.lists()}
    assert lists.keys() == set(PEOPLE)
    shown = {user: tuple(ranked.item_id for ranked in home.items) for user, home in lists.items()}
    for user, home in lists.items():
        first = shown[user][0]
        system.send(
            [
                impression(user, shown[user], home.list_id, at=ago + 10),
                click(user, first, at=ago + 20, list_id=home.list_id),
            ]
        )
    system.send([click(f"live-{n}", f"drama-{n % 8}", at=time.time() - START) for n in range(LIVE)])
    system.wait_applied()
    wait_until(lambda: {o.user_id for o in outcomes(system)} >= set(PEOPLE), seconds=30, what="every user's outcome")
    on_time = [outcome for outcome in outcomes(system) if not outcome.late]
    assert {outcome.list_id: (outcome.shown, outcome.clicked) for outcome in on_time} == {
        home.list_id: (shown[user], shown[user][:1]) for user, home in lists.items()
    }
    assert set(Counter(outcome.list_id for outcome in on_time).values()) == {1}
    arms = json.loads(system.command("experiment", "results", "--json"))["arms"]
    assert sum(arm["seen"] for arm in arms) == len(PEOPLE)
    assert sum(arm["clicks"] for arm in arms) == len(PEOPLE)
