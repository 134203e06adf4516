"""Plots of a backtest as SVG, for the HTML report: each takes results and returns the text of one image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inference.evaluation.baselines import FULL
from inference.evaluation.baselines.evaluator import BASELINES
from inference.evaluation.intervals.interval import Interval
from inference.evaluation.metrics.calibration import Calibration
from streams.backtest.ablations import Additions, by_worth
from streams.backtest.results import OURS, TOPIC, BacktestResults, Part

# Distinguishable with colour blindness (Okabe and Ito, 2008), and by their markers; baselines are dashed.
SYSTEM_NAMES = (OURS, TOPIC, *BASELINES, *FULL)
PALETTE = "#0072b2 #56b4e9 #8c8c8c #d55e00 #009e73 #cc79a7 #e69f00 #000000 #882255 #999933 #332288"
COLOURS = dict(zip(SYSTEM_NAMES, PALETTE.split(), strict=True))
PLOT_MARKERS = dict(zip(SYSTEM_NAMES, "osv^DP<>X*h", strict=True))
FATE_COLOURS = ("#0072b2", "#56b4e9", "#a6cee3", "#e69f00", "#999999", "#dddddd")
PLOT_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "lifelong",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}

Plot = Callable[[BacktestResults], str]


@contextmanager
def _drawing(width: float, height: float) -> Iterator[tuple[Axes, StringIO]]:
    """Yield axes and a buffer that holds the SVG afterwards; the same drawing gives the same text."""
    text = StringIO()
    with rc_context(PLOT_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure.add_subplot(), text
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    start = text.getvalue().index("<svg")
    image = text.getvalue()[start:]
    text.seek(0)
    text.truncate()
    text.write(image)


def running(results: BacktestResults) -> str:
    """Plot HR@10 of all choices so far."""
    with _drawing(8.2, 3.0) as (axes, text):
        for name in results.systems:
            rates = results.running[name]
            choices = np.arange(1, len(rates) + 1) * results.evaluated / len(rates)
            axes.plot(choices, rates, label=name, **_line(name))
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel("evaluated choices")
        axes.set_ylabel("HR@10 so far")
        _legend(axes)
    return text.getvalue()


def by_week(results: BacktestResults) -> str:
    """Plot HR@10 week by week."""
    with _drawing(8.2, 3.4) as (axes, text):
        weeks = [part.name for part in results.by_week]
        for name in results.systems:
            rates = [part.measures[name].hit_rate for part in results.by_week]
            axes.plot(weeks, rates, marker=PLOT_MARKERS[name], label=name, **_line(name))
        axes.set_ylabel("HR@10")
        axes.set_ylim(bottom=0.0)
        ticks = _tick_indexes(len(weeks))
        axes.set_xticks(ticks, [weeks[index] for index in ticks], rotation=30, ha="right")
        axes.set_xlabel("week beginning")
        _legend(axes)
    return text.getvalue()


def _line(name: str) -> dict[str, Any]:
    return {
        "color": COLOURS[name],
        "linewidth": 2.4 if name == OURS else 1.2,
        "linestyle": "--" if name in FULL else "-",
    }


def _tick_indexes(size: int, most: int = 14) -> list[int]:
    """Return evenly spaced indexes for at most `most` labels.

    >>> _tick_indexes(3), _tick_indexes(30, most=3)
    ([0, 1, 2], [0, 10, 20])
    """
    return list(range(0, size, max(1, -(-size // most))))


def _legend(axes: Axes) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def differences(results: BacktestResults) -> str:
    """Plot Lifelong less each of the others, with the intervals."""
    rows = {f"less {name}": intervals["hit_rate"] for name, intervals in results.differences.items()}
    return _intervals(rows, "difference in HR@10, with 95 % intervals over users")


def additions(results: Additions) -> str:
    """Plot what each part adds to HR@10, the most first, with the intervals."""
    rows = {name: addition.hit_rate for name, addition in by_worth(results)}
    return _intervals(rows, "added to HR@10, with 95 % intervals over users")


def _intervals(named: Mapping[str, Interval], label: str) -> str:
    rows = list(named.values())
    with _drawing(8.2, 1.0 + 0.3 * len(rows)) as (axes, text):
        positions = np.arange(len(rows))[::-1]
        means = np.array([row.value for row in rows])
        ends = np.array([[row.value - row.low, row.high - row.value] for row in rows]).T
        axes.errorbar(means, positions, xerr=ends, fmt="o", color=COLOURS[OURS], capsize=4, linewidth=2)
        axes.axvline(0.0, color="black", linewidth=1)
        axes.set_yticks(positions, list(named))
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlabel(label)
    return text.getvalue()


def by_person(results: BacktestResults) -> str:
    """Plot HR@10 by the number of past events of the user."""
    return _bars(results, results.by_person, "past events of the user")


def by_item(results: BacktestResults) -> str:
    """Plot HR@10 by the number of past events of the item."""
    return _bars(results, results.by_item, "past events of the item")


def _bars(results: BacktestResults, parts: tuple[Part, ...], label: str) -> str:
    names = [name for name in results.systems if name != TOPIC]
    width = 0.8 / len(names)
    with _drawing(8.2, 3.0) as (axes, text):
        positions = np.arange(len(parts))
        for number, name in enumerate(names):
            rates = [part.measures[name].hit_rate for part in parts]
            axes.bar(positions + (number - (len(names) - 1) / 2) * width, rates, width, color=COLOURS[name], label=name)
        axes.set_xticks(positions, [f"{part.name}\n({part.measures[OURS].events})" for part in parts])
        axes.set_xlabel(f"{label} (evaluated choices)")
        axes.set_ylabel("HR@10")
        _legend(axes)
    return text.getvalue()


def miss_analysis(results: BacktestResults) -> str:
    """Plot what became of the choices, in shares of each group of users."""
    misses = results.miss_analysis
    counts = np.array(misses.counts, float)
    totals = counts.sum(axis=0)
    shares = counts / np.maximum(1.0, totals)
    with _drawing(8.2, 2.6) as (axes, text):
        left = np.zeros(len(misses.groups))
        for fate, row, colour in zip(misses.fates, shares, FATE_COLOURS, strict=True):
            axes.barh(misses.groups, row, left=left, color=colour, label=fate, edgecolor="white")
            left += row
        labels = [f"{group} ({count:.0f})" for group, count in zip(misses.groups, totals, strict=True)]
        axes.set_yticks(range(len(misses.groups)), labels)
        axes.invert_yaxis()
        axes.set_ylabel("past events (choices)")
        axes.set_xlabel("share of the choices")
        _legend(axes)
    return text.getvalue()


def freshness(results: BacktestResults) -> str:
    """Plot HR@10 of a fresh list and of the topic's list, by the kind of the latter."""
    kinds = {"own": "user's own list", "default": "non-personalised\nlist", "none": "nothing\nunexpired"}
    bars = {
        "fresh list": results.hr_request,
        "from the topic": results.hr_topic,
        **{f"{kinds[kind]}\n({part.share:.0%})": part.hit_rate for kind, part in results.topic.items()},
    }
    with _drawing(8.2, 2.6) as (axes, text):
        colours = [COLOURS[OURS], COLOURS[TOPIC], *("#bbbbbb" for _ in results.topic)]
        axes.bar(list(bars), list(bars.values()), 0.6, color=colours)
        for index, value in enumerate(bars.values()):
            axes.text(index, value, f"{value:.3f}", ha="center", va="bottom")
        axes.set_ylabel("HR@10")
    return text.getvalue()


