"""Each command of `docs/guides/bring-your-log.md` runs on small files of that shape, and reads everything in them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.app import make_app
from tests.unit.deploy.log_shapes import SHAPES, write

PAGE = Path(__file__).parents[3] / "docs" / "guides" / "bring-your-log.md"

# For each check of a section: events, users, items, refused, the first event, and items of the catalogue.
EXPECTED: dict[str, list[tuple[int, int, int, int, str, int | None]]] = {
    "RetailRocket": [(3, 3, 3, 0, "2015-06-02T05:02:12.117Z", None)],
    "Yoochoose": [(3, 2, 3, 0, "2014-04-07T10:51:09.277Z", None), (1, 1, 1, 0, "2014-04-06T18:44:58.314Z", None)],
    "Last.fm 1K": [(2, 1, 2, 1, "2009-05-04T13:54:10Z", None)],
    "MovieLens": [
        (2, 2, 2, 0, "1997-12-04T15:55:49Z", 2),
        (2, 2, 2, 0, "1997-12-04T15:55:49Z", 2),
        (3, 2, 2, 0, "2000-12-31T21:33:33Z", 2),
        (2, 1, 2, 0, "2000-07-30T18:20:47Z", 2),
    ],
    "MIND": [(3, 2, 3, 0, "2019-11-11T09:05:58Z", 2)],
    "Amazon reviews": [(2, 2, 2, 0, "2019-02-11T06:22:38.332Z", 2), (2, 2, 2, 0, "2013-05-14T00:00:00Z", None)],
    "H&M": [(2, 1, 2, 0, "2018-09-20T00:00:00Z", 2)],
    "Instacart": [(3, 1, 2, 0, "2017-01-01T08:00:00Z", None)],
    "Steam": [(2, 2, 2, 0, "2017-02-17T00:00:00Z", None), (2, 2, 2, 0, "2017-12-17T00:00:00Z", None)],
    "Google Analytics 4": [
        (3, 1, 2, 1, "2020-12-01T00:00:01.123456Z", None),
        (1, 1, 1, 0, "2020-01-01T10:05:00Z", None),
    ],
    "Segment": [(1, 1, 1, 1, "2020-01-01T10:00:00Z", None), (2, 1, 2, 1, "2020-01-01T10:09:00Z", None)],
    "Snowplow": [(2, 1, 2, 0, "2020-01-01T10:00:00.123Z", None)],
}


def blocks(section: str) -> list[tuple[str, str]]:
    """Return the code blocks of a section of the page: language and text."""
    text = PAGE.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL)


def checked(command: str) -> dict[str, object]:
    result = CliRunner().invoke(make_app(), [*shlex.split(command)[1:], "--json"])
    assert result.exit_code == 0, result.output
    report: dict[str, object] = json.loads(result.stdout)
    return report


def run(language: str, text: str) -> list[dict[str, object]]:
    if language == "python":
        exec(compile(text, str(PAGE), "exec"), {})
        return []
    reports = []
    for line in text.strip().splitlines():
        if line.startswith("lifelong "):
            reports.append(checked(line))
        else:
            subprocess.run(["bash", "-c", line], check=True)
    return reports


@pytest.mark.parametrize("section", SHAPES)
def test_the_commands_of_the_page_read_their_log(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(section, tmp_path)
    monkeypatch.chdir(tmp_path)
    reports = [report for block in blocks(section) for report in run(*block)]
    keys = ("events", "users", "items", "refused", "first")
    summaries = []
    for report in reports:
        catalogue = report["catalogue"]
        catalogue_items = catalogue["items"] if isinstance(catalogue, dict) else None
        summaries.append((*(report[key] for key in keys), catalogue_items))
    assert summaries == EXPECTED[section]


def test_each_section_has_its_files() -> None:
    assert re.findall(r"^## (.*)$", PAGE.read_text(), re.MULTILINE) == list(SHAPES) == list(EXPECTED)


@pytest.mark.parametrize("name", ["orders.csv", "order_products__prior.csv"])
def test_a_message_names_the_column_that_order_lines_lack(name: str, tmp_path: Path) -> None:
    write("Instacart", tmp_path)
    result = CliRunner().invoke(make_app(), ["check", str(tmp_path / name)])
    assert result.exit_code != 0
    assert "no column for" in str(result.exception)
    assert "'time'" in str(result.exception)
