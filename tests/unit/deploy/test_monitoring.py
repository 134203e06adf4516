"""Dashboard, alert rules and the table of metrics agree."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from deploy.cli.operations import monitoring as commands
from deploy.embedded import choices, endpoints
from deploy.embedded.layout import DataLayout
from deploy.monitoring import targets, telemetry
from deploy.monitoring.grafana.dashboard import DASHBOARD_FILE, as_json, make_dashboard
from deploy.monitoring.grafana.rows import DASHBOARD_ROWS, TARGET_SECONDS
from deploy.monitoring.grafana.vendors import VENDORS
from deploy.reference.metrics import METRIC_FILES, metrics_page
from deploy.settings import Settings

ALERTS = targets.SHIPPED / "alerts.yml"
ALERT_TESTS = targets.SHIPPED / "alerts_test.yml"
NOT_SHOWN: dict[str, str] = {}
"""Metrics that no panel shows, each with the reason."""
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "info": ("_info",),
}
WORDS = frozenset({"by", "on", "or", "and", "unless", "offset", "group_left", "group_right", "without", "ignoring"})


def table() -> dict[str, set[str]]:
    """Return the series of each metric in the table."""
    assert METRIC_FILES, "loaded, so that their metrics are in the registry"
    families = [family for family in REGISTRY.collect() if family.name.startswith("lifelong_")]
    return {family.name: {family.name + suffix for suffix in SUFFIXES[family.type]} for family in families}


def test_every_metric_is_on_the_page_of_metrics() -> None:
    page = metrics_page()
    assert {name for name in table() if f"`{name}" not in page} == set()


def series(expr: str) -> set[str]:
    """Return the names of the series in a PromQL expression."""
    bare = re.sub(
        r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"|\b(by|on|without|ignoring|group_left|group_right) ?\([^)]*\)", "", expr
    )
    return {name for name in re.findall(r"\b[a-z_]{2,}\b(?!\s*\()", bare) if name not in WORDS}


def panel_expressions() -> list[str]:
    return [query.expr for row in DASHBOARD_ROWS for panel in row.panels for query in panel.queries]


def rules() -> list[dict]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def test_series_are_parsed_from_an_expression():
    assert series('histogram_quantile(0.5, sum by (le, a) (rate(x_bucket{b="c"}[5m]))) > 2 * up offset 1h') == {
        "x_bucket",
        "up",
    }


def test_the_committed_dashboard_is_built_from_the_table():
    assert DASHBOARD_FILE.read_text() == as_json(make_dashboard()), "run: python -m deploy.monitoring.grafana.dashboard"


def test_the_committed_dashboard_fits_grafanas_model():
    committed = json.loads(DASHBOARD_FILE.read_text())
    assert json.loads(json.dumps(Dashboard.from_json(committed), cls=JSONEncoder)) == committed


def test_every_series_of_a_panel_or_a_rule_is_in_the_table_or_a_documented_one_of_a_vendor():
    documented = {name for names in table().values() for name in names} | set(VENDORS)
    expressions = [*panel_expressions(), *(rule["expr"] for rule in rules())]
    assert {name for expr in expressions for name in series(expr)} - documented == set()


def test_every_metric_of_the_table_is_shown_and_every_listed_vendor_metric_is_used():
    shown = {name for expr in panel_expressions() for name in series(expr)}
    assert {metric for metric, names in table().items() if not names & shown} == set(NOT_SHOWN)
    assert set(VENDORS) - shown == set()


def test_every_panel_says_what_to_do_and_queries_the_chosen_data_source():
    committed = json.loads(DASHBOARD_FILE.read_text())
    panels = [panel for panel in committed["panels"] if panel["type"] != "row"]
    assert [variable["name"] for variable in committed["templating"]["list"]] == ["datasource"]
    for panel in panels:
        assert panel["title"]
        assert len(panel["description"]) > 60, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        for expressions in (panel, *panel["targets"]):
            assert expressions["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_panels_have_distinct_ids_and_positions():
    panels = json.loads(DASHBOARD_FILE.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    occupied: set[tuple[int, int]] = set()
    for position in (panel["gridPos"] for panel in panels):
        cells = {(position["x"] + x, position["y"] + y) for x in range(position["w"]) for y in range(position["h"])}
        assert not cells & occupied
        assert max(x for x, _ in cells) < 24
        occupied |= cells


def test_the_target_of_the_dashboard_is_the_alerts_and_a_bound_of_the_buckets():
    late = next(rule for rule in rules() if rule["alert"] == "LifelongListsAreLate")
    assert late["expr"].endswith(f"> {TARGET_SECONDS}")
    telemetry.STAGE.labels("total")
    bounds = {sample.labels.get("le") for sample in telemetry.STAGE.collect()[0].samples}
    assert str(TARGET_SECONDS) in bounds


def test_every_alert_has_a_severity_a_summary_and_a_remedy():
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert len(rule["annotations"]["description"]) > 80, rule["alert"]


def test_every_alert_is_tested_firing_and_all_are_silent_in_a_healthy_system():
    tests = yaml.safe_load(ALERT_TESTS.read_text())["tests"]
    firing = [check["expr"] for test in tests for check in test["promql_expr_test"] if check["exp_samples"]]
    assert [rule["alert"] for rule in rules() if not any(f'"{rule["alert"]}"' in expr for expr in firing)] == []
    well = {(check["expr"], bool(check["exp_samples"])) for check in tests[0]["promql_expr_test"]}
    assert well == {("ALERTS", False)}
    fed = {name for alert in tests[0]["input_series"] for name in series(alert["series"])}
    assert {name for rule in rules() for name in series(rule["expr"])} - fed == set()


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is absent: apt-get install prometheus")
@pytest.mark.parametrize(
    "command",
    [
        ("check", "rules", str(ALERTS)),
        ("test", "rules", str(ALERT_TESTS)),
        ("check", "config", str(targets.SHIPPED / "prometheus.yml")),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_promtool_accepts_the_rules(command):
    done = subprocess.run(("promtool", *command), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafanas_provisioning_has_the_scrape_interval_and_the_dashboards_folder():
    provisioning = targets.GRAFANA / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "lifelong.yml").read_text())["datasources"]
    scraping = yaml.safe_load((targets.SHIPPED / "prometheus.yml").read_text())["global"]
    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == scraping["scrape_interval"]
    [provider] = yaml.safe_load((provisioning / "dashboards" / "lifelong.yml").read_text())["providers"]
    assert provider["type"] == "file"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LIFELONG_DATA_DIR", str(tmp_path))
    app = typer.Typer()
    commands.register(app)
    return lambda *words: CliRunner().invoke(app, ["monitor", *words])


def chosen(folder: Path, base: Settings, started: frozenset[str]) -> dict[str, int]:
    """Write the files that `lifelong up` writes for these servers; return the chosen ports."""
    ports = {name: 20_000 + number for number, name in enumerate(choices.PORT_NAMES)}
    stored = choices.StackChoices(ports, dict.fromkeys(choices.SECRET_NAMES, "secret"))
    choices.write(folder / "choices.json", stored)
    sections = endpoints.sections(stored, started, base, DataLayout.of(folder, folder))
    endpoints.write(folder / "endpoints.toml", sections)
    return ports


def test_targets_are_all_started_servers_and_processes(run, tmp_path):
    ports = chosen(tmp_path, Settings(), frozenset({"kafka", "redis", "milvus", "triton"}))
    assert run("targets").exit_code == 0
    groups = json.loads((tmp_path / "prometheus" / "targets.json").read_text())
    assert {group["labels"]["job"]: group["targets"] for group in groups} == {
        "worker": [f"127.0.0.1:{ports['worker']}"],
        "statistics": [f"127.0.0.1:{ports['statistics']}"],
        "trainer": [f"127.0.0.1:{ports['trainer']}"],
        "projector": [f"127.0.0.1:{ports['projector']}"],
        "gateway": [f"127.0.0.1:{ports['gateway']}"],
        "triton": [f"127.0.0.1:{ports['triton_metrics']}"],
        "milvus": [f"127.0.0.1:{ports['milvus_health']}"],
    }


def test_an_external_server_is_no_target(run, tmp_path, monkeypatch):
    monkeypatch.setenv("LIFELONG_TRITON__GRPC", "triton.example:8001")
    chosen(tmp_path, Settings(), frozenset({"kafka", "redis", "milvus"}))
    assert run("targets").exit_code == 0
    groups = json.loads((tmp_path / "prometheus" / "targets.json").read_text())
    assert "triton" not in {group["labels"]["job"] for group in groups}


def test_without_targets_a_message_says_what_to_do(run):
    result = run("targets")
    assert isinstance(result.exception, targets.MonitoringError)
    assert "lifelong up" in str(result.exception)


def test_without_prometheus_a_message_says_how_to_install_it(run, tmp_path, monkeypatch):
    chosen(tmp_path, Settings(), frozenset())
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run("prometheus")
    assert isinstance(result.exception, targets.MonitoringError)
    assert "apt-get install prometheus" in str(result.exception)
