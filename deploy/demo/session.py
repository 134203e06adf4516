"""One demo: what is played, watched and judged, from the first event to the summary."""

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

SKIPPED = 0.2
"""The first part of the events, on which nothing is judged: everybody begins cold."""
EVERY = 4
"""Every so many choices are judged, by ours and the floors alike: item-kNN takes long for each."""
DEMO_PATIENCE_SECONDS = 60.0


class DemoPlan(Struct, frozen=True, kw_only=True):
    """What to play, and how fast."""

    data: DataSet
    columns: str
    rate: float
    seconds: float


class NothingToPlay(LifelongError):
    """The file holds no choices of items by people."""


class DemoSession:
    """One run. `begin`, then look at `board` while it `goes_on`, then `end` and take the `summary`."""

    def __init__(self, settings: Settings, plan: DemoPlan) -> None:
        self._plan = plan
        self._refused = Refused()
        self._events = self._read()
        choices = [event for event in self._events if is_choice(event)]
        if not choices:
            raise NothingToPlay(f"{plan.data.events.name!r} holds no choices of items by people")
        rows: list[Row] = [(e.event_id, e.user_id, e.item_id, e.event_time) for e in choices]
        evaluated = frozenset(row[0] for row in rows[int(len(rows) * SKIPPED) :: EVERY])
        repeats = len({(row[1], row[2]) for row in rows}) < len(rows)
        self._floors = DemoBaselines(rows, evaluated, repeats=repeats)
        self.titles: dict[str, str] = {}
        self._settings = settings
        self._items: list[Item] = []
        self._again: dict[str, int | None] = {}
        publisher = make_publisher(settings, linger_ms=0.0)
        self._send_catalogue(publisher)
        self._watch = ListWatch(make_cluster(settings), follow=self._somebody(rows))
        self._player = Player(publisher, self._events, rate=plan.rate)
        self._began = time.monotonic()
        self._took = 0.0

    @property
    def notice(self) -> str:
        """What the data's owners want said."""
        return self._plan.data.notice

    def _read(self) -> list[Interaction]:
        plan = self._plan
        found = read_events(
            plan.data.events,
            parse_map(plan.columns),
            now=wall_clock(),
            refused=self._refused,
            limit=int(plan.rate * plan.seconds),
        )
        return [event for _, event in found]

    def _send_catalogue(self, publisher: KafkaPublisher) -> None:
        path = self._plan.data.items
        if path is None:
            return
        for item in read_items(path, now=wall_clock(), refused=self._refused):
            self.titles[item.item_id] = item.title
            self._items.append(item)
            publisher.send(ITEMS, item.item_id, encode(item))
        publisher.flush()

    def _somebody(self, rows: list[Row]) -> str:
        """Who is followed: whoever has most events in the middle of what is played."""
        middle = rows[len(rows) // 4 : len(rows) * 3 // 4] or rows
        return Counter(row[1] for row in middle).most_common(1)[0][0]

    def begin(self) -> None:
        """Play and watch."""
        self._began = time.monotonic()
        self._watch.start()
        self._player.start()

    def goes_on(self) -> bool:
        """Whether events are still being played."""
        return self._player.is_alive()

    def board(self) -> RenderableType:
        """The board as of now."""
        played = self._player.played
        seen = [e.item_id for e in self._events[:played] if e.user_id == self._watch.follow and hasattr(e, "item_id")]
        return live(
            self._watch,
            self._floors.ranks,
            self.titles,
            played=played,
            total=len(self._events),
            per_second=self._rate(),
            seen=seen,
        )

    def line(self) -> str:
        """The board in a line, for logs."""
        times = freshness(list(self._watch.stages))
        spans = list(times.values())[-1]
        measures = paired(dict(self._watch.ours), self._floors.ranks).measures() if self._floors.ranks else {}
        rates = ", ".join(f"{name} {one.hit_rate:.3f}" for name, one in measures.items()) or "floors not ready"
        return (
            f"{self._player.played}/{len(self._events)} events, {self._rate():.0f}/s, "
            f"event → list p50 {spans.get('p50', 0)} ms p99 {spans.get('p99', 0)} ms, HR@10: {rates}"
        )

    def _rate(self) -> float:
        return self._player.played / max(1e-9, time.monotonic() - self._began)

    def end(self) -> None:
        """Wait for what is still on its way, then stop."""
        self._player.stop()
        self._took = time.monotonic() - self._began
        self._watch.wait_for(self._expected(), seconds=DEMO_PATIENCE_SECONDS)
        self._watch.stop()
        self._floors.wait(DEMO_PATIENCE_SECONDS * 3)
        self._floors.close()

    def replay(self, report: Callable[[int], None]) -> None:
        """After the end: what a replay of what was played makes of the same choices."""
        self._again = backtest_ranks(self._events[: self._player.played], self._items, self._settings, report)

    def _expected(self) -> set[str]:
        return {event.event_id for event in self._events[: self._player.played] if is_choice(event)}

    def _others(self) -> Ranks:
        """The floors, and the replay if there was one, on the choices that all of them were judged on."""
        baselines, again = self._floors.ranks, self._again
        return {
            event: {REPLAYED: again[event]} | baselines[event] for event in baselines if event in again
        } or baselines

    def summary(self, *, seconds: float, up_seconds: float) -> DemoSummary:
        """What it came to."""
        watch = self._watch
        measures = paired(watch.ours, self._others()).measures()
        return DemoSummary(
            data=self._plan.data.name,
            events=self._player.played,
            events_per_second=round(self._player.played / self._took, 1),
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
