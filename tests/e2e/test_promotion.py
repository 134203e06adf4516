"""The promotion policy on real servers under traffic: no list fails because of a decision."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from inference.learning.weights_file import read_weights, write_weights
from schemas.codec import decode
from schemas.interactions import Click
from schemas.model_updates import ModelUpdate
from schemas.recommendations import OVERLOADED
from schemas.topics import MODEL_UPDATES
from tests.builders import click
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
PEOPLE = 60
SETTINGS = {
    "trainer": {
        # The first champion learns next to nothing: the quick variant is promoted, the wild one refused.
        "rate": 1e-6,
        "challengers": {"quick": {"rate": 1.0}, "wild": {"rate": 1000.0}},
        "publish_every_seconds": 1.0,
    },
    "promotion": {"block": 16, "cool_down": 200},
    "worker": {"prequential_per_batch": 50},
    # The test is about weights that change, not about a busy machine.
    "triton": {"timeout_seconds": 2.0},
}


def habits() -> Iterator[list[Click]]:
    """Yield ten clicks at a time, of users who mostly return to their favourites."""
    rng = random.Random(1)
    names = [f"{kind}-{number}" for kind in ("war", "comedy", "drama") for number in range(8)]
    favourites = [rng.sample(names, 4) for _ in range(PEOPLE)]
    for start in count(step=10):
        clicks = []
        for at in range(start, start + 10):
            user = rng.randrange(PEOPLE)
            name = rng.choice(favourites[user] if rng.random() < 0.7 else names)
            clicks.append(click(f"u{user}", name, at=at * 40.0))
        yield clicks


class Traffic:
    """Events at a steady rate while a test waits, and the decisions in the meantime."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._habits = habits()
        self.sent: list[Click] = []

    def until(self, holds: Callable[[list[ModelUpdate]], bool], *, what: str) -> list[ModelUpdate]:
        """Send events until it holds for the decisions, and return those."""

        def holds_after_more_events() -> bool:
            for _ in range(10):
                clicks = next(self._habits)
                self._system.send(clicks)
                self.sent += clicks
                time.sleep(0.1)
            return holds(self.decisions())

        wait_until(holds_after_more_events, seconds=180, what=what)
        return self.decisions()

    def decisions(self) -> list[ModelUpdate]:
        updates = [
            decode(MODEL_UPDATES, record.value, now=time.time()) for record in self._system.records(MODEL_UPDATES)
        ]
        return list({update.decision_id: update for update in updates if update.decision_id}.values())


def pairs(decisions: list[ModelUpdate]) -> set[tuple[str, str]]:
    return {(update.decision, update.variant) for update in decisions}


def test_champions_change_and_no_list_waits_for_it(make_system: Callable[..., System], tmp_path: Path) -> None:
    system = make_system(**SETTINGS)
    system.catalogue()
    system.start()
    system.start("trainer")
    traffic = Traffic(system)

    # 1 the better challenger is promoted, the bad one refused
    expected = {("promoted", "quick"), ("refused", "wild")}
    traffic.until(lambda decisions: expected <= pairs(decisions), what="promoted and refused")
    shown = system.command("models", "list")
    assert [line.split()[:2] for line in shown.splitlines() if "quick" in line] == [["quick", "champion"]]

    # 2 an operator promotes spoilt weights; they serve, and are rolled back automatically
    good = read_weights(system.settings.data_dir / "models" / "ranker" / "weights.npz")
    spoilt = {name: part if name in ("inner", "bias") else -part for name, part in good.arrays.items()}
    write_weights(tmp_path / "spoilt.npz", replace(good, arrays=spoilt))
    system.command("models", "promote", "--weights", str(tmp_path / "spoilt.npz"), "--reason", "a friend's advice")
    decisions = traffic.until(lambda decisions: ("rolled-back", "quick") in pairs(decisions), what="rolled back")

    # 3 all decisions can be read, with their reasons
    by_hand, back = decisions[-2], decisions[-1]
    assert (by_hand.decision, by_hand.by, by_hand.reason) == ("promoted", "operator", "a friend's advice")
    assert (back.decision, back.by, back.against) == ("rolled-back", "gate", by_hand.variant)
    assert back.difference is not None
    assert back.difference.lower > 0.002
    output = system.command("models", "history")
    assert all(word in output for word in ("a friend's advice", "rolled-back", "refused", by_hand.variant))

    # 4 every event is answered by a list of the served model, spoilt or not
    system.wait_applied()
    lists = system.lists()
    assert {event.event_id for event in traffic.sent} <= {event for each in lists for event in each.trigger_event_ids}
    assert {degradation for each in lists for degradation in each.degradations} <= {OVERLOADED}
    served = {each.model_version for each in lists}
    assert {by_hand.version, back.version} <= served
