"""The gate on real servers, while people go on choosing: nobody's list fails for what is decided."""

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
from schemas.topics import MODEL_UPDATES
from tests.builders import click
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
PEOPLE = 60
SETTINGS = {
    "trainer": {
        # What serves first learns next to nothing: the quick one is to be promoted, the wild one is to be refused.
        "rate": 1e-6,
        "challengers": {"quick": {"rate": 1.0}, "wild": {"rate": 1000.0}},
        "publish_every_seconds": 1.0,
    },
    "promotion": {"block": 16, "cool_down": 200},
    "worker": {"prequential_per_batch": 50},
    # The test is about weights that change, not about a machine that is busy with other things.
    "triton": {"timeout_seconds": 2.0},
}


def habits() -> Iterator[list[Click]]:
    """People who mostly go back to their favourites, ten clicks at a time."""
    rng = random.Random(1)
    names = [f"{kind}-{number}" for kind in ("war", "comedy", "drama") for number in range(8)]
    favourites = [rng.sample(names, 4) for _ in range(PEOPLE)]
    for start in count(step=10):
        found = []
        for at in range(start, start + 10):
            user = rng.randrange(PEOPLE)
            name = rng.choice(favourites[user] if rng.random() < 0.7 else names)
            found.append(click(f"u{user}", name, at=at * 40.0))
        yield found


class Life:
    """Events at a steady pace for as long as something is waited for, and what was decided meanwhile."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._habits = habits()
        self.sent: list[Click] = []

    def until(self, holds: Callable[[list[ModelUpdate]], bool], *, what: str) -> list[ModelUpdate]:
        """Go on living until it holds of the decisions; those."""

        def lived() -> bool:
            for _ in range(10):
                clicks = next(self._habits)
                self._system.send(clicks)
                self.sent += clicks
                time.sleep(0.1)
            return holds(self.decisions())

        wait_until(lived, seconds=180, what=what)
        return self.decisions()

    def decisions(self) -> list[ModelUpdate]:
        found = [decode(MODEL_UPDATES, record.value, now=time.time()) for record in self._system.records(MODEL_UPDATES)]
        return list({update.decision_id: update for update in found if update.decision_id}.values())


def pairs(made: list[ModelUpdate]) -> set[tuple[str, str]]:
    return {(update.decision, update.variant) for update in made}


def test_models_change_places_and_nobody_waits_for_it(make_system: Callable[..., System], tmp_path: Path) -> None:
    system = make_system(**SETTINGS)
    system.catalogue()
    system.start()
    system.start("trainer")
    life = Life(system)

    # 1 the better challenger is promoted, the bad one refused
    wanted = {("promoted", "quick"), ("refused", "wild")}
    life.until(lambda made: wanted <= pairs(made), what="promoted and refused")
    shown = system.command("models", "list")
    assert [line.split()[:2] for line in shown.splitlines() if "quick" in line] == [["quick", "champion"]]

    # 2 an operator promotes weights that are spoilt; they serve, and are rolled back by themselves
    good = read_weights(system.settings.data_dir / "models" / "ranker" / "weights.npz")
    spoilt = {name: part if name in ("inner", "bias") else -part for name, part in good.arrays.items()}
    write_weights(tmp_path / "spoilt.npz", replace(good, arrays=spoilt))
    system.command("models", "promote", "--weights", str(tmp_path / "spoilt.npz"), "--reason", "a friend's advice")
    made = life.until(lambda made: ("rolled-back", "quick") in pairs(made), what="rolled back")

    # 3 all that was decided can be read, with the reasons
    by_hand, back = made[-2], made[-1]
    assert (by_hand.decision, by_hand.by, by_hand.reason) == ("promoted", "operator", "a friend's advice")
    assert (back.decision, back.by, back.against) == ("rolled-back", "gate", by_hand.variant)
    assert back.difference is not None
    assert back.difference.lower > 0.002
    told = system.command("models", "history")
    assert all(word in told for word in ("a friend's advice", "rolled-back", "refused", by_hand.variant))

    # 4 whoever did something has a list for it, each ranked by the served model, spoilt or not
    system.wait_applied()
    lists = system.lists()
    assert {event.event_id for event in life.sent} <= {event for made in lists for event in made.trigger_event_ids}
    assert [made.degradations for made in lists if made.degradations] == []
    served = {made.model_version for made in lists}
    assert {by_hand.version, back.version} <= served
