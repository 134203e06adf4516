"""Files as they would be read: what `lifelong check` shows, and `import` and `backtest` before they begin."""

from __future__ import annotations

from msgspec import Struct

from deploy.files.errors import UnreadableFile
from deploy.files.events import Reading, read
from deploy.files.items import Catalogue, read_catalogue
from deploy.files.lines import catalogue_lines, lines_of
from deploy.files.options import Typed, asked_items_of, asked_of
from deploy.files.report import (
    CatalogueReport,
    CatalogueTally,
    FileCounts,
    FileReport,
    catalogue_report,
    report_of,
)
from schemas.interactions import Interaction
from schemas.items import Item


class Files(Struct, frozen=True):
    """A file of events, a catalogue, or both, opened and ready to be read as often as needed."""

    events: Reading | None
    catalogue: Catalogue | None


def open_files(typed: Typed, *, now: float) -> Files:
    """The files that were named. All options are understood before any file is read.

    Raises:
        UnreadableFile: an option or a file cannot be used, or no file is named.
    """
    if typed.events is None and typed.items is None:
        raise UnreadableFile("name a file of events, or a catalogue with --items")
    asked, asked_items = asked_of(typed) if typed.events else None, asked_items_of(typed)
    catalogue = read_catalogue(typed.items, asked_items, now=now) if typed.items else None
    events = read(typed.events, asked, now=now) if typed.events and asked else None
    return Files(events, catalogue)


class LoadedFile(Struct, frozen=True):
    """Everything in the files, and how it was read."""

    events: list[tuple[int, Interaction]]
    items: list[Item]
    report: FileReport | CatalogueReport

    @property
    def lines(self) -> list[str]:
        """The report for people."""
        return lines_of(self.report) if isinstance(self.report, FileReport) else catalogue_lines(self.report)


def load(files: Files, *, keep: bool = True) -> LoadedFile:
    """Read everything once; without `keep` only the report is made, whatever the size of the files."""
    counts, found = FileCounts(), CatalogueTally()
    events: list[tuple[int, Interaction]] = []
    for one in counts.of(files.events) if files.events is not None else ():
        if keep:
            events.append(one)
    items: list[Item] = []
    for item in files.catalogue.items(found.refused, found.left_out) if files.catalogue is not None else ():
        found.ids.add(item.item_id)
        if keep:
            items.append(item)
    return LoadedFile(events, items, _report(files, counts, found))


def _report(files: Files, counts: FileCounts, found: CatalogueTally) -> FileReport | CatalogueReport:
    about = None
    if files.catalogue is not None:
        about = catalogue_report(files.catalogue, counts if files.events is not None else None, found)
    if files.events is None:
        assert about is not None  # one of the two is named
        return about
    report = report_of(files.events, counts)
    report.catalogue = about
    return report


def nothing_in(report: FileReport | CatalogueReport) -> str:
    """Why there is nothing to use; empty if there is something.

    A catalogue of which no row can be used is a fault too: what it holds would be missed without a word.
    """
    parts = [report] if isinstance(report, CatalogueReport) else [report, report.catalogue]
    for part in parts:
        found = part.events if isinstance(part, FileReport) else part.items if part is not None else 1
        if part is not None and not found:
            why = f"all {part.rows:,} rows were refused" if part.rows else "it has a header and no rows"
            return f"{part.file!r} holds nothing that can be used: {why}"
    return ""
