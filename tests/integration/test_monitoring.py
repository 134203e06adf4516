"""A real Prometheus scrapes a real run and answers every query of the dashboard and the alert rules."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import pytest
import typer
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from deploy.bench.load.catalogue import send_catalogue
from deploy.bench.load.sender import Sender
from deploy.cli.operations import monitoring as commands
from deploy.embedded.choices import StackChoices, chosen
from deploy.embedded.http import answers
from deploy.embedded.programs import OWN_PROCESSES
from deploy.embedded.stack import Stack
from deploy.embedded.supervisor import wait_until as holds
from deploy.monitoring import projector_metrics
from deploy.monitoring.grafana.dashboard import DASHBOARD_FILE
from deploy.monitoring.targets import SERVER_PORTS, addresses, free_port, prometheus_command, write_targets
from deploy.reference.metrics import METRIC_FILES
from deploy.settings import Settings
from deploy.settings.ports import PORT_SETTINGS
from schemas.codec import encode
from schemas.topics import INTERACTIONS
from streams.log.partitions import partition_of
from streams.routes import AGGREGATOR, WORKER_INPUTS
from tests.builders import START, click
from tests.e2e.system import System, wait_until

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is absent: apt-get install prometheus"),
]

RATE, ROUNDS = 40, 8
"""Events per second, and how many seconds of them."""
CATALOGUE = 100
TARGETS = len(OWN_PROCESSES) + len(SERVER_PORTS)
AT_WORK = (
    f"sum(up) == {TARGETS}",
    f"count(lifelong_lag_records) == {4 * (len(WORKER_INPUTS) + len(AGGREGATOR))}",
    'lifelong_projected_total{target="milvus-items"} > 0',
)
"""What holds once every process reads its topics."""
WINDOW = "15s"
"""The value of $__rate_interval in Grafana: long enough for the whole load."""

PERCEPTION = {"enabled": True, "text_encoder": "hashed-words", "image_encoder": "colour-layout"}
"""Of the perceiver, what it says is looked at here, not what it sees."""

LANGUAGE_MODEL = {"enabled": True, "url": "http://127.0.0.1:9/v1", "model": "away", "breaker_failures": 1}
"""Nobody listens there: the planner fails, is left alone, and no list waits for it."""

FLINK = "lifelong_flink_"
"""How metrics of Flink's job begin: `test_flink_statistics.py` looks at one."""

QUIET = {
    "Lag by partition": "the load is far below what a worker applies",
    "Redelivered": "nothing was restarted",
    "Waiting for servers": "every server answers",
    "Rewound offsets": "nothing was deleted, truncated or recreated",
    "Degraded lists": "Triton answers in time, mostly",
    "Guardrail": "nobody banned anything, and the sources propose no unavailable item",
    "Restarts": "nothing was restarted",
    "Triggers without budget": "a few seconds exhaust no budget",
    "Refused, closed and not audited": "every request may, and none is slow",
    "Not perceived yet": "the load is far below what the perceiver encodes",
    "Offers": "nobody sets autonomy 3",
    "Proposals by decision": "the language model is away",
    "Cost of the language model": "the language model is away",
    "Seconds of a plan": "it is away at once",
}
"""Panels that may show zero in a healthy run, each with the reason; none may be without data."""
QUIET_SERIES = {
    "Dead letters and misrouted records": "there is one bad record and one misrouted one; nobody was erased",
    "Explanations": "users of a few seconds may have no generic line, or none else",
    "Rows written behind": "nobody is erased",
    "Re-plans by trigger": "not every trigger fires in a few seconds",
    "Ledger by decision": "the rule planner proposes nothing that is rejected",
    "Examples learned": "there is one feature table, nothing is foreign",
    "Events applied": "nobody instructs or asks for a list",
    "Triton requests": "no request fails",
    "Refused and failed": "the gateway does not fail",
    "Choices by account": "no crowd of new accounts chooses what known ones leave alone",
    "Version": "the first lists are ranked by the initial weights",
    "Gain over the champion": "lower bounds are below zero where nothing is decided yet",
    "Decisions in the last hour": "in a few seconds nothing is decided, and only one variant serves",
    "Milvus requests": "functions that were called only while it started",
    "Pictures refused": "reasons other than that of the bad pictures",
    "Calls of tools": "agents call few of the tools, and with success",
    "Seconds of a tool": "of tools that nobody calls there are no times",
    "Plans asked of the language model": "the language model is away",
    "Calls of the language model": "the language model is away",
    "Waiting to be merged": "views of which no file waits at this moment",
}
"""Panels of which some series may be zero, as long as one is not."""


