"""The HTML report of a backtest: one self-contained page without network, scripts or external images."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from deploy.reports import plots
from inference.evaluation.intervals.interval import Interval
from streams.backtest.ablations import Additions, by_worth, noise
from streams.backtest.baseline_runner import tuning_rows
from streams.backtest.results import OURS, BacktestResults

PAGE_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .3rem; }
p { max-width: 48rem; } .quiet { color: #666; }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0; }
.card { border: 1px solid #ddd; border-radius: .5rem; padding: .6rem 1rem; min-width: 9rem; }
.card b { display: block; font-size: 1.6rem; color: #0072b2; } .card span { color: #666; font-size: .85rem; }
table { border-collapse: collapse; margin: .6rem 0; } td, th { padding: .2rem .8rem; text-align: right; }
td:first-child, th:first-child { text-align: left; padding-left: 0; } tr + tr { border-top: 1px solid #eee; }
tr.ours { font-weight: 600; } svg { max-width: 100%; height: auto; }
"""


def html_report(results: BacktestResults) -> str:
    """Return the page; the same results give the same text, except for the measured speed."""
    title = f"Backtest of {results.data}"
    sections = (
        _section("Compared on the same choices", _systems(results), _compared(results)),
        _section("Over time", plots.running(results)),
        _section("Week by week", plots.by_week(results)),
        _section("Differences, with intervals", plots.differences(results), _differences(results)),
        _section("How the baselines were tuned", _tuning(results)) if results.baselines else "",
        _section("What each part adds", plots.additions(results.additions), _additions(results.additions))
        if results.additions
        else "",
        _section("By past events of the user", plots.by_person(results)),
        _section("By past events of the item", plots.by_item(results)),
        _section("Miss analysis: what became of the choices", plots.miss_analysis(results), _miss_analysis(results)),
        _section("Fresh list or the topic's", plots.freshness(results), _freshness()),
        _section("Next basket", plots.baskets(results), _basket_note(results)),
        _section("Calibration", plots.reliability(results), _calibration_note()),
        _section("Speed", _speed(results)),
        _section("What was evaluated", _evaluated(results)),
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{PAGE_STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n"
        f'<p class="quiet">Each list was made before the system saw the event; then the event was learned from.</p>\n'
        f"{_cards(results)}\n{''.join(sections)}</body></html>\n"
    )


def _section(title: str, *parts: str) -> str:
    return f"<h2>{escape(title)}</h2>\n" + "\n".join(parts) + "\n"


def _paragraph(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>'


def _best_other(results: BacktestResults) -> str:
    return max(results.differences, key=lambda name: results.systems[name].hit_rate)


def _cards(results: BacktestResults) -> str:
    best = _best_other(results)
    lift = results.differences[best]["hit_rate"]
    cards = (
        (f"{results.hr_request:.3f}", "HR@10 of a fresh list"),
        (f"{lift.value:+.3f}", f"against {best}, the best of the others ({lift.low:+.3f} to {lift.high:+.3f})"),
        (f"{results.ndcg_request:.3f}", "NDCG@10"),
        (f"{results.hr_topic:.3f}", "HR@10 of the topic's list"),
        (f"{results.speed.events_per_second:.0f}", "events per second, learning from each"),
    )
    rendered = "".join(
        f'<div class="card"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for value, name in cards
    )
    return f'<div class="cards">{rendered}</div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], ours: str = "") -> str:
    """Return an HTML table whose first column names the rows; the row named `ours` is emphasized."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join(
        f'<tr class="ours">{_cells(row)}</tr>' if ours and row[0] == ours else f"<tr>{_cells(row)}</tr>" for row in rows
    )
    return f"<table><tr>{top}</tr>{lines}</table>"


def _cells(row: Sequence[str]) -> str:
    return "".join(f"<td>{escape(cell)}</td>" for cell in row)


def _systems(results: BacktestResults) -> str:
    head = ("", "HR@10", "NDCG@10", "MRR", "HR@10, new users", "coverage", "novelty, bits")
    rows = [
        (
            name,
            f"{metrics.hit_rate:.4f}",
            f"{metrics.gain:.4f}",
            f"{metrics.reciprocal_rank:.4f}",
            f"{results.new_people[name].hit_rate:.4f}",
            f"{results.shown[name].coverage:.3f}",
            f"{results.shown[name].novelty:.2f}",
        )
        for name, metrics in results.systems.items()
    ]
    return _table(head, rows, ours=OURS)


def _compared(results: BacktestResults) -> str:
    new = results.new_people[OURS].events / max(1, results.evaluated)
    return _paragraph(
        f"{results.evaluated} choices; {new:.0%} of them are the first of their user. An item without an earlier event "
        f"counts as missed. Coverage: share of the items chosen so far that were in any list. Novelty: -log2 of an "
        f"item's share of all choices, averaged over ranks."
    )


def _differences(results: BacktestResults) -> str:
    rows = [(f"less {name}", *map(_interval, intervals.values())) for name, intervals in results.differences.items()]
    return _table(("", "HR@10", "NDCG@10", "MRR"), rows)


def _interval(interval: Interval) -> str:
    return f"{interval.value:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"


def _tuning(results: BacktestResults) -> str:
    rows = [row for name, tuning in results.baselines.items() for row in tuning_rows(name, tuning)]
    return _table(("", "setting", "HR@10 of the trial", ""), rows) + _paragraph(
        "Each setting was tried on the choices before evaluation began, test-then-train; the best was kept. Seconds "
        "are those of trials and evaluation together."
    )


def _additions(additions: Additions) -> str:
    rows = [
        (name, _interval(addition.hit_rate), _interval(addition.gain), f"{addition.ms_per_event:+.2f}")
        for name, addition in by_worth(additions)
    ]
    return _table(("", "HR@10", "NDCG@10", "ms per event"), rows) + _paragraph(
        "The whole system less one without a candidate source, or without a group of feature columns, on the same log, "
        "with 95 % intervals over users. Parts that replace each other add little one by one. Milliseconds are of "
        f"processor time; a negative value means more work without the part. {noise(additions)}"
    )


def _miss_analysis(results: BacktestResults) -> str:
    misses = results.miss_analysis
    rows = [
        (fate, *map(str, counts), str(sum(counts)), f"{sum(counts) / max(1, results.evaluated):.1%}")
        for fate, counts in zip(misses.fates, misses.counts, strict=True)
    ]
    return _table(("past events of the user", *misses.groups, "all", "share"), rows)


def _freshness() -> str:
    return _paragraph(
        "What a subscriber of the topic has just before the event: the user's newest list if it has not expired, else "
        "the non-personalised list. The gap to the fresh list is what a rank request is worth."
    )


def _basket_note(results: BacktestResults) -> str:
    named = results.next_basket.named
    kind = "Baskets are as the events name them" if named else "Baskets are sessions, split at gaps of half an hour"
    return _paragraph(f"{kind}. The share of a basket's items that were in the list made before its first event.")


def _calibration_note() -> str:
    return _paragraph(
        "The softmax over the candidates' scores, where the chosen item was among them: what it gave the first rank "
        "and the whole list, against how often that came true, in ten bins of equally many choices."
    )


def _speed(results: BacktestResults) -> str:
    speed = results.speed
    return _table(
        ("events/s", "events per second of processor time", "p50", "p90", "p99"),
        [
            (
                f"{speed.events_per_second:.0f}",
                f"{speed.events_per_cpu_second:.0f}",
                f"{speed.p50_ms:.2f} ms",
                f"{speed.p90_ms:.2f} ms",
                f"{speed.p99_ms:.2f} ms",
            )
        ],
    ) + _paragraph(
        "One process, one thread. Included: folding, planning, the prequential query and the published list, item "
        "statistics, every message as JSON, states, learning. Excluded: reading the file, evaluation and baselines."
    )


def _evaluated(results: BacktestResults) -> str:
    rows = [
        ("rows in the input", str(results.rows)),
        ("events", str(results.events)),
        ("choices of items", str(results.choices)),
        ("evaluated, after the warm-up", str(results.evaluated)),
        ("users among them", str(results.people)),
        *((f"refused: {reason}", str(count)) for reason, count in {**results.refused, **results.unused}.items()),
    ]
    note = f"The first {results.plan.warm_up:.0%} of the rows are only learned from. Seed {results.plan.seed}."
    return _table(("", ""), rows) + _paragraph(note)
