"""A run of the demo: plays events, watches lists and evaluates them, from the first event to the summary."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from msgspec import Struct
from rich.console import RenderableType

from deploy.clients import make_cluster, make_publisher, wall_clock
from deploy.demo.baselines import DemoBaselines, Ranks, Row
from deploy.demo.console_report import DemoSummary, freshness, live, replans
from deploy.demo.live_versus_backtest import REPLAYED, backtest_ranks
from deploy.demo.movielens import DataSet
from deploy.demo.player import Player
from deploy.demo.watch import OURS, ListWatch, paired
from deploy.importing import Refused, parse_map, read_events, read_items
from deploy.settings import Settings
from schemas.codec import encode
from schemas.errors import LifelongError
from schemas.event_kinds import is_choice
from schemas.interactions import Interaction
from schemas.items import Item
from schemas.topics import ITEMS
from streams.log.kafka_client import KafkaPublisher

WARM_UP_SHARE = 0.2
"""The first share of the choices, which are not evaluated: all users start cold."""
EVALUATE_EVERY = 4
"""Only every so many choices are evaluated, for all systems alike: item-kNN takes long for each."""
DEMO_PATIENCE_SECONDS = 60.0


class DemoPlan(Struct, frozen=True, kw_only=True):
    """What to play, and how fast."""

    data: DataSet
    columns: str
    rate: float
    seconds: float


class NothingToPlay(LifelongError):
    """The file holds no choices of items by users."""


class DemoSession:
    """A run: call `begin`, show `live_report` while it `goes_on`, then call `end` and `summary`."""

    def __init__(self, settings: Settings, plan: DemoPlan) -> None:
        self._plan = plan
        self._refused = Refused()
        self._events = self._read()
        choices = [event for event in self._events if is_choice(event)]
        if not choices:
            raise NothingToPlay(f"{plan.data.events.name!r} holds no choices of items by users")
        rows: list[Row] = [(e.event_id, e.user_id, e.item_id, e.event_time) for e in choices]
        evaluated = frozenset(row[0] for row in rows[int(len(rows) * WARM_UP_SHARE) :: EVALUATE_EVERY])
        repeats = len({(row[1], row[2]) for row in rows}) < len(rows)
        self._baselines = DemoBaselines(rows, evaluated, repeats=repeats)
        self.titles: dict[str, str] = {}
        self._settings = settings
        self._items: list[Item] = []
        self._backtest_ranks: dict[str, int | None] = {}
        publisher = make_publisher(settings, linger_ms=0.0)
        self._send_catalogue(publisher)
        self._watch = ListWatch(make_cluster(settings), follow=self._busiest_user(rows))
        self._player = Player(publisher, self._events, rate=plan.rate)
        self._began = time.monotonic()
        self._elapsed = 0.0

    @property
    def notice(self) -> str:
        """Return the notice that the data's owners require."""
        return self._plan.data.notice

    def _read(self) -> list[Interaction]:
        plan = self._plan
        events = read_events(
            plan.data.events,
            parse_map(plan.columns),
            now=wall_clock(),
            refused=self._refused,
            limit=int(plan.rate * plan.seconds),
        )
        return [event for _, event in events]

    def _send_catalogue(self, publisher: KafkaPublisher) -> None:
        path = self._plan.data.items
        if path is None:
            return
        for item in read_items(path, now=wall_clock(), refused=self._refused):
            self.titles[item.item_id] = item.title
            self._items.append(item)
            publisher.send(ITEMS, item.item_id, encode(item))
        publisher.flush()

    def _busiest_user(self, rows: list[Row]) -> str:
        """Return the user to follow: the one with most choices in the middle half of the rows."""
        middle = rows[len(rows) // 4 : len(rows) * 3 // 4] or rows
        return Counter(row[1] for row in middle).most_common(1)[0][0]

    def begin(self) -> None:
        """Start to play and watch."""
        self._began = time.monotonic()
        self._watch.start()
        self._player.start()

    def goes_on(self) -> bool:
        """Return whether events are still being played."""
        return self._player.is_alive()

    def live_report(self) -> RenderableType:
        """Return the live report as of now."""
        played = self._player.played
        chosen = [e.item_id for e in self._events[:played] if e.user_id == self._watch.follow and hasattr(e, "item_id")]
        return live(
            self._watch,
            self._baselines.ranks,
            self.titles,
            played=played,
            total=len(self._events),
            per_second=self._rate(),
            seen=chosen,
        )

    def progress_line(self) -> str:
        """Return the live report in one line, for logs."""
        times = freshness(list(self._watch.stages))
        spans = list(times.values())[-1]
        measures = paired(dict(self._watch.ours), self._baselines.ranks).measures() if self._baselines.ranks else {}
        hit_rates = ", ".join(f"{name} {metrics.hit_rate:.3f}" for name, metrics in measures.items())
        return (
            f"{self._player.played}/{len(self._events)} events, {self._rate():.0f}/s, "
            f"event → list p50 {spans.get('p50', 0)} ms p99 {spans.get('p99', 0)} ms, "
            f"HR@10: {hit_rates or 'baselines not ready'}"
        )

    def _rate(self) -> float:
        return self._player.played / max(1e-9, time.monotonic() - self._began)

    def end(self) -> None:
        """Wait for the outstanding lists, then stop."""
        self._player.stop()
        self._elapsed = time.monotonic() - self._began
        self._watch.wait_for(self._expected(), seconds=DEMO_PATIENCE_SECONDS)
        self._watch.stop()
        self._baselines.wait(DEMO_PATIENCE_SECONDS * 3)
        self._baselines.close()

    def replay(self, report: Callable[[int], None]) -> None:
        """Backtest the played events for their ranks of the same choices; call after `end`."""
        self._backtest_ranks = backtest_ranks(self._events[: self._player.played], self._items, self._settings, report)

    def _expected(self) -> set[str]:
        return {event.event_id for event in self._events[: self._player.played] if is_choice(event)}

    def _compared_ranks(self) -> Ranks:
        """Return the baselines' ranks, with the backtest's if there is one, on the choices that all evaluated."""
        baselines, backtest = self._baselines.ranks, self._backtest_ranks
        return {
            event: {REPLAYED: backtest[event]} | baselines[event] for event in baselines if event in backtest
        } or baselines

    def summary(self, *, seconds: float, up_seconds: float) -> DemoSummary:
        """Return the results of the run."""
        watch = self._watch
        measures = paired(watch.ours, self._compared_ranks()).measures()
        return DemoSummary(
            data=self._plan.data.name,
            events=self._player.played,
            events_per_second=round(self._player.played / self._elapsed, 1),
            lists=watch.lists,
            lost=len(self._expected() - watch.answered),
            dead_letters=watch.dead_letters,
            degraded_lists=watch.degraded,
            evaluated=measures[OURS].events,
            measures=measures,
            freshness_ms=freshness(watch.all_stages),
            replans=replans(watch.plans),
            model_version=watch.model_version,
            seconds=round(seconds, 1),
            up_seconds=round(up_seconds, 1),
        )