@dataclass(frozen=True)
class Prometheus:
    """A client of Prometheus's HTTP API."""

    url: str

    def get(self, path: str, **parameters: str) -> Any:
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Return labels and values of an instant query; an invalid query raises an HTTP error."""
        return [(sample["metric"], float(sample["value"][1])) for sample in self.get("query", query=expr)["result"]]


@contextmanager
def ended(command: tuple[str, ...], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process; terminate it and wait for it afterwards."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


@pytest.fixture(scope="module")
def watched(stack: Settings, embedded: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run all processes on the session's servers for some seconds of events; yield a Prometheus that scraped them."""
    folder = tmp_path_factory.mktemp("monitoring")
    ports = chosen(StackChoices({}, {}), {}, random.SystemRandom()).ports
    sections: dict[str, dict[str, Any]] = {
        section: {setting: ports[name]} for name, (section, setting) in PORT_SETTINGS.items()
    }
    sections["perception"] |= PERCEPTION
    sections["llm"] |= LANGUAGE_MODEL
    sections["promotion"] = {"block": 8}
    system = System(stack, folder, **sections)
    url = f"http://127.0.0.1:{ports['kafka']}"
    try:
        for name in ("statistics", *(own.name for own in OWN_PROCESSES if own.name != "statistics")):
            system.start(name)
        servers = {name: embedded.ports()[name] for name in SERVER_PORTS.values()}
        write_targets(folder, addresses(system.settings, servers))
        command = prometheus_command(folder, ports["kafka"])
        hurry(folder / "prometheus.yml")
        with ended(command, folder / "prometheus.log"):
            wait_until(lambda: answers(f"{url}/-/ready"), seconds=15, what="Prometheus answers")
            prometheus = Prometheus(url)
            send_catalogue(system.publisher, CATALOGUE)
            for at_work in AT_WORK:
                wait_until_true(prometheus, at_work, folder)
            live(system, ports["gateway"])
            yield prometheus
    finally:
        system.close()


def wait_until_true(prometheus: Prometheus, query: str, logs: Path) -> None:
    """Wait until the query returns something; fail with the state of each target and the ends of the logs."""
    try:
        wait_until(lambda: bool(prometheus.query(query)), seconds=120, what=query)
    except AssertionError as late:
        targets = prometheus.get("targets", state="active")["activeTargets"]
        states = [f"{each['labels']['job']}: {each['health']} {each['lastError']}" for each in targets]
        ends = [f"{log.name}: {log.read_text(errors='replace')[-2_000:]}" for log in sorted(logs.glob("*.log"))]
        raise AssertionError("\n".join((str(late), *states, *ends))) from late


def hurry(config: Path) -> None:
    """Make Prometheus scrape and evaluate once a second."""
    text = config.read_text()
    for name in ("scrape_interval: 5s", "evaluation_interval: 15s"):
        assert name in text
        text = text.replace(name, f"{name.split(':')[0]}: 1s")
    config.write_text(text)


