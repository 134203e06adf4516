"""The topic's lists just before an event, under a wall clock of event time; and weights learned on the way."""

from __future__ import annotations

import pytest

from deploy.settings import RankingSettings, Settings
from deploy.wiring import make_system_config
from schemas.ids import ItemId, UserId
from schemas.interactions import Interaction
from schemas.topics import BY_NAME
from streams.backtest.config import BacktestConfig
from streams.backtest.pipeline import BacktestPipeline
from streams.worker.lists import DefaultState
from tests.builders import START, item
from tests.unit.streams.backtest_logs import event

HOUR = 3_600.0


class PlayedBacktest:
    """A backtest pipeline with twelve items, and the events played through it."""

    def __init__(self, plan: BacktestConfig | None = None, **ranking: float | str) -> None:
        self.rows: list[object] = []
        self.evaluated: list[object] = []
        settings = Settings(ranking=RankingSettings(**ranking))  # type: ignore[arg-type]
        self.pipeline = BacktestPipeline(
            make_system_config(settings),
            plan or BacktestConfig(),
            on_row=self.rows.append,
            on_evaluated=self.evaluated.append,
        )
        self.pipeline.put_items([item(f"war-{number}", "war") for number in range(12)])
        self._number = 0

    def play(self, user: str, name: str, at: float) -> Interaction:
        played = event(self._number, user, name, START + at)
        self._number += 1
        self.pipeline.evaluator.begin(self._number, self.pipeline.served.default(0.0), evaluates=True)
        self.pipeline.play(played)
        return played

    def look(self, user: str, at: float) -> tuple[str, float]:
        served = self.pipeline.look(UserId(user), START + at)
        return served.kind, served.age


def test_a_users_own_list_is_served_until_it_expires_in_event_time() -> None:
    played = PlayedBacktest(expires="fixed", expires_seconds=HOUR)
    played.play("ann", "war-1", 0.0)
    assert played.look("ann", 60.0) == ("own", 60.0)
    assert played.look("ann", HOUR - 1.0)[0] == "own"
    assert played.look("ann", HOUR + 1.0)[0] != "own"


def test_unknown_users_are_served_the_non_personalised_list() -> None:
    played = PlayedBacktest()
    played.play("ann", "war-1", 0.0)
    assert played.look("bob", 60.0) == ("default", 0.0)


def test_there_is_a_non_personalised_list_before_any_event_and_after_an_hour_of_silence() -> None:
    played = PlayedBacktest(expires_seconds=HOUR)
    assert PlayedBacktest().look("bob", 0.0)[0] == "default"
    played.play("ann", "war-1", 0.0)
    assert played.look("bob", HOUR + 1.0) == ("default", 0.0)


def test_the_non_personalised_list_follows_the_statistics_at_most_as_often_as_its_timer() -> None:
    played = PlayedBacktest(default_every_seconds=30.0)
    played.play("ann", "war-1", 0.0)
    played.look("bob", 1.0)
    played.play("ann", "war-2", 2.0)
    assert played.look("bob", 3.0) == ("default", 2.0)
    assert played.look("bob", 40.0) == ("default", 0.0)


def test_at_equal_times_the_timer_publishes_before_the_non_personalised_list_is_shown() -> None:
    played = PlayedBacktest(default_every_seconds=30.0)
    played.play("ann", "war-1", 0.0)
    before = played.pipeline.look(UserId("bob"), START).items
    for number in range(2, 9):
        played.play(f"cat-{number}", "war-9", 0.0)
    assert played.pipeline.look(UserId("ann"), START).kind == "own"
    assert played.pipeline.served.default(START).items == before
    assert before[0] != "war-9"
    assert played.pipeline.look(UserId("bob"), START).items[0] == "war-9"


def test_the_non_personalised_list_is_due_after_new_statistics_and_before_it_expires() -> None:
    state = DefaultState(7, 100.0)
    timing = {"every": 10.0, "lasts": 60.0}
    assert [state.is_due(8, at, **timing) for at in (105.0, 110.0)] == [False, True]
    assert [state.is_due(7, at, **timing) for at in (129.0, 130.0)] == [False, True]
    assert DefaultState().is_due(0, 0.0, **timing)


def test_a_users_own_list_does_not_repeat_an_item_that_is_held_back() -> None:
    played = PlayedBacktest()
    played.play("ann", "war-1", 0.0)
    assert ItemId("war-1") not in played.pipeline.look(UserId("ann"), START + 1.0).items


@pytest.mark.parametrize(("every", "versions"), [(1, 6), (4, 1), (100, 0)])
def test_weights_are_loaded_after_every_so_many_choices(every: int, versions: int) -> None:
    played = PlayedBacktest(BacktestConfig(load_weights_every=every))
    for number in range(6):
        played.play("ann", f"war-{number}", number * 60.0)
    assert played.pipeline.trainer.version == versions
    assert played.pipeline.model_version == versions


def test_the_log_does_not_grow() -> None:
    played = PlayedBacktest()
    for number in range(20):
        played.play("ann", f"war-{number % 12}", number * 60.0)
    assert not any(played.pipeline._runner.log.records(topic) for topic in BY_NAME)
    assert len(played.rows) == len(played.evaluated) == 20
