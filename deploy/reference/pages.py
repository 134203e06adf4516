"""The table of generated pages: the path of each in the documentation, and the function that writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from deploy.reference.alerts import alerts_page
from deploy.reference.capacity import capacity_page
from deploy.reference.cli import cli_page
from deploy.reference.http import http_page
from deploy.reference.limits import limits_page
from deploy.reference.metrics import metrics_page
from deploy.reference.settings import settings_page
from deploy.reference.topics import topics_page

PAGES: dict[str, Callable[[], str]] = {
    "reference/settings.md": settings_page,
    "reference/topics.md": topics_page,
    "reference/http.md": http_page,
    "reference/cli.md": cli_page,
    "reference/metrics.md": metrics_page,
    "reference/alerts.md": alerts_page,
    "reference/limits.md": limits_page,
    "reference/capacity.md": capacity_page,
}


def decisions_page(folder: Path) -> str:
    """Return the index of decision records: one line per file, with the file's title."""
    lines = [f"- [{path.read_text().splitlines()[0].removeprefix('# ')}]({path.name})" for path in records(folder)]
    introduction = "Why things are as they are. Each record states a context, a decision and its consequences."
    return "\n".join(["# Decision records", "", introduction, "", *lines]) + "\n"


def records(folder: Path) -> list[Path]:
    """Return the decision records of a folder, by number."""
    return sorted(folder.glob("[0-9]*.md"))
