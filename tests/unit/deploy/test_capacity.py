"""What platforms need follows from measured costs, and says where more of a resource does not help."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from deploy.bench.capacity import Assumptions, Need, Size, needs
from deploy.bench.measured_costs import MEASURED_COSTS
from deploy.cli.app import make_app
from deploy.reference.capacity import capacity_page
from schemas.topics import BY_NAME


def by_resource(engine: str, events: float) -> dict[str, Need]:
    size = Size(events_per_second=events, users=1_000, items=1_000)
    return {need.resource: need for need in needs(size, MEASURED_COSTS[engine], Assumptions())}  # type: ignore[index]


def test_twice_the_events_need_twice_the_cores_and_the_same_states() -> None:
    one, two = by_resource("python", 10_000), by_resource("python", 20_000)
    assert abs(two["worker"].amount - 2 * one["worker"].amount) <= 0.01
    assert two["states of users"] == one["states of users"]


def test_limits_are_named_where_more_does_not_help() -> None:
    assert {need.limit for need in by_resource("python", 1).values()} == {""}
    python, flink = by_resource("python", 1e6), by_resource("flink", 1e6)
    assert python["trainer"].limit == "one process does it"
    assert python["partitions of user topics"].limit == "settings allow 1,024"
    assert flink["taskmanager"].limit == "128 tasks at most"
    assert "worker" not in flink


def test_costs_are_of_topics_that_exist_and_the_page_has_both_engines() -> None:
    assert {topic for costs in MEASURED_COSTS.values() for topic in costs.topics} <= BY_NAME.keys()
    page = capacity_page()
    assert all(f"## With the engine `{engine}`" in page for engine in MEASURED_COSTS)


def test_the_command_says_what_it_assumed() -> None:
    shown = CliRunner().invoke(make_app(), ["capacity", "--events", "500", "--engine", "flink", "--json"])
    report = json.loads(shown.stdout)
    assert report["size"]["events_per_second"] == 500.0
    assert report["assumptions"]["replicas"] == 3
    assert {"resource", "amount", "unit", "limit"} == set(report["needs"][0])
