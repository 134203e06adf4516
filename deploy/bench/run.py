"""One run of a plan on a stack, step by step."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from uuid import uuid4

import psutil

from deploy.bench.catalogue import WORKER_NAME, place_catalogue
from deploy.bench.collect import Collector
from deploy.bench.errors import CannotMeasure
from deploy.bench.load.closed_loop import ClosedLoop
from deploy.bench.load.sender import Sender
from deploy.bench.measure.machine import Machine, MachineMeter
from deploy.bench.measure.traffic import TopicTraffic, ends_of, read_traffic
from deploy.bench.measure.usage import Meter, ProcessUsage, memory_of, of_stack, usages
from deploy.bench.plan import BenchPlan, due_times
from deploy.bench.profile.sampling import SamplingProfiler, chosen
from deploy.bench.profile.stacks import ProcessProfile
from deploy.bench.report.figures import RunReport
from deploy.bench.report.matching import make_answers
from deploy.bench.target import BenchTarget
from deploy.clients import make_cluster, make_publisher

EVENT_LINGER_MS = 0.0
"""The bench's events are sent one by one, as those of many applications are."""


def measure(plan: BenchPlan, seed: int, target: BenchTarget) -> RunReport:
    """Measure one run: 1 memory at rest 2 catalogue 3 warm-up 4 load 5 wait for answers 6 read the meters."""
    rest = memory_of(target.pids())
    catalogue = place_catalogue(target, plan.items)
    run = uuid4().hex[:8]
    load = _open_load(plan, seed, run, target) if plan.loop == "open" else _closed_load(plan, seed, run, target)
    try:
        target.say(f"warming up for {plan.warmup_seconds:g} s")
        load.warm_up()
        target.say(_described(plan))
        measured = load.measured(rest)
    finally:
        load.collector.stop()
    return RunReport(
        seed=seed,
        answers=make_answers(plan, load.intended, load.collector.arrivals, began=measured.began),
        catalogue=catalogue,
        stack=of_stack(measured.processes),
        processes=measured.processes,
        topics=measured.topics,
        machine=measured.machine,
        profiles=measured.profiles,
    )


def _described(plan: BenchPlan) -> str:
    load = f"{plan.rate:g} events/s" if plan.loop == "open" else f"{plan.clients} users in a closed loop"
    burst = f", with {plan.burst.rate:g} events/s for {plan.burst.seconds:g} s of it" if plan.burst else ""
    stall = f", the worker stopped for {plan.stall_seconds:g} s of it" if plan.stall_seconds else ""
    return f"{load} for {plan.seconds:g} s{burst}{stall}"


@dataclass(frozen=True)
class Measured:
    """What the meters read over a run that began at this wall-clock second."""

    began: float
    processes: dict[str, ProcessUsage]
    topics: dict[str, TopicTraffic]
    machine: Machine
    profiles: dict[str, ProcessProfile]


@dataclass
class Load:
    """A sender of either loop with its collector."""

    plan: BenchPlan
    target: BenchTarget
    collector: Collector
    sender: Sender | ClosedLoop

    @property
    def intended(self) -> dict[str, float]:
        return self.sender.intended

    def warm_up(self) -> None:
        """Send for the seconds of warming up, wait for the answers and forget them."""
        if isinstance(self.sender, Sender):
            self.sender.send(self.plan.rate, self.plan.warmup_seconds)
        else:
            self.sender.send_for(self.plan.warmup_seconds)
        self.collector.wait_for_all(self.intended)
        self.intended.clear()

    def measured(self, rest: Mapping[str, float]) -> Measured:
        """Send the load, wait until it is answered, and read the meters; `rest` is the memory before any load."""
        target, plan, pids = self.target, self.plan, self.target.pids()
        cluster = make_cluster(target.settings)
        begins, meter, machine, started = ends_of(cluster), Meter(pids), MachineMeter(), time.monotonic()
        profiler = SamplingProfiler(chosen(pids), target.folder) if plan.profile else None
        with stalled(plan, pids):
            began = self._send()
        profiles = profiler.stop() if profiler else {}
        self.collector.wait_for_all(self.intended)
        seconds, cpu, events = time.monotonic() - started, meter.cpu_seconds(), len(self.intended)
        usage = usages(cpu, seconds=seconds, events=events, rest=rest, after=memory_of(pids))
        noise = machine.read(sum(cpu.values()))
        topics = read_traffic(cluster, begins, ends_of(cluster), events=events)
        return Measured(began, usage, topics, noise, profiles)

    def _send(self) -> float:
        if isinstance(self.sender, Sender):
            return self.sender.send_at(due_times(self.plan).tolist())
        return self.sender.send_for(self.plan.seconds)


def _open_load(plan: BenchPlan, seed: int, run: str, target: BenchTarget) -> Load:
    publisher = make_publisher(target.settings, linger_ms=EVENT_LINGER_MS)
    sender = Sender(publisher, users=plan.users, items=plan.items, run=run, seed=seed, skew=plan.users_skew)
    return _started(Load(plan, target, Collector(make_cluster(target.settings)), sender))


def _closed_load(plan: BenchPlan, seed: int, run: str, target: BenchTarget) -> Load:
    publisher = make_publisher(target.settings, linger_ms=EVENT_LINGER_MS)
    sender = ClosedLoop(publisher, clients=plan.clients, items=plan.items, run=run, seed=seed)
    return _started(Load(plan, target, Collector(make_cluster(target.settings), sender.answered), sender))


def _started(load: Load) -> Load:
    load.collector.start()
    return load


@contextmanager
def stalled(plan: BenchPlan, pids: Mapping[str, int]) -> Iterator[None]:
    """Stop the worker by SIGSTOP while the plan says, in a thread beside what runs within; it goes on afterwards.

    Raises:
        CannotMeasure: no worker runs on this machine.
    """
    if not plan.stall_seconds or plan.disturbed is None:
        yield
        return
    if WORKER_NAME not in pids:
        raise CannotMeasure("--stall stops the worker, and none runs on this machine under `lifelong up`")
    begin, end = plan.disturbed
    root = psutil.Process(pids[WORKER_NAME])
    family = [root, *root.children(recursive=True)]
    thread = Thread(target=_stall, args=(family, begin, end - begin), name="stall")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _stall(family: list[psutil.Process], after: float, seconds: float) -> None:
    time.sleep(after)
    for process in family:
        process.suspend()
    try:
        time.sleep(seconds)
    finally:
        for process in family:
            process.resume()
