"""The table of attacks: what each crowd does, one row per attack.

The push attacks follow the shilling literature: bandwagon, average and segment profiles (Lam and Riedl, WWW 2004;
Mobasher et al., ACM TOIT 2007), whose size is a share of the honest users. The others forge the signals of a stream:
what is chosen after what, first choices, repeats, and event times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from msgspec import Struct

from features.decay import DAY
from schemas.ids import EventId, ItemId, UserId
from schemas.interactions import Click, Interaction, Rating
from streams.attacks.scene import Scene, Target

HOUR = 3_600.0
SECONDS_BETWEEN = 20.0
"""Seconds between two events of an account's session."""

Choices = list[tuple[ItemId, float | None]]
"""One account's choices in their order: the item, and the rating where the log has ratings."""
Pattern = Callable[[Scene, ItemId, int, np.random.Generator], Choices]
"""Return the choices of one account: `pattern(scene, target, size, rng)`."""


class Attack(Struct, frozen=True, kw_only=True):
    """One row of the table.

    So many `accounts`, or a `share` of the honest users, each follow the `pattern` with its `size` once within
    `seconds` from the beginning of the attack. Events are dated `ahead` seconds. With `sleeps` the account makes its
    last choice, that of the target, so many seconds after the ones before.
    """

    name: str
    pattern: Pattern
    size: int = 1
    accounts: int = 0
    share: float = 0.0
    seconds: float = HOUR
    target: Target = "obscure"
    ahead: float = 0.0
    sleeps: float = 0.0
    reach: float = 0.01
    """The largest exposure that the defences promise."""

    def crowd(self, scene: Scene) -> int:
        """Return how many accounts take part: at least one."""
        return self.accounts or max(1, round(self.share * scene.users))


class FakeEvent(Struct, frozen=True):
    """An event of a crowd, and when it is produced (the stream's wall clock)."""

    produced: float
    event: Interaction


def pairs(scene: Scene, target: ItemId, size: int, rng: np.random.Generator) -> Choices:
    """Choose the target right after each of the most popular items, to forge what goes together."""
    chosen: Choices = []
    for item in scene.popular[:size]:
        chosen += [(item, None), (target, None)]
    return chosen


def repeats(scene: Scene, target: ItemId, size: int, rng: np.random.Generator) -> Choices:
    """Choose the target, again and again."""
    return [(target, None)] * size


def bandwagon(scene: Scene, target: ItemId, size: int, rng: np.random.Generator) -> Choices:
    """Rate the most popular items and as many random ones, and the target, at the highest value."""
    fillers = [*scene.popular[:size], *_random(scene, size, rng)]
    return _profile(scene, target, [(item, scene.best_value) for item in fillers], rng)


def average(scene: Scene, target: ItemId, size: int, rng: np.random.Generator) -> Choices:
    """Rate random items at their means, and the target at the highest value."""
    means = [(item, scene.means.get(item)) for item in _random(scene, 2 * size, rng)]
    return _profile(scene, target, means, rng)


def segment(scene: Scene, target: ItemId, size: int, rng: np.random.Generator) -> Choices:
    """Rate popular items of the target's categories, and the target, at the highest value, and random ones low."""
    liked = [(item, scene.best_value) for item in scene.segment[:size]]
    low = None if scene.best_value is None else min(scene.means.values())
    return _profile(scene, target, liked + [(item, low) for item in _random(scene, size, rng)], rng)


def sleepers(scene: Scene, target: ItemId, size: int, rng: np.random.Generator) -> Choices:
    """Choose popular items as people do, and the target last."""
    items = [scene.popular[int(rank)] for rank in rng.permutation(min(len(scene.popular), 4 * size))[:size]]
    return [*((item, scene.best_value) for item in items if item != target), (target, scene.best_value)]


def _random(scene: Scene, size: int, rng: np.random.Generator) -> list[ItemId]:
    return [scene.popular[int(rank)] for rank in rng.permutation(len(scene.popular))[:size]]


def _profile(scene: Scene, target: ItemId, fillers: Choices, rng: np.random.Generator) -> Choices:
    """Return a profile: each filler once and the target at the highest value, in random order."""
    profile = [*{item: (item, value) for item, value in fillers if item != target}.values()]
    profile.append((target, scene.best_value))
    return [profile[int(index)] for index in rng.permutation(len(profile))]


ATTACKS: tuple[Attack, ...] = (
    Attack(name="forged pairs", pattern=pairs, accounts=4, size=25),
    Attack(name="first clicks", pattern=repeats, accounts=2, target="unknown"),
    Attack(name="repeated clicks", pattern=repeats, accounts=1, size=200),
    Attack(name="new accounts", pattern=repeats, share=0.01, seconds=DAY),
    Attack(name="dated ahead", pattern=repeats, accounts=2, size=3, ahead=20 * HOUR),
    Attack(name="sleepers", pattern=sleepers, share=0.01, size=20, seconds=HOUR, sleeps=2 * DAY),
    Attack(name="bandwagon", pattern=bandwagon, share=0.05, size=25, seconds=DAY, reach=0.03),
    Attack(name="average", pattern=average, share=0.05, size=25, seconds=DAY, reach=0.03),
    Attack(name="segment", pattern=segment, share=0.05, size=25, seconds=DAY, reach=0.03),
)


def fake_events(attack: Attack, scene: Scene, *, seed: int) -> list[FakeEvent]:
    """Return the events of the attack's crowd, in the order in which they are produced."""
    rng = np.random.default_rng([seed, ATTACKS.index(attack)])
    target = scene.targets[attack.target]
    made: list[FakeEvent] = []
    for account in range(attack.crowd(scene)):
        user = UserId(f"fake-{attack.name.replace(' ', '-')}-{account}")
        choices = attack.pattern(scene, target, attack.size, rng)
        begins = scene.at + float(rng.uniform(0.0, attack.seconds))
        made += _session(attack, user, choices, begins)
    return sorted(made, key=lambda fake: fake.produced)


def _session(attack: Attack, user: UserId, choices: Choices, begins: float) -> Iterator[FakeEvent]:
    for step, (item, value) in enumerate(choices):
        waits = attack.sleeps if step == len(choices) - 1 else 0.0
        at = begins + step * SECONDS_BETWEEN + waits
        yield FakeEvent(at, _choice(user, EventId(f"{user}-{step}"), at + attack.ahead, item, value))


def _choice(user: UserId, event_id: EventId, at: float, item: ItemId, value: float | None) -> Interaction:
    if value is None:
        return Click(event_id=event_id, user_id=user, event_time=at, item_id=item)
    return Rating(event_id=event_id, user_id=user, event_time=at, item_id=item, value=value)