def live(system: System, gateway: int) -> None:
    """Produce some seconds of traffic: clicks, new items, HTTP requests, a bad record and a misrouted one."""
    key = system.settings.gateway.api_keys[0].get_secret_value()
    sender = Sender(system.publisher, users=60, items=CATALOGUE, run="load", seed=1)
    other = next(name for name in map(str, range(99)) if partition_of(name, 4) != partition_of("ann", 4))
    for number in range(ROUNDS):
        sender.send(RATE, 1.0)
        send_catalogue(system.publisher, CATALOGUE)
        system.publisher.send(INTERACTIONS, "ann", b"{")
        for more in ({"type": "search", "query": f"item {number}"}, {"type": "look", "image": "data:,no picture"}):
            shown = {"user_id": "ann", "event_time": START + number, "event_id": f"{more['type']}-{number}"}
            system.publisher.send(INTERACTIONS, "ann", json.dumps(shown | more).encode())
        system.publisher.send(INTERACTIONS, other, encode(click("ann", "item-1", at=number)))
        assert call(gateway, "/v1/interactions", key, {"type": "view", "user_id": "ann", "item_id": "item-2"}) == 202
        assert call(gateway, "/v1/recommendations/ann", key) in {200, 404}
        assert call(gateway, "/v1/recommendations/ann", "wrong") == 401
    system.publisher.flush()
    system.wait_applied(seconds=20)


