"""A replay as one HTML page that needs nothing else: no network, no script, images drawn into it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from deploy.reports import plots
from inference.evaluation.intervals.interval import Interval
from streams.backtest.ablations import Additions, by_worth, noise
from streams.backtest.baseline_runner import tuning_rows
from streams.backtest.results import OURS, BacktestResults

STYLE = """
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


def html_report(found: BacktestResults) -> str:
    """The whole page; the same results give the same text, but for the measured speed."""
    title = f"Replay of {found.data}"
    sections = (
        _section("Compared on the same choices", _systems(found), _compared(found)),
        _section("As it went on", plots.running(found)),
        _section("Week by week", plots.by_week(found)),
        _section("How much better, and how sure", plots.differences(found), _differences(found)),
        _section("How the baselines were tuned", _tuning(found)) if found.baselines else "",
        _section("What each part adds", plots.additions(found.additions), _additions(found.additions))
        if found.additions
        else "",
        _section("By how well the person is known", plots.by_person(found)),
        _section("By how well the item is known", plots.by_item(found)),
        _section("What became of the choices", plots.miss_analysis(found), _miss_analysis(found)),
        _section("Fresh or from the topic", plots.freshness(found), _freshness()),
        _section("Next basket", plots.baskets(found), _basket_note(found)),
        _section("Can its probabilities be believed?", plots.reliability(found), _calibration_note()),
        _section("Speed", _speed(found)),
        _section("What was judged", _evaluated(found)),
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n"
        f'<p class="quiet">Each list was made before the system saw the event, then the event was learned from.</p>\n'
        f"{_cards(found)}\n{''.join(sections)}</body></html>\n"
    )


def _section(title: str, *parts: str) -> str:
    return f"<h2>{escape(title)}</h2>\n" + "\n".join(parts) + "\n"


def _paragraph(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>'


def _best_other(found: BacktestResults) -> str:
    return max(found.differences, key=lambda name: found.systems[name].hit_rate)


def _cards(found: BacktestResults) -> str:
    best = _best_other(found)
    lift = found.differences[best]["hit_rate"]
    cards = (
        (f"{found.hr_request:.3f}", "HR@10 of the moment's list"),
        (f"{lift.value:+.3f}", f"against {best}, the best of the others ({lift.low:+.3f} to {lift.high:+.3f})"),
        (f"{found.ndcg_request:.3f}", "NDCG@10"),
        (f"{found.hr_topic:.3f}", "HR@10 of what the topic held"),
        (f"{found.speed.events_per_second:.0f}", "events a second, learning from each"),
    )
    made = "".join(
        f'<div class="card"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for value, name in cards
    )
    return f'<div class="cards">{made}</div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], ours: str = "") -> str:
    """The first column names a row; the one that `ours` names stands out."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join(
        f'<tr class="ours">{_cells(row)}</tr>' if ours and row[0] == ours else f"<tr>{_cells(row)}</tr>" for row in rows
    )
    return f"<table><tr>{top}</tr>{lines}</table>"


def _cells(row: Sequence[str]) -> str:
    return "".join(f"<td>{escape(cell)}</td>" for cell in row)


def _systems(found: BacktestResults) -> str:
    head = ("", "HR@10", "NDCG@10", "MRR", "HR@10, new people", "coverage", "novelty, bits")
    rows = [
        (
            name,
            f"{one.hit_rate:.4f}",
            f"{one.gain:.4f}",
            f"{one.reciprocal_rank:.4f}",
            f"{found.new_people[name].hit_rate:.4f}",
            f"{found.shown[name].coverage:.3f}",
            f"{found.shown[name].novelty:.2f}",
        )
        for name, one in found.systems.items()
    ]
    return _table(head, rows, ours=OURS)


def _compared(found: BacktestResults) -> str:
    new = found.new_people[OURS].events / max(1, found.evaluated)
    return _paragraph(
        f"{found.evaluated} choices; {new:.0%} of them are the first of their user. An item that nobody had met counts "
        f"as missed. Coverage: share of the items chosen so far that were in any list. Novelty: -log2 of an item's "
        f"share of all choices, averaged over places."
    )


def _differences(found: BacktestResults) -> str:
    rows = [(f"less {name}", *(_interval(one) for one in each.values())) for name, each in found.differences.items()]
    return _table(("", "HR@10", "NDCG@10", "MRR"), rows)


def _interval(one: Interval) -> str:
    return f"{one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"


def _tuning(found: BacktestResults) -> str:
    rows = [row for name, tuning in found.baselines.items() for row in tuning_rows(name, tuning)]
    return _table(("", "setting", "HR@10 of the trial", ""), rows) + _paragraph(
        "Each setting was tried on the choices before judging began, test-then-train; the best of them went on. The "
        "seconds are those of trials and judging together."
    )


def _additions(found: Additions) -> str:
    rows = [
        (name, _interval(one.hit_rate), _interval(one.gain), f"{one.ms_per_event:+.2f}")
        for name, one in by_worth(found)
    ]
    return _table(("", "HR@10", "NDCG@10", "ms an event"), rows) + _paragraph(
        "The whole less the same log replayed anew without a candidate source, or without a group of feature columns, "
        "with 95 % intervals over people. Parts that stand in for each other add little one by one. Milliseconds are "
        f"of processor time; below zero there was more to do without the part. {noise(found)}"
    )


def _miss_analysis(found: BacktestResults) -> str:
    held = found.miss_analysis
    rows = [
        (fate, *map(str, counts), str(sum(counts)), f"{sum(counts) / max(1, found.evaluated):.1%}")
        for fate, counts in zip(held.fates, held.counts, strict=True)
    ]
    return _table(("past events of the person", *held.groups, "all", "share"), rows)


def _freshness() -> str:
    return _paragraph(
        "What a subscriber of the topic holds just before the event: the person's newest list if it has not expired, "
        "else the list for people never seen. The gap to the moment's list is what asking for a fresh one is worth."
    )


def _basket_note(found: BacktestResults) -> str:
    held = found.next_basket
    kind = "Baskets are as the events name them" if held.named else "Baskets are sittings, parted by half an hour"
    return _paragraph(f"{kind}. The share of a basket's items that were in the list made before its first event.")


def _calibration_note() -> str:
    return _paragraph(
        "The softmax over the candidates' scores, where the chosen item was among them: what it gave the first place "
        "and the whole list, against how often that came true, in ten bins of equally many choices."
    )


def _speed(found: BacktestResults) -> str:
    speed = found.speed
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
        "One process, one thread. Included: folding, planning, the exam and the published list, item statistics, every "
        "message as JSON, states, learning. Left out: reading the file, judging and the floors."
    )


def _evaluated(found: BacktestResults) -> str:
    rows = [
        ("rows in the input", str(found.rows)),
        ("events", str(found.events)),
        ("choices of items", str(found.choices)),
        ("judged, after the warm-up", str(found.evaluated)),
        ("people among them", str(found.people)),
        *((f"refused: {reason}", str(count)) for reason, count in {**found.refused, **found.unused}.items()),
    ]
    note = f"The first {found.plan.warm_up:.0%} of the rows are only learned from. Seed {found.plan.seed}."
    return _table(("", ""), rows) + _paragraph(note)
