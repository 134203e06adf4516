"""How long lists are worth keeping, learned from made streams whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from inference.learning import list_ttl
from inference.learning.list_ttl import MIN_COMPARISONS, ListTtl
from inference.learning.model_variant import VariantConfig
from inference.learning.online_trainer import OnlineTrainer, OnlineTrainerConfig
from inference.learning.online_trainer_checkpoint import checkpoint, restore
from inference.learning.weights_file import initial_weights
from schemas.ids import DEFAULT_USER, EventId, ItemId, ListId, UserId
from schemas.ranking_log import Choice, DefaultList, Ranked, RankingLogValue
from streams.handlers.deps import Options
from tests.builders import START, make_deps

DAY = 86_400.0
OWN, COMMON = ItemId("own"), ItemId("common")


def list_of(number: int, at: float) -> Ranked:
    return Ranked(
        entry_id=f"ranked-{number}",
        user_id=UserId("u1"),
        event_time=at,
        list_id=ListId(f"l{number}"),
        table="",
        items=(OWN,),
        features=b"",
        propensities=(None,),
        feature_time=at,
        user_features={},
        model_version=0,
    )


def choice_of(number: int, item: ItemId, at: float) -> Choice:
    return Choice(
        entry_id=f"choice-{number}",
        user_id=UserId("u1"),
        event_time=at,
        event_id=EventId(f"e{number}"),
        item_id=item,
        table="",
        items=(),
        features=b"",
        chosen=None,
        rank=None,
        seen_before=False,
        model_version=0,
    )


def stream(ttl: float, *, choices: int) -> list[RankingLogValue]:
    """Lists that hold what is chosen for so long, and then hold nothing that is; ages from seconds to two weeks."""
    rng = np.random.default_rng(1)
    log: list[RankingLogValue] = [DefaultList(entry_id="d", user_id=DEFAULT_USER, event_time=START, items=(COMMON,))]
    at = START
    for number in range(choices):
        age = float(np.exp(rng.uniform(np.log(10.0), np.log(14 * DAY))))
        log += [list_of(number, at), choice_of(number, OWN if age < ttl else COMMON, at + age)]
        at += age
    return log


def trainer() -> OnlineTrainer:
    return OnlineTrainer(OnlineTrainerConfig(columns=("age",), configs={"default": VariantConfig()}))


@pytest.mark.parametrize("ttl", [120.0, 3_840.0, 122_880.0])
def test_the_time_to_live_ends_where_the_non_personalised_list_does_better(ttl: float) -> None:
    learner = trainer()
    for entry in stream(ttl, choices=1_000):
        learner.learn(entry)
    assert learner.export(1).list_ttl == ttl


def test_the_time_to_live_is_unknown_before_enough_comparisons() -> None:
    ttl = ListTtl()
    for entry in stream(3_840.0, choices=MIN_COMPARISONS - 1):
        ttl.compare(entry) if isinstance(entry, Choice) else ttl.add(entry)  # type: ignore[arg-type]
    assert ttl.seconds == 0.0
    ttl.compare(choice_of(MIN_COMPARISONS, OWN, START + 1e9))
    assert ttl.seconds > 0.0


@pytest.mark.parametrize("users", [50, 400])
def test_users_who_come_back_daily_are_compared_however_many_there_are(
    users: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_ttl, "SAMPLED_USERS", 100)
    ttl = ListTtl()
    ttl.add(DefaultList(entry_id="d", user_id=DEFAULT_USER, event_time=START, items=(COMMON,)))
    for number in range(20 * users):
        user, at = UserId(f"u{number % users}"), START + number * DAY / users
        ttl.compare(replace(choice_of(number, OWN, at), user_id=user))
        ttl.add(replace(list_of(number, at), user_id=user))
    assert DAY < ttl.seconds < 2 * DAY
    assert len(ttl.snapshot().lists) <= 100


def test_a_choice_from_before_the_list_is_not_compared_with_it() -> None:
    ttl = ListTtl()
    ttl.add(DefaultList(entry_id="d", user_id=DEFAULT_USER, event_time=START, items=(COMMON,)))
    ttl.add(list_of(1, START + 60.0))
    ttl.compare(choice_of(1, OWN, START))
    assert ttl.snapshot().compared == 0


def test_a_trainer_restored_from_a_checkpoint_continues_identically() -> None:
    whole, first, second = trainer(), trainer(), trainer()
    log = stream(3_840.0, choices=400)
    for entry in log:
        whole.learn(entry)
    for entry in log[:501]:
        first.learn(entry)
    assert restore(second, checkpoint(first))
    for entry in log[501:]:
        second.learn(entry)
    assert second.ttl.snapshot() == whole.ttl.snapshot()


@pytest.mark.parametrize(
    ("learned", "options", "holds"),
    [
        (0.0, Options(), 3_600.0),
        (1_920.0, Options(), 1_920.0),
        (30 * DAY, Options(), 7 * DAY),
        (1_920.0, Options(expires="fixed"), 3_600.0),
        (0.0, Options(expires_at_most_seconds=60.0), 60.0),
    ],
)
def test_a_list_expires_after_the_learned_time_to_live_within_the_settings(
    learned: float, options: Options, holds: float
) -> None:
    deps = make_deps(options=options)
    deps.recommender.load_weights(replace(initial_weights(("age",)), list_ttl=learned))
    assert deps.list_ttl == holds
