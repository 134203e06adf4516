"""The reference of capacity: what platforms of several sizes need, computed as `lifelong capacity` does."""

from __future__ import annotations

from msgspec.structs import asdict

from deploy.bench.capacity import Assumptions, Costs, Need, Size, need_cells, needs
from deploy.bench.measured_costs import MEASURED_COSTS, MEASURED_ON
from deploy.reference.markdown import table

PLATFORMS = {
    "a shop": Size(events_per_second=10, users=100_000, items=10_000),
    "a large shop": Size(events_per_second=300, users=2_000_000, items=100_000),
    "a platform": Size(events_per_second=10_000, users=20_000_000, items=1_000_000),
    "the largest": Size(events_per_second=1_000_000, users=100_000_000, items=1_000_000),
}
"""By what a column is called."""
CAPACITY_INTRODUCTION = f"""\
Computed by `lifelong capacity` from what one event cost in one run of `lifelong bench` for each engine: {MEASURED_ON}.
Nothing here was run at such a size. What processes do without events counts as a cost of events, so numbers are high.
It leaves out HTTP, replicas of servers but Kafka's, network, and the time in which to catch up after a failure. For
numbers of your own: `lifelong bench --save bench.json` on your machine, then
`lifelong capacity --bench bench.json --events 500 --users 1000000 --items 50000`.

A worker, or a TaskManager, decides in one interpreter, so its cores are processes. Where a limit is named, more of the
resource does not help: Lifelong has to change first.
"""


def capacity_page() -> str:
    """Return the page: sizes, the needs of each by engine, assumptions, and costs."""
    parts = ["# Capacity", CAPACITY_INTRODUCTION, table(("", *PLATFORMS), _sizes())]
    for engine, costs in MEASURED_COSTS.items():
        parts += [f"## With the engine `{engine}`", table(("needs", *PLATFORMS), _needs(costs))]
    parts += ["## Assumptions", table(("assumption", "value"), [(name, str(value)) for name, value in _given()])]
    parts += ["## Costs of an event", table(("process or topic", *MEASURED_COSTS), _costs())]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _sizes() -> list[tuple[str, ...]]:
    fields = ("events_per_second", "users", "items", "choices_per_user")
    return [
        (name.replace("_", " "), *(f"{getattr(size, name):,.0f}" for size in PLATFORMS.values())) for name in fields
    ]


def _needs(costs: Costs) -> list[tuple[str, ...]]:
    columns = [needs(size, costs, Assumptions()) for size in PLATFORMS.values()]
    rows = []
    for row in zip(*columns, strict=True):
        rows.append((f"{row[0].resource}, {row[0].unit}", *map(_cell, row)))
    return rows


def _cell(need: Need) -> str:
    _, amount, _, limit = need_cells(need)
    return f"{amount} ({limit})" if limit else amount


def _given() -> list[tuple[str, float]]:
    return [(name.replace("_", " "), value) for name, value in asdict(Assumptions()).items()]


def _costs() -> list[tuple[str, ...]]:
    columns = [
        {f"{name}, ms of processor time": value for name, value in costs.cpu_ms.items()}
        | {f"{name}, bytes": topic.per_event for name, topic in costs.topics.items()}
        for costs in MEASURED_COSTS.values()
    ]
    names = sorted({name for column in columns for name in column}, key=lambda name: ("bytes" in name, name))
    return [(name, *(f"{column[name]:,.4g}" if name in column else "" for column in columns)) for name in names]
