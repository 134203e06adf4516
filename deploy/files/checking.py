"""Opens and loads files: `lifelong check` reports on them, and so do `import` and `backtest` before they begin."""

from __future__ import annotations

from msgspec import Struct

from deploy.files.errors import UnreadableFile
from deploy.files.events import Reading, read
from deploy.files.items import Catalogue, read_catalogue
from deploy.files.lines import catalogue_lines, lines_of
from deploy.files.options import Typed, event_options_of, item_options_of
from deploy.files.report import (
    CatalogueCounts,
    CatalogueReport,
    FileCounts,
    FileReport,
    catalogue_report,
    report_of,
)
from schemas.interactions import Interaction
from schemas.items import Item


class Files(Struct, frozen=True):
    """A file of events, a catalogue, or both, opened; each can be read repeatedly."""

    events: Reading | None
    catalogue: Catalogue | None


def open_files(typed: Typed, *, now: float) -> Files:
    """Open the named files. All options are parsed before any file is read.

    Raises:
        UnreadableFile: an option or a file cannot be used, or no file is named.
    """
    if typed.events is None and typed.items is None:
        raise UnreadableFile("name a file of events, or a catalogue with --items")
    event_options, item_options = event_options_of(typed) if typed.events else None, item_options_of(typed)
    catalogue = read_catalogue(typed.items, item_options, now=now) if typed.items else None
    events = read(typed.events, event_options, now=now) if typed.events and event_options else None
    return Files(events, catalogue)


class LoadedFile(Struct, frozen=True):
    """The events and items of files, and the report of how they were read."""

    events: list[tuple[int, Interaction]]
    items: list[Item]
    report: FileReport | CatalogueReport

    @property
    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        return lines_of(self.report) if isinstance(self.report, FileReport) else catalogue_lines(self.report)


def load(files: Files, *, keep: bool = True) -> LoadedFile:
    """Read everything once; without `keep` only the report is held in memory."""
    counts, item_counts = FileCounts(), CatalogueCounts()
    events: list[tuple[int, Interaction]] = []
    for event in counts.of(files.events) if files.events is not None else ():
        if keep:
            events.append(event)
    items: list[Item] = []
    for item in files.catalogue.items(item_counts.refused, item_counts.left_out) if files.catalogue is not None else ():
        item_counts.ids.add(item.item_id)
        if keep:
            items.append(item)
    return LoadedFile(events, items, _report(files, counts, item_counts))


def _report(files: Files, counts: FileCounts, item_counts: CatalogueCounts) -> FileReport | CatalogueReport:
    catalogue = None
    if files.catalogue is not None:
        catalogue = catalogue_report(files.catalogue, counts if files.events is not None else None, item_counts)
    if files.events is None:
        assert catalogue is not None  # one of the two is named
        return catalogue
    report = report_of(files.events, counts)
    report.catalogue = catalogue
    return report


def nothing_in(report: FileReport | CatalogueReport) -> str:
    """Return why the files hold nothing usable; empty if they hold something.

    A catalogue without a usable row is an error too: its items would be missing silently.
    """
    parts = [report] if isinstance(report, CatalogueReport) else [report, report.catalogue]
    for part in parts:
        usable = part.events if isinstance(part, FileReport) else part.items if part is not None else 1
        if part is not None and not usable:
            reason = f"all {part.rows:,} rows were refused" if part.rows else "it has a header and no rows"
            return f"{part.file!r} holds nothing that can be used: {reason}"
    return ""