def reliability(results: BacktestResults) -> str:
    """Plot predicted against observed probabilities, for the first rank and for the list."""
    with _drawing(4.2, 3.4) as (axes, text):
        top = 0.05
        for name, calibration in results.calibration.items():
            axes.plot(
                [b.predicted for b in calibration.bins],
                [b.observed for b in calibration.bins],
                marker="o",
                label=_labelled(name, calibration),
            )
            top = max([top, *(max(b.predicted, b.observed) for b in calibration.bins)])
        axes.plot([0.0, top], [0.0, top], color="black", linewidth=0.8, linestyle="--")
        axes.set_xlabel("predicted")
        axes.set_ylabel("observed")
        axes.legend(loc="upper left")
    return text.getvalue()


def _labelled(name: str, calibration: Calibration) -> str:
    return f"{name} (error {calibration.error:.3f})"


def baskets(results: BacktestResults) -> str:
    """Plot next-basket recall of every system."""
    baskets = results.next_basket
    with _drawing(8.2, 2.8) as (axes, text):
        positions = np.arange(len(baskets.recall))
        axes.bar(positions - 0.2, list(baskets.recall.values()), 0.38, color="#0072b2", label=f"all {baskets.baskets}")
        later = f"{baskets.later_baskets} that are not the first"
        axes.bar(positions + 0.2, list(baskets.later_recall.values()), 0.38, color="#56b4e9", label=later)
        axes.set_xticks(positions, list(baskets.recall), rotation=30, ha="right")
        axes.set_ylabel("recall@10")
        _legend(axes)
    return text.getvalue()
