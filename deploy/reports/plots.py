"""Plots of a replay as SVG, for the page: each takes results and returns the text of one image."""

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

# Told apart by people who see red and green alike (Okabe and Ito, 2008), and by their marks; baselines are dashed.
SYSTEM_NAMES = (OURS, TOPIC, *BASELINES, *FULL)
PALETTE = "#0072b2 #56b4e9 #8c8c8c #d55e00 #009e73 #cc79a7 #e69f00 #000000 #882255 #999933 #332288"
COLOURS = dict(zip(SYSTEM_NAMES, PALETTE.split(), strict=True))
PLOT_MARKERS = dict(zip(SYSTEM_NAMES, "osv^DP<>X*h", strict=True))
FATE_COLOURS = ("#0072b2", "#56b4e9", "#a6cee3", "#e69f00", "#999999", "#dddddd")
STYLE: dict[Any, Any] = {
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
    """Axes to draw on, and the text that holds the image afterwards; the same drawing gives the same text."""
    text = StringIO()
    with rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure.add_subplot(), text
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    start = text.getvalue().index("<svg")
    image = text.getvalue()[start:]
    text.seek(0)
    text.truncate()
    text.write(image)


def running(found: BacktestResults) -> str:
    """HR@10 of all choices so far."""
    with _drawing(8.2, 3.0) as (axes, text):
        for name in found.systems:
            rates = found.running[name]
            places = np.arange(1, len(rates) + 1) * found.evaluated / len(rates)
            axes.plot(places, rates, label=name, **_line(name))
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel("judged choices")
        axes.set_ylabel("HR@10 so far")
        _legend(axes)
    return text.getvalue()


def by_week(found: BacktestResults) -> str:
    """HR@10 of everybody, week by week."""
    with _drawing(8.2, 3.4) as (axes, text):
        weeks = [part.name for part in found.by_week]
        for name in found.systems:
            rates = [part.measures[name].hit_rate for part in found.by_week]
            axes.plot(weeks, rates, marker=PLOT_MARKERS[name], label=name, **_line(name))
        axes.set_ylabel("HR@10")
        axes.set_ylim(bottom=0.0)
        axes.set_xticks(_some(len(weeks)), [weeks[place] for place in _some(len(weeks))], rotation=30, ha="right")
        axes.set_xlabel("week beginning")
        _legend(axes)
    return text.getvalue()


def _line(name: str) -> dict[str, Any]:
    return {
        "color": COLOURS[name],
        "linewidth": 2.4 if name == OURS else 1.2,
        "linestyle": "--" if name in FULL else "-",
    }


def _some(size: int, most: int = 14) -> list[int]:
    """Places of at most so many labels.

    >>> _some(3), _some(30, most=3)
    ([0, 1, 2], [0, 10, 20])
    """
    return list(range(0, size, max(1, -(-size // most))))


def _legend(axes: Axes) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def differences(found: BacktestResults) -> str:
    """Ours less each of the others, with the intervals."""
    rows = {f"less {name}": intervals["hit_rate"] for name, intervals in found.differences.items()}
    return _intervals(rows, "difference in HR@10, with 95 % intervals over people")


def additions(found: Additions) -> str:
    """What each part adds to HR@10, the most first, with the intervals."""
    rows = {name: one.hit_rate for name, one in by_worth(found)}
    return _intervals(rows, "added to HR@10, with 95 % intervals over people")


def _intervals(named: Mapping[str, Interval], label: str) -> str:
    rows = list(named.values())
    with _drawing(8.2, 1.0 + 0.3 * len(rows)) as (axes, text):
        places = np.arange(len(rows))[::-1]
        means = np.array([one.value for one in rows])
        ends = np.array([[one.value - one.low, one.high - one.value] for one in rows]).T
        axes.errorbar(means, places, xerr=ends, fmt="o", color=COLOURS[OURS], capsize=4, linewidth=2)
        axes.axvline(0.0, color="black", linewidth=1)
        axes.set_yticks(places, list(named))
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlabel(label)
    return text.getvalue()


def by_person(found: BacktestResults) -> str:
    """HR@10 by how well the person is known."""
    return _bars(found, found.by_person, "past events of the person")


def by_item(found: BacktestResults) -> str:
    """HR@10 by how well the item is known."""
    return _bars(found, found.by_item, "past events of the item")


def _bars(found: BacktestResults, parts: tuple[Part, ...], label: str) -> str:
    names = [name for name in found.systems if name != TOPIC]
    width = 0.8 / len(names)
    with _drawing(8.2, 3.0) as (axes, text):
        places = np.arange(len(parts))
        for number, name in enumerate(names):
            rates = [part.measures[name].hit_rate for part in parts]
            axes.bar(places + (number - (len(names) - 1) / 2) * width, rates, width, color=COLOURS[name], label=name)
        axes.set_xticks(places, [f"{part.name}\n({part.measures[OURS].events})" for part in parts])
        axes.set_xlabel(f"{label} (judged choices)")
        axes.set_ylabel("HR@10")
        _legend(axes)
    return text.getvalue()


def miss_analysis(found: BacktestResults) -> str:
    """What became of the choices, in shares of each group of people."""
    held = found.miss_analysis
    counts = np.array(held.counts, float)
    totals = counts.sum(axis=0)
    shares = counts / np.maximum(1.0, totals)
    with _drawing(8.2, 2.6) as (axes, text):
        left = np.zeros(len(held.groups))
        for fate, row, colour in zip(held.fates, shares, FATE_COLOURS, strict=True):
            axes.barh(held.groups, row, left=left, color=colour, label=fate, edgecolor="white")
            left += row
        axes.set_yticks(range(len(held.groups)), [f"{g} ({n:.0f})" for g, n in zip(held.groups, totals, strict=True)])
        axes.invert_yaxis()
        axes.set_ylabel("past events (choices)")
        axes.set_xlabel("share of the choices")
        _legend(axes)
    return text.getvalue()


def freshness(found: BacktestResults) -> str:
    """HR@10 of the moment's list and of what the topic held, by whose list that was."""
    kinds = {"own": "their own list", "default": "list for people\nnever seen", "none": "nothing\nunexpired"}
    bars = {
        "made at the\nmoment": found.hr_request,
        "from the topic": found.hr_topic,
        **{f"{kinds[kind]}\n({one.share:.0%})": one.hit_rate for kind, one in found.topic.items()},
    }
    with _drawing(8.2, 2.6) as (axes, text):
        colours = [COLOURS[OURS], COLOURS[TOPIC], *("#bbbbbb" for _ in found.topic)]
        axes.bar(list(bars), list(bars.values()), 0.6, color=colours)
        for place, value in enumerate(bars.values()):
            axes.text(place, value, f"{value:.3f}", ha="center", va="bottom")
        axes.set_ylabel("HR@10")
    return text.getvalue()


def reliability(found: BacktestResults) -> str:
    """Predicted against observed, for the first place and for the list."""
    with _drawing(4.2, 3.4) as (axes, text):
        top = 0.05
        for name, one in found.calibration.items():
            axes.plot(
                [b.predicted for b in one.bins], [b.observed for b in one.bins], marker="o", label=_named(name, one)
            )
            top = max([top, *(max(b.predicted, b.observed) for b in one.bins)])
        axes.plot([0.0, top], [0.0, top], color="black", linewidth=0.8, linestyle="--")
        axes.set_xlabel("predicted")
        axes.set_ylabel("came true")
        axes.legend(loc="upper left")
    return text.getvalue()


def _named(name: str, one: Calibration) -> str:
    return f"{name} (error {one.error:.3f})"


def baskets(found: BacktestResults) -> str:
    """Next-basket recall of everybody."""
    held = found.next_basket
    with _drawing(8.2, 2.8) as (axes, text):
        places = np.arange(len(held.recall))
        axes.bar(places - 0.2, list(held.recall.values()), 0.38, color="#0072b2", label=f"all {held.baskets}")
        later = f"{held.later_baskets} that are not the first"
        axes.bar(places + 0.2, list(held.later_recall.values()), 0.38, color="#56b4e9", label=later)
        axes.set_xticks(places, list(held.recall), rotation=30, ha="right")
        axes.set_ylabel("recall@10")
        _legend(axes)
    return text.getvalue()
