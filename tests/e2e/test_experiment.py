"""An experiment on real servers: Triton ranks each arm by its weights, lists name the arm, results can be read."""

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
        # The champion learns next to nothing, so that its weights differ from those of the arms.
        "rate": 1e-6,
        "challengers": {"quick": {"rate": 1.0}, "wild": {"rate": 3.0}},
        "publish_every_seconds": 1.0,
    },
    # No challenger is promoted during the test.
    "promotion": {"minimum_effect": 0.9},
    "experiment": {
        "name": "spring",
        "arms": {"fast": {"share": 0.5, "variant": "quick"}, "shadow": {"variant": "wild"}},
    },
    "worker": {"prequential_per_batch": 50},
    # The test is about whose weights rank, not about a busy machine.
    "triton": {"timeout_seconds": 2.0},
}


def visit(system: System, number: int, rng: random.Random) -> None:
    """Send a choice of every user; users with a list are shown it and click on up to two of its items."""
    at, events = number * 2_500.0, list[Click | Impression]()
    newest = {each.user_id: each for each in sorted(system.lists(), key=lambda each: each.version)}
    for index, user in enumerate(PEOPLE):
        kind = ("war", "comedy", "drama")[index % 3]
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
    """Return the present weights of all arms; the trainer may remove an old file between listing and reading."""
    versions: dict[int, Weights] = {}
    for path in (system.settings.data_dir / "models" / "ranker" / "versions").glob("*.npz"):
        with suppress(FileNotFoundError):
            weights = read_weights(path)
            if set(weights.others) == {"quick", "wild"}:
                versions[weights.version] = weights
    return versions


def scores(entry: Ranked, weights: Weights, variant: str) -> np.ndarray:
    features = np.frombuffer(entry.features, "<f4").reshape(len(entry.items), -1)
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
    versions: dict[int, Weights] = {}
    for number in range(1, VISITS):
        visit(system, number, rng)
        versions |= kept_versions(system)

    # 1 every list names the arm of `assign`, on the topic and in the log
    arms = json.loads(system.command("experiment", "assign", *PEOPLE, "--json"))["arms"]
    assert set(arms.values()) == {"control", "fast"}
    lists = {each.home.list_id: each for each in system.lists()}
    assert {each.user_id: each.arm for each in lists.values()} == arms
    entries = [decode(RANKING_LOG, record.value, now=START + 1e9) for record in system.records(RANKING_LOG)]
    ranked = [entry for entry in entries if isinstance(entry, Ranked)]
    assert {(entry.user_id, entry.experiment, entry.arm) for entry in ranked} == {
        (u, "spring", a) for u, a in arms.items()
    }

    # 2 Triton ranks by the weights of the arm: scores are those of its version and model variant alone
    checked = {"control": 0, "fast": 0}
    for entry in ranked:
        if entry.model_version in versions and not entry.as_champion:
            checked[entry.arm or ""] += _is_ranked_by_its_arm(
                entry, lists[entry.list_id], versions[entry.model_version]
            )
    assert min(checked.values()) > 40
    late = [each for each in lists.values() if each.event_time > START + 2_500.0]
    assert [each.degradations for each in late if each.degradations] == []

    # 3 all arms, the shadow too, log their rank of the chosen item
    choices = [entry for entry in entries if isinstance(entry, Choice) and entry.ranks]
    assert {tuple(sorted(entry.ranks)) for entry in choices[-100:]} == {("control", "fast", "shadow")}
    assert any(entry.ranks["control"] != entry.ranks["shadow"] for entry in choices)

    # 4 results are the same from the topic and from a file
    output = system.command("experiment", "results")
    assert all(word in output for word in ("experiment spring", "clicks per list seen", "shadow", "to control"))
    results = json.loads(system.command("experiment", "results", "--json"))
    assert {arm["arm"]: arm["people"] > 0 for arm in results["arms"]} == {
        "control": True,
        "fast": True,
        "shadow": False,
    }
    assert sum(arm["people"] for arm in results["arms"]) == len(PEOPLE)
    assert all(arm["seen"] > 100 for arm in results["arms"] if arm["people"])
    assert {metric["name"] for metric in results["paired"]} == {"gain", "within the first 10"}
    system.command("evaluate", "export", str(tmp_path / "log.jsonl"))
    exported = json.loads(system.command("experiment", "results", str(tmp_path / "log.jsonl"), "--json"))
    assert exported == results


def _is_ranked_by_its_arm(entry: Ranked, recommendation: Recommendation, weights: Weights) -> bool:
    """Check the list's scores against those of its arm; returns whether they differ from the other variant's."""
    published = np.array([item.score for item in recommendation.home.items])
    own, other = ("quick", "") if entry.arm == "fast" else ("", "quick")
    assert np.allclose(scores(entry, weights, own), published, atol=1e-4)
    return not np.allclose(scores(entry, weights, other), published, atol=1e-2)
