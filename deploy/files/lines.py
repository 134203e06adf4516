"""Formats a report as lines of text, at most 80 characters wide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

from deploy.files.errors import Refusal
from deploy.files.report import CatalogueReport, FileReport

LINE_WIDTH = 80
INDENT = 12


def lines_of(report: FileReport) -> list[str]:
    """Return a report of events, and of the catalogue if there was one."""
    lines = list(_events(report))
    if report.catalogue is not None:
        lines += ["", *catalogue_lines(report.catalogue)]
    return lines


def _events(report: FileReport) -> Iterator[str]:
    yield from _file(report.file, report.kind, report.notes)
    users, items = _count(report.users, "user", "users"), _count(report.items, "item", "items")
    yield from _entry(
        "events", f"{report.events:,}, of {users} on {items}; {_count(report.refused, 'row', 'rows')} refused"
    )
    if report.first:
        yield from _entry("from", f"{report.first} to {report.last}")
    yield from _entry("types", _counts(report.types))
    yield from _entry("times", _counts(report.times))
    yield from _columns(report.columns, report.contents)
    for doubt in report.doubts:
        yield from _entry("note", doubt)
    yield from _reasons("refused", report.reasons, report.unit)


def catalogue_lines(report: CatalogueReport) -> list[str]:
    """Return a report of a catalogue."""
    lines = list(_file(report.file, report.kind, report.notes))
    coverage = "" if report.known is None else f"; it has {report.known:,} of the events' items"
    lines += _entry("items", f"{report.items:,}; {_count(report.refused, 'row', 'rows')} refused{coverage}")
    lines += _columns(report.columns, report.contents)
    for column, separators in report.categories.items():
        lines += _entry(
            "lists",
            f"{column} is separated by {separators}"
            if separators != "one category a row"
            else f"{column}: {separators}",
        )
    lines += _reasons("refused", report.reasons, "row")
    lines += _reasons("left out", report.left_out, "row")
    return lines


def _file(name: str, kind: str, notes: Sequence[str]) -> Iterator[str]:
    yield name
    yield from _entry("read as", "; ".join([kind, *notes]))


def _columns(columns: Mapping[str, str | None], contents: Mapping[str, str]) -> Iterator[str]:
    used = [(field, name) for name, field in columns.items() if field]
    for index, (field, name) in enumerate(used):
        yield from _entry("" if index else "columns", f"{field} from {name!r} ({contents.get(name, 'nothing')})")
    unused = [name for name, field in columns.items() if not field]
    if unused:
        yield from _entry("unused", ", ".join(unused))


def _reasons(title: str, reasons: Sequence[Refusal], unit: str) -> Iterator[str]:
    for refusal in reasons:
        yield from _entry(title, f"{_count(refusal.count, 'row', 'rows')}: {refusal.reason}")
        for number, example in zip(refusal.rows[:3], refusal.examples, strict=False):
            yield from _entry("", f"  {unit} {number}: {example}" if example else f"  {unit} {number}")


def _entry(title: str, text: str) -> Iterator[str]:
    """Yield a title and its text, whose further lines are indented below the first one."""
    indent = " " * (len(text) - len(text.lstrip()))
    printable = "".join(letter if letter.isprintable() else "?" for letter in text.strip())
    parts = wrap(printable, LINE_WIDTH - INDENT - len(indent), break_on_hyphens=False) or [""]
    for index, part in enumerate(parts):
        yield f"  {'' if index else title:<{INDENT - 2}}{indent}{part}".rstrip()


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _count(count: int, singular: str, plural: str) -> str:
    return f"{count:,} {singular if count == 1 else plural}"
