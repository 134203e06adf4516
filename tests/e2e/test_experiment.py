"""An experiment on real servers: Triton ranks for each arm by its own weights, lists say so, results can be read."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.learning.weights_file import Weights, read_weights
from inference.ranking.network import forward
from schemas.codec import decode
from schemas.ids import ItemId
from schemas.interactions import Click, Impression
from schemas.ranking_log import Choice, Ranked
from schemas.recommendations import Recommendation
from schemas.topics import RANKING_LOG
from tests.builders import START, click, impression
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
PEOPLE = [f"u{number}" for number in range(40)]
VISITS = 12
SETTINGS: dict[str, dict[str, Any]] = {
    "trainer": {
        # What serves learns next to nothing, so that the arms' weights are others than its.
        "rate": 1e-6,
        "challengers": {"quick": {"rate": 1.0}, "wild": {"rate": 3.0}},
        "publish_every_seconds": 1.0,
    },
    # Nobody is to take the champion's place meanwhile.
    "promotion": {"minimum_effect": 0.9},
    "experiment": {
        "name": "spring",
        "arms": {"fast": {"share": 0.5, "variant": "quick"}, "shadow": {"variant": "wild"}},
    },
    "worker": {"prequential_per_batch": 50},
    # The test is about whose weights rank, not about a machine that is busy with other things.
    "triton": {"timeout_seconds": 2.0},
}


def visit(system: System, number: int, rng: random.Random) -> None:
    """Everybody chooses a favourite; whoever has a list is shown it, and clicks on one or two of its items."""
    at, events = number * 2_500.0, list[Click | Impression]()
    newest = {made.user_id: made for made in sorted(system.lists(), key=lambda made: made.version)}
    for place, user in enumerate(PEOPLE):
        kind = ("war", "comedy", "drama")[place % 3]
        events.append(click(user, f"{kind}-{rng.randrange(8)}", at=at))
        if user in newest:
            home = newest[ItemId(user)].home  # type: ignore[index]
            items = tuple(each.item_id for each in home.items)
            events.append(impression(user, items, home.list_id, at=at + 10.0))
            liked = [item for item in items if item.startswith(kind)][: rng.randrange(3)]
            events += [click(user, item, at=at + 20.0 + n, list_id=home.list_id) for n, item in enumerate(liked)]
    system.send(events)
    system.wait_applied()


def kept_versions(system: System) -> dict[int, Weights]:
    """The weights of all arms that are kept now; the trainer may remove an old file between its listing and reading."""
    found: dict[int, Weights] = {}
    for path in (system.settings.data_dir / "models" / "ranker" / "versions").glob("*.npz"):
        with suppress(FileNotFoundError):
            weights = read_weights(path)
            if set(weights.others) == {"quick", "wild"}:
                found[weights.version] = weights
    return found


def scores(made: Ranked, weights: Weights, variant: str) -> np.ndarray:
    features = np.frombuffer(made.features, "<f4").reshape(len(made.items), -1)
    return forward(weights.of(variant), features)


def test_arms_are_served_by_their_own_weights_and_their_results_can_be_read(
    make_system: Callable[..., System], tmp_path: Path
) -> None:
    system, rng = make_system(**SETTINGS), random.Random(1)
    system.catalogue()
    system.start()
    system.start("trainer")
    first = set(kept_versions(system))
    visit(system, 0, rng)
    wait_until(lambda: bool(set(kept_versions(system)) - first), seconds=60, what="weights of all arms are published")
    held: dict[int, Weights] = {}
    for number in range(1, VISITS):
        visit(system, number, rng)
        held |= kept_versions(system)

    # 1 every list says the arm that `assign` says, on the topic and in the log
    arms = json.loads(system.command("experiment", "assign", *PEOPLE, "--json"))["arms"]
    assert set(arms.values()) == {"control", "fast"}
    lists = {made.home.list_id: made for made in system.lists()}
    assert {made.user_id: made.arm for made in lists.values()} == arms
    entries = [decode(RANKING_LOG, record.value, now=START + 1e9) for record in system.records(RANKING_LOG)]
    ranked = [entry for entry in entries if isinstance(entry, Ranked)]
    assert {(entry.user_id, entry.experiment, entry.arm) for entry in ranked} == {
        (u, "spring", a) for u, a in arms.items()
    }

    # 2 Triton ranked each by the weights of their arm: the scores are those of the version and lineage, and no others'
    checked = {"control": 0, "fast": 0}
    for entry in ranked:
        if entry.model_version in held and not entry.as_champion:
            checked[entry.arm or ""] += _is_ranked_by_its_arm(entry, lists[entry.list_id], held[entry.model_version])
    assert min(checked.values()) > 40
    late = [made for made in lists.values() if made.event_time > START + 2_500.0]
    assert [made.degradations for made in late if made.degradations] == []

    # 3 all arms, the shadow too, say where they would have put what was taken
    choices = [entry for entry in entries if isinstance(entry, Choice) and entry.places]
    assert {tuple(sorted(entry.places)) for entry in choices[-100:]} == {("control", "fast", "shadow")}
    assert any(entry.places["control"] != entry.places["shadow"] for entry in choices)

    # 4 results are the same from the topic and from a file
    told = system.command("experiment", "results")
    assert all(word in told for word in ("experiment spring", "clicks per list seen", "shadow", "to control"))
    found = json.loads(system.command("experiment", "results", "--json"))
    assert {arm["arm"]: arm["people"] > 0 for arm in found["arms"]} == {"control": True, "fast": True, "shadow": False}
    assert sum(arm["people"] for arm in found["arms"]) == len(PEOPLE)
    assert all(arm["seen"] > 100 for arm in found["arms"] if arm["people"])
    assert {metric["name"] for metric in found["paired"]} == {"gain", "within the first 10"}
    system.command("evaluate", "export", str(tmp_path / "log.jsonl"))
    exported = json.loads(system.command("experiment", "results", str(tmp_path / "log.jsonl"), "--json"))
    assert exported == found


def _is_ranked_by_its_arm(entry: Ranked, made: Recommendation, weights: Weights) -> bool:
    """Whether the list's scores tell the two lineages apart; if so, they must be those of the person's own."""
    given = np.array([item.score for item in made.home.items])
    own, other = ("quick", "") if entry.arm == "fast" else ("", "quick")
    assert np.allclose(scores(entry, weights, own), given, atol=1e-4)
    return not np.allclose(scores(entry, weights, other), given, atol=1e-2)
