"""The blocks of README.md and of the pages as a reader pastes them, in their order, in one folder, on a real stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from inference.learning.weights_file import initial_weights, write_weights
from inference.ranking.features import FeatureTable
from tests.documents import PAGES, ROOT, Block, blocks, documents

pytestmark = [pytest.mark.servers, pytest.mark.slow]

NOT_RUN = {
    "make demo": "takes minutes, and tests/e2e/test_demo.py runs it",
    "make test": "is what runs this",
    "make check": "is what runs this",
    "lifelong demo": "takes minutes, and tests/e2e/test_demo.py runs it",
    "make setup": "is what made this environment",
    "make docs": "goes on until it is told to end",
    "lifelong llm-server": "goes on until it is told to end, and test_small_model.py runs it",
    "lifelong monitor prometheus": "goes on until it is told to end",
    "lifelong up --engine flink": "is refused while the stack runs with another engine",
    "lifelong evaluate knowledge": "takes a minute, and test_signals_commands.py runs it",
    "lifelong user erase": "would leave other documents without a user, and test_erasure.py runs it",
    "lifelong flink": "needs that engine, and test_flink_switch.py and test_user_engines.py run what it does",
}
"""Beginnings of commands that are not run, each with the reason."""
NAMES = "import sys; sys.path.insert(0, {root!r})\nfrom features.views import *; from math import log1p\n"
"""A row for a table is pasted into the file of the table, where these are at hand."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the files that the documents name, and a stack that runs as its settings say."""
    path = tmp_path_factory.mktemp("documents")
    _files(path)
    # Clusters and certificates of one's own are not at hand.
    own = ("data_dir", ".pem")
    settings = [block.text for block in blocks("toml") if not any(word in block.text for word in own)]
    (path / "lifelong.toml").write_text("\n".join(["[ranking]\nexploration = 1.0", *settings]))
    _run(path, "lifelong up")
    try:
        _traffic(_door(path))
        yield path
    finally:
        _run(path, "lifelong down")


def _files(path: Path) -> None:
    """Logs with the columns that the commands name."""
    rng = np.random.default_rng(1)
    n = 2_000
    people, items = rng.integers(0, 60, n), rng.zipf(1.6, n) % 90
    when = pd.date_range("2026-01-01", periods=n, freq="7min")
    log = pd.DataFrame({"who": [f"u{x}" for x in people], "what": [f"i{x}" for x in items], "when": when})
    log.assign(stars=rng.integers(1, 6, n).astype(float)).to_parquet(path / "events.parquet")
    catalogue = pd.DataFrame({"item_id": [f"i{x}" for x in range(90)], "title": [f"Thing {x}" for x in range(90)]})
    catalogue.assign(categories=[f"c{x % 5}" for x in range(90)]).to_parquet(path / "items.parquet")
    lines = pd.DataFrame({"InvoiceNo": [str(536_000 + x // 4) for x in range(n)], "InvoiceDate": when})
    lines = lines.assign(StockCode=[str(10_000 + x) for x in items], CustomerID=people + 12_000, Quantity=1)
    lines.to_parquet(path / "invoice_lines.parquet")
    facts = pd.DataFrame({"item": ["heat", *(f"i{x}" for x in range(90))], "maker": [f"m{x % 9}" for x in range(91)]})
    facts.to_csv(path / "facts.csv", index=False)
    snow = {"where": ["DE"], "what": ["weather"], "is": ["snow"], "begin": ["2026-01-01"], "end": ["2026-01-03"]}
    pd.DataFrame(snow).to_csv(path / "places.csv", index=False)
    (path / "trends.jsonl").write_text('{"subject": "c1", "trend": 0.5, "until": 4e9}\n')
    write_weights(path / "ranker-2025.npz", initial_weights(FeatureTable().columns))


def _traffic(door: dict[str, str]) -> None:
    """People who click, and see the lists that answer it: what policies and experiments are judged from."""

    def ask(method: str, path: str, body: object = None) -> Any:
        answer = httpx.request(method, door["URL"] + path, json=body, headers={"X-API-Key": door["KEY"]}, timeout=20)
        answer.raise_for_status()
        return answer.json()

    ask("POST", "/v1/items", [{"item_id": f"t{k}", "title": f"Thing {k}", "available_from": 0} for k in range(30)])
    for turn in range(8):
        for user in (f"reader-{k}" for k in range(6)):
            click = {"type": "click", "user_id": user, "item_id": f"t{turn}"}
            token = ask("POST", "/v1/interactions", click)["token"]
            made = ask("GET", f"/v1/recommendations/{user}?after={token}&timeout_ms=10000")
            slate = made["slates"][0]
            seen = {"type": "impression", "user_id": user, "list_id": slate["list_id"]}
            ask("POST", "/v1/interactions", seen | {"items": [item["item_id"] for item in slate["items"]]})


def _environment(path: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LIFELONG_")}
    return inherited | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "80"}


def _run(path: Path, command: str, **more: str) -> str:
    """The command, as it is pasted; what it printed."""
    environment = _environment(path) | more
    done = subprocess.run(
        ["bash", "-c", command], cwd=path, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def _door(path: Path) -> dict[str, str]:
    """`$URL` and `$KEY`, as `lifelong status` shows them."""
    gateway = json.loads(_run(path, "lifelong status --json"))["gateway"]
    return {"URL": gateway["url"], "KEY": gateway["api_keys"][0]}


def _name(block: Block) -> str:
    return block.name


RUN = blocks("sh", "python", of=[path for path in documents() if path != PAGES / "guides" / "bring-your-log.md"])
"""The commands on other people's logs are run by tests/unit/deploy/test_bring_your_log.py, on files of their shapes."""


@pytest.mark.parametrize("block", RUN, ids=_name)
def test_a_block_runs_as_it_is_pasted(folder: Path, block: Block) -> None:
    if block.language == "python":
        row = block.text.lstrip().startswith("(")
        program = NAMES.format(root=str(ROOT)) + block.text if row else block.text
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=folder, env=_environment(folder), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return
    for command in block.commands:
        if not any(command.startswith(each) for each in NOT_RUN):
            _run(folder, command, **_door(folder))


def test_what_is_not_run_is_there() -> None:
    commands = [command for block in blocks("sh") for command in block.commands]
    assert {each for each in ("make demo", "make test") if not any(c.startswith(each) for c in commands)} == set()
