"""Backtest a log of your own: write a small one, run `lifelong backtest` on it, read the numbers.

python -m examples.backtest_own_log --folder backtest
"""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import typer

GENRES = ("crime", "garden", "travel")
START = 1_767_225_600
"""2026-01-01, in seconds since 1970."""


def main(folder: Path = Path("backtest"), events: int = 600) -> None:
    """Print HR@10 of Lifelong and of each baseline on a generated log of so many EVENTS."""
    folder.mkdir(parents=True, exist_ok=True)
    log, numbers = folder / "log.csv", folder / "numbers.json"
    write_log(log, events)
    for system, measures in backtest(log, numbers)["systems"].items():
        print(f"{measures['hit_rate']:.3f}  {system}")


def write_log(path: Path, events: int, seed: int = 1) -> None:
    """Write a CSV of readers who mostly choose books of one genre: user, item, time, type."""
    rng = random.Random(seed)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("reader", "book", "when", "action"))
        for number in range(events):
            reader = rng.randrange(30)
            genre = GENRES[reader % len(GENRES)] if rng.random() < 0.9 else rng.choice(GENRES)
            rows.writerow((f"reader-{reader}", f"{genre}-{rng.randrange(20)}", START + 600 * number, "purchase"))


def backtest(log: Path, numbers: Path) -> dict[str, Any]:
    """Run the command on a log whose columns have names of its own; all numbers of the report."""
    command = [sys.executable, "-m", "deploy.cli", "backtest", str(log), "--json", str(numbers)]
    mapping = "user=reader,item=book,time=when,type=action"
    subprocess.run([*command, "--map", mapping], check=True, stdout=sys.stderr)
    found: dict[str, Any] = json.loads(numbers.read_text())
    return found


if __name__ == "__main__":
    typer.run(main)
