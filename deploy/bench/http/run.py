"""The HTTP measurement on a stack: every method at every number of connections, one after the other."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from threading import Thread
from uuid import uuid4

import msgspec

from deploy.bench.catalogue import place_catalogue
from deploy.bench.collect import Collector
from deploy.bench.errors import CannotMeasure
from deploy.bench.http.report import HttpPhase, HttpPlan, HttpReport
from deploy.bench.http.requests import Method, RequestFigures, RequestPlan
from deploy.bench.load.sender import Sender, send_click
from deploy.bench.measure.machine import MachineMeter
from deploy.bench.measure.progress import seconds_until
from deploy.bench.measure.usage import Meter
from deploy.bench.report.series import percentile
from deploy.bench.target import BenchTarget
from deploy.clients import make_cluster, make_publisher, wall_clock
from deploy.gateway.serving.backlog import behind
from schemas.topics import INTERACTIONS
from streams.log.kafka_admin import KafkaAdmin

GATEWAY_NAME = "gateway"
CLIENT_MODULE = "deploy.bench.http.client"
METHODS: tuple[Method, ...] = ("GET", "POST")
LEAD_SECONDS = 1.0
"""Events beside the requests begin so much earlier, and end so much later."""


def refuse_without_client() -> None:
    """Check that the HTTP client is installed.

    Raises:
        CannotMeasure: it is not.
    """
    if importlib.util.find_spec("pyreqwest") is None:
        raise CannotMeasure("pyreqwest is not installed: pip install 'lifelong[bench]'")


class HttpBench:
    """Measures the gateway of one stack."""

    def __init__(self, plan: HttpPlan, target: BenchTarget) -> None:
        self._plan = plan
        self._target = target
        self._publisher = make_publisher(target.settings, linger_ms=0.0)
        self._collector = Collector(make_cluster(target.settings))
        self._admin = KafkaAdmin(make_cluster(target.settings))

    def measure(self) -> HttpReport:
        """Give every user a list, then measure each phase."""
        place_catalogue(self._target, self._plan.items)
        self._collector.start()
        try:
            self._give_lists()
            meter, machine = Meter(self._target.pids()), MachineMeter()
            pairs = [(method, count) for method in METHODS for count in self._plan.connections]
            phases = tuple(self._phase(method, count) for method, count in pairs)
            noise = machine.read(sum(meter.cpu_seconds().values()))
        finally:
            self._collector.stop()
            self._publisher.close()
        return HttpReport(plan=self._plan, phases=phases, machine=noise)

    def _give_lists(self) -> None:
        self._target.say(f"giving each of {self._plan.users} users a list")
        events = [f"first-{number}" for number in range(self._plan.users)]
        for number, event in enumerate(events):
            send_click(self._publisher, event, f"user-{number}", f"item-{number % self._plan.items}", wall_clock())
        self._publisher.flush()
        self._collector.wait_for_all(events)
        self._wait_for_workers()

    def _phase(self, method: Method, connections: int) -> HttpPhase:
        self._target.say(f"{method} over {connections} connections for {self._plan.seconds:g} s")
        sender = self._sender()
        seconds = self._plan.seconds + 2 * LEAD_SECONDS
        beside = Thread(target=sender.send, args=(self._plan.while_rate, seconds), name="beside")
        if self._plan.while_rate:
            beside.start()
            time.sleep(LEAD_SECONDS)
        meter, began = Meter(self._gateway_pid()), time.monotonic()
        seen = self._requests(method, connections)
        used, ended = meter.cpu_seconds().get(GATEWAY_NAME), time.monotonic()
        if self._plan.while_rate:
            beside.join()
        self._wait_for_workers()
        backlog = time.monotonic() - ended
        self._collector.wait_for_all(sender.intended)
        latencies = self._latencies(sender)
        return HttpPhase(
            method=method,
            connections=connections,
            requests=seen,
            gateway_cores=round(used / (ended - began), 3) if used is not None else None,
            backlog_seconds=round(backlog, 2) if method == "POST" else None,
            events_p50_ms=percentile(latencies, 50),
            events_p99_ms=percentile(latencies, 99),
            events_lost=len(sender.intended) - len(latencies),
        )

    def _sender(self) -> Sender:
        return Sender(
            self._publisher, users=self._plan.users, items=self._plan.items, run=uuid4().hex[:8], seed=1, skew="zipf"
        )

    def _gateway_pid(self) -> dict[str, int]:
        return {name: pid for name, pid in self._target.pids().items() if name == GATEWAY_NAME}

    def _requests(self, method: Method, connections: int) -> RequestFigures:
        gateway = self._target.settings.gateway
        plan = RequestPlan(
            url=gateway.url,
            api_key=gateway.api_keys[0].get_secret_value() if gateway.api_keys else "",
            method=method,
            connections=connections,
            seconds=self._plan.seconds,
            users=self._plan.users,
            items=self._plan.items,
        )
        command = (sys.executable, "-m", CLIENT_MODULE)
        done = subprocess.run(command, input=msgspec.json.encode(plan), capture_output=True)
        if done.returncode:
            raise CannotMeasure(f"the HTTP load failed: {done.stderr.decode(errors='replace').strip()[-500:]}")
        return msgspec.json.decode(done.stdout, type=RequestFigures)

    def _wait_for_workers(self) -> None:
        """Wait until workers have committed every event."""
        group = self._target.settings.worker.group
        seconds_until(lambda: behind(self._admin, group, INTERACTIONS) == 0, "workers apply all events", within=600.0)

    def _latencies(self, sender: Sender) -> list[float]:
        arrivals = list(self._collector.arrivals)
        first: dict[str, float] = {}
        for arrival in arrivals:
            for event in arrival.event_ids:
                if event in sender.intended:
                    first.setdefault(event, (arrival.at - sender.intended[event]) * 1e3)
        return list(first.values())
