"""The run of a simulation: real events are learned from, then simulated users read lists and answer with events.

The loop is production's (`streams.backtest.pipeline`): what a user is shown is what the topic holds for them, and the
loop learns from their impressions and clicks as it would from anybody's.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

import numpy as np
from msgspec import Struct
from threadpoolctl import threadpool_limits

from agents.simulation.catalogue import SimulatedCatalogue
from agents.simulation.fitting import fit
from agents.simulation.history import History, rank_share
from agents.simulation.persona import Population
from agents.simulation.user import SimulatedUser, draw_personas
from features.decay import DAY
from schemas.event_kinds import is_choice
from schemas.ids import EventId, ItemId, UserId
from schemas.interactions import Click, Impression, Interaction
from schemas.items import Item
from streams.backtest.config import BacktestConfig, EventLog, SystemConfig
from streams.backtest.pipeline import BacktestPipeline
from streams.backtest.process_pool import PoolProgress, ReportProgress
from streams.backtest.run import by_time, release
from streams.worker.gc_tuning import tuned_gc

SECONDS_PER_LIST, SECONDS_PER_CHOICE = 20.0, 60.0
MADE_UP_BEGINNING = 1_577_836_800.0
"""When a simulation without a log begins (event time)."""
LEARNING, LIVING = "real events", "simulated sessions"


class SimulationPlan(Struct, frozen=True, kw_only=True):
    """How many `users` live for how many `days` after the first `fit` (a share) of the log's events. After half of the
    days every user's taste changes to that of another.
    """

    users: int = 50
    days: float = 7.0
    fit: float = 0.6
    seed: int = 0
    resamples: int = 1_000


class SeenList(Struct, frozen=True):
    """A list as it was read: by whom (a code), when, before or after the change of taste, its items, how well
    they fit the earlier and the later taste (`SimulatedCatalogue.fit`), how many were chosen and enjoyed how much.
    """

    user: int
    at: float
    changed: bool
    items: tuple[int, ...]
    fits_earlier: float
    fits_later: float
    chosen: int
    enjoyment: float


class Lived(Struct, frozen=True, kw_only=True):
    """What was observed: every list in the order of time, choices per session, how popular each choice was (the share
    of items chosen more often), how many choices were repeats, and the loop's processor time in seconds.
    """

    lists: tuple[SeenList, ...]
    sessions: tuple[int, ...]
    popularity: tuple[float, ...]
    repeats: int
    loop_seconds: float


class SimulationRun(Struct, frozen=True):
    """The population, the catalogue at the beginning, what real people did before and after it, and what was lived."""

    population: Population
    catalogue: SimulatedCatalogue
    before: History
    after: History
    lived: Lived


def simulate(
    log: EventLog, system: SystemConfig, plan: SimulationPlan, *, made_up: Population | None = None,
    tell: ReportProgress = lambda step: None,
) -> SimulationRun:  # fmt: skip
    """Fit a population to the first part of the log, or take a `made_up` one, and let its users live with the loop."""
    rng = np.random.default_rng(plan.seed)
    first = int(len(log.events) * plan.fit)
    catalogue = SimulatedCatalogue({ItemId(item.item_id): item.categories for item in _catalogue(log)})
    before = _observed(catalogue, log.events[:first], rng)
    population = made_up or fit(before, catalogue)
    with threadpool_limits(1), tuned_gc():
        pipeline = BacktestPipeline(
            system, BacktestConfig(seed=plan.seed), on_row=lambda row: None, on_evaluated=lambda row: None
        )
        waiting = deque(by_time(log.items))
        for done, (_, event) in enumerate(log.events[:first]):
            release(waiting, event.event_time, pipeline)
            pipeline.look(event.user_id, event.event_time, event.context.locale)
            pipeline.play(event)
            tell(PoolProgress(LEARNING, done + 1, first))
        began = log.events[first - 1][1].event_time if first else MADE_UP_BEGINNING
        release(waiting, began, pipeline)
        lived = _Life(pipeline, catalogue, population, plan, began).live(tell)
    later = _later(catalogue, before, rng)
    for _, event in log.events[first:]:
        if is_choice(event):
            later.observe(event)
    return SimulationRun(population, catalogue, before, later, lived)


def _catalogue(log: EventLog) -> Sequence[Item]:
    """Return the items of the catalogue, and those of the events that it lacks."""
    known = {item.item_id: item for item in log.items}
    for _, event in log.events:
        item = getattr(event, "item_id", None)
        if item is not None and item not in known:
            known[item] = Item(item_id=item)
    return tuple(known.values())


def _observed(
    catalogue: SimulatedCatalogue, events: Sequence[tuple[int, Interaction]], rng: np.random.Generator
) -> History:
    history = History(catalogue, rng)
    for _, event in events:
        if is_choice(event):
            history.observe(event)
    return history


def _later(catalogue: SimulatedCatalogue, before: History, rng: np.random.Generator) -> History:
    """Return a history that goes on from another one, and counts anew."""
    later = History(catalogue.copy(), rng)
    later.chosen.update({user: list(chosen) for user, chosen in before.chosen.items()})
    return later


class _Life:
    """Simulated users and the loop, session by session in the order of time."""

    def __init__(
        self,
        pipeline: BacktestPipeline,
        catalogue: SimulatedCatalogue,
        population: Population,
        plan: SimulationPlan,
        began: float,
    ) -> None:
        self._pipeline, self._catalogue, self._habits, self._plan = pipeline, catalogue, population.habits, plan
        self._rng = np.random.default_rng([plan.seed, 1])
        self._began, self._ends = began, began + plan.days * DAY
        self._personas = draw_personas(population, plan.users, self._rng)
        self._users = [SimulatedUser(persona, population.manner, catalogue, self._rng) for persona in self._personas]
        self._lists: list[SeenList] = []
        self._sessions: list[int] = []
        self._popularity: list[float] = []
        self._repeats = self._events = 0
        self._seconds = 0.0

    def live(self, tell: ReportProgress) -> Lived:
        """Live until the end, and return what was observed."""
        arrivals = [(self._began + float(self._rng.uniform(0.0, DAY)), user) for user in range(len(self._users))]
        heapify(arrivals)
        while arrivals and arrivals[0][0] < self._ends:
            at, user = heappop(arrivals)
            left = self._session(user, at)
            heappush(arrivals, (left + float(self._rng.choice(self._habits.gaps)), user))
            done = int(min(at, self._ends) - self._began)
            tell(PoolProgress(LIVING, done, int(self._ends - self._began), f"{len(self._lists):,} lists"))
        tell(PoolProgress(LIVING, 1, 1, f"{len(self._lists):,} lists"))
        return Lived(
            lists=tuple(self._lists),
            sessions=tuple(self._sessions),
            popularity=tuple(self._popularity),
            repeats=self._repeats,
            loop_seconds=self._seconds,
        )

    def _session(self, number: int, at: float) -> float:
        """Let a user read lists until they leave; return when that is."""
        user, name = self._users[number], UserId(f"simulated-{number}")
        changed = at >= self._began + (self._ends - self._began) / 2.0
        if changed:
            user.change()
        user.arrive(int(self._rng.choice(self._habits.choices)))
        chosen = 0
        while user.stays:
            began = time.process_time()
            served = self._pipeline.look(name, at)
            self._seconds += time.process_time() - began
            items = tuple(self._catalogue.number[item] for item in served.items if item in self._catalogue.number)
            if not items:
                break
            past = len(user.chosen)
            reading = user.read(items, at)
            self._repeats += sum(item in user.chosen[:past] for item in reading.chosen)
            self._popularity += [rank_share(self._catalogue, item) for item in reading.chosen]
            self._note(number, at, changed, items, reading.enjoyment)
            shown = tuple(self._catalogue.items[item] for item in items)
            self._send(Impression(event_id=self._id(), user_id=name, event_time=at, items=shown,
                                  list_id=served.list_id))  # fmt: skip
            at += SECONDS_PER_LIST
            for item in reading.chosen:
                self._send(Click(event_id=self._id(), user_id=name, event_time=at, item_id=self._catalogue.items[item],
                                 list_id=served.list_id))  # fmt: skip
                at += SECONDS_PER_CHOICE
            chosen += len(reading.chosen)
        self._sessions.append(chosen)
        return at

    def _note(
        self, number: int, at: float, changed: bool, items: tuple[int, ...], enjoyment: tuple[float, ...]
    ) -> None:
        persona, fit_of = self._personas[number], self._catalogue.fit
        fits = (fit_of(items, persona.taste), fit_of(items, persona.later_taste))
        self._lists.append(SeenList(number, at, changed, items, *fits, len(enjoyment), float(sum(enjoyment))))

    def _send(self, event: Interaction) -> None:
        began = time.process_time()
        self._pipeline.play(event)
        self._seconds += time.process_time() - began

    def _id(self) -> EventId:
        self._events += 1
        return EventId(f"simulated-{self._events}")