def call(port: int, path: str, key: str, body: object = None) -> int:
    """Return the status of the gateway's response."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        exc.close()
        return exc.code


def panels() -> list[dict[str, Any]]:
    """Return the panels of the shipped dashboard but those of Flink, which aggregates nothing here."""
    shown = [panel for panel in json.loads(DASHBOARD_FILE.read_text())["panels"] if panel["type"] != "row"]
    return [panel for panel in shown if not any(FLINK in target["expr"] for target in panel["targets"])]


def lacking(prometheus: Prometheus) -> dict[str, str]:
    """Return panels with a query without data, or with an unexpected zero."""
    problems = {}
    for panel in panels():
        answered = [numbers(prometheus, target["expr"]) for target in panel["targets"]]
        shown = [number for values in answered for number in values]
        if not all(answered):
            problems[panel["title"]] = f"no data: {answered}"
        elif panel["title"] not in QUIET and max(shown) <= 0:
            problems[panel["title"]] = f"nothing but zero: {answered}"
        elif panel["title"] not in QUIET | QUIET_SERIES and min(shown) <= 0:
            problems[panel["title"]] = f"zero among {answered}"
    return problems


def numbers(prometheus: Prometheus, expr: str) -> list[float]:
    """Return the values of a panel's query, with Grafana's variables substituted."""
    query = expr.replace("$__rate_interval", WINDOW)
    assert "$" not in query
    return [value for _, value in prometheus.query(query) if not isnan(value)]


def test_every_panel_of_the_dashboard_shows_data(watched: Prometheus) -> None:
    assert {*QUIET, *QUIET_SERIES} <= {panel["title"] for panel in panels()}
    # Repeated until everything is scraped; first of the tests, while the load is within the window.
    missing: dict[str, str] = {}

    def complete() -> bool:
        missing.clear()
        missing.update(lacking(watched))
        return not missing

    assert holds(complete, 8.0), missing


def test_every_metric_of_the_table_is_fed(watched: Prometheus) -> None:
    quiet = {
        "lifelong_log_breaks_total": QUIET["Rewound offsets"],
        "lifelong_redelivered_total": QUIET["Redelivered"],
        "lifelong_waits_total": QUIET["Waiting for servers"],
        "lifelong_erased_records_total": QUIET_SERIES["Rows written behind"],
        "lifelong_degraded_total": QUIET["Degraded lists"],
        "lifelong_guardrail_total": QUIET["Guardrail"],
        "lifelong_model_decisions_total": QUIET_SERIES["Decisions in the last hour"],
        "lifelong_suppressed_total": QUIET["Triggers without budget"],
        "lifelong_lag_records": QUIET["Lag by partition"],
        "lifelong_perception_lag_records": QUIET["Not perceived yet"],
        "lifelong_restarts_total": QUIET["Restarts"],
        "lifelong_http_closed_total": QUIET["Refused, closed and not audited"],
        "lifelong_audit_dropped_total": QUIET["Refused, closed and not audited"],
        "lifelong_offers_total": QUIET["Offers"],
        "lifelong_proposals_total": QUIET["Proposals by decision"],
        "lifelong_llm_money_total": QUIET["Cost of the language model"],
        "lifelong_llm_tokens_total": QUIET["Cost of the language model"],
    }
    suffix = {"counter": "_total", "gauge": "", "histogram": "_count", "info": "_info"}
    assert METRIC_FILES, "loaded, so that their metrics are in the registry"
    table = [
        f.name + suffix[f.type] for f in REGISTRY.collect() if f.name.startswith("lifelong_") and FLINK not in f.name
    ]
    seen = {
        labels["__name__"]: value for labels, value in watched.query('max by (__name__) ({__name__=~"lifelong_.*"})')
    }
    assert set(table) - set(seen) == set()
    assert {name for name in table if seen[name] == 0} <= set(quiet)


def test_counts_match_the_records_sent(watched: Prometheus) -> None:
    clicks, posts = RATE * ROUNDS, ROUNDS
    expected = {
        f'lifelong_events_total{{topic="{INTERACTIONS}"}}': clicks + 4 * posts,
        'lifelong_dead_letters_total{reason="not-json"}': posts,
        "lifelong_misrouted_total": posts,
        'lifelong_http_requests_total{status="401"}': posts,
        'lifelong_pictures_refused_total{reason="no-picture"}': posts,
        'lifelong_perceived_total{what="events"}': 2 * posts,
    }
    # The last second may not be scraped yet.
    holds(lambda: {series: total(watched, series) for series in expected} == expected, 5.0)
    assert {series: total(watched, series) for series in expected} == expected
    assert 0 < total(watched, "lifelong_lists_total") <= clicks + 5 * posts
    assert total(watched, 'lifelong_stage_seconds_count{stage="total"}') == total(watched, "lifelong_lists_total")
    written = {labels["target"] for labels, rows in watched.query("lifelong_projected_total") if rows}
    assert written == set(projector_metrics.TARGETS) - {"erasures"}


def total(prometheus: Prometheus, series: str) -> float:
    [(_, value)] = prometheus.query(f"sum({series})")
    return value


def test_no_alert_rule_fails_and_no_critical_one_fires(watched: Prometheus) -> None:
    rules = [rule for group in watched.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) > 10
    assert {rule["name"]: rule.get("lastError", "") for rule in rules if rule["health"] == "err"} == {}
    assert [r["name"] for r in rules if r["state"] == "firing" and r["labels"]["severity"] == "critical"] == []


def test_the_targets_command_finds_the_metrics_of_the_embedded_servers(
    stack: Settings, embedded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFELONG_DATA_DIR", str(embedded.layout.data_dir))
    app = typer.Typer()
    commands.register(app)
    assert CliRunner().invoke(app, ["monitor", "targets"]).exit_code == 0
    groups = json.loads((embedded.layout.data_dir / "prometheus" / "targets.json").read_text())
    targets = {group["labels"]["job"]: group["targets"][0] for group in groups}
    assert answers(f"http://{targets['triton']}/metrics")
    assert answers(f"http://{targets['milvus']}/metrics")


ALONE = (
    "import typer; from deploy.cli.operations import monitoring; app = typer.Typer(); monitoring.register(app); app()"
)


def test_the_prometheus_command_runs_until_it_is_terminated(
    stack: Settings, embedded: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFELONG_DATA_DIR", str(embedded.layout.data_dir))
    port = free_port()
    with ended(
        (sys.executable, "-c", ALONE, "monitor", "prometheus", "--port", str(port)), tmp_path / "log"
    ) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/-/ready"), seconds=20, what="Prometheus answers")
        rules = Prometheus(f"http://127.0.0.1:{port}").get("rules")["groups"]
        assert {group["name"] for group in rules} == {"freshness", "processes", "servers", "quality", "flink"}
    assert process.returncode == 0
    assert f"http://127.0.0.1:{port}" in (tmp_path / "log").read_text()
