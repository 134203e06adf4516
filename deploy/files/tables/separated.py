"""Reads CSV, TSV, `.dat` and RecBole's `.inter` and `.item`: text files with separators between cells.

Lines are split here rather than by a table library, because no library gives all three of: line numbers as in an
editor, a malformed row that loses only itself, and cells that stay text. Python's `csv` reads quoted cells.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import islice

from msgspec import Struct

from deploy.files.errors import UnreadableFile, as_unreadable_file
from deploy.files.tables.rows import Cell, ColumnLayout, MalformedRow, Row, unique
from deploy.files.tables.text import NOT_UTF8, Text

RECBOLE = frozenset({".inter", ".item", ".user", ".kg", ".link", ".net"})
TABBED = frozenset({".tsv", ".tab"}) | RECBOLE
CANDIDATES = ("::", "\t", ",", ";", "|")
QUOTING = frozenset(",;|")
"""Separators that a cell in quotes may hold. In files with tabs or ``::`` a quote is an ordinary character."""
SAMPLE_LINES = 100
MOST_CELL_LINES = 500
"""How many lines a quoted cell may span; a quote that is not closed by then is an ordinary character."""
SEPARATOR_NAMES = {"\t": "a tab", " ": "a blank"}
_QUOTED = re.compile(r'"[^"]*"')
_TYPED = re.compile(r"(.+):(token|token_seq|float|float_seq)")


class SeparatedFormat(Struct, frozen=True):
    """How lines become cells."""

    separator: str
    quoted: bool
    skip_blanks: bool = False
    """Whether a blank follows each separator and belongs to no cell."""

    def split(self, line: str) -> list[str]:
        """Return the cells of a record.

        Raises:
            csv.Error: a quote is not closed, or text follows a closing quote before the separator.
        """
        if not (self.quoted and '"' in line):
            cells = line.rstrip("\r\n").split(self.separator)
        else:
            reader = csv.reader(
                StringIO(line, newline=""), delimiter=self.separator, strict=True, skipinitialspace=self.skip_blanks
            )
            cells = next(reader)
        return [cell.strip() for cell in cells] if self.skip_blanks else cells


class SeparatedRows:
    """The rows of a text file with separators."""

    unit = "line"

    def __init__(self, text: Text, layout: ColumnLayout) -> None:
        self._text, self._layout = text, layout
        csv.field_size_limit(1 << 24)
        with as_unreadable_file(text.opened.path):
            sample = [line for line in islice(text.lines(), SAMPLE_LINES) if line.strip()]
            if not sample:
                raise UnreadableFile(f"{str(text.opened.path)!r} is empty: it has only blank lines")
            self._format = format_of(sample, layout.separator, text.opened.suffix)
            header = layout.columns or self._header()
        typed = {name: matched for name in header if (matched := _TYPED.fullmatch(name))}
        self._typed = len(typed) == len(header)
        self.names = unique([typed[name][1] if self._typed else name for name in header])
        sequences = {matched[1] for matched in typed.values() if matched[2].endswith("_seq")}
        self.spaced = frozenset(sequences if self._typed else ())

    @property
    def notes(self) -> tuple[str, ...]:
        """Return separator and encoding."""
        mark = self._format.separator
        parts = [f"{SEPARATOR_NAMES.get(mark, repr(mark))} between cells", self._text.note]
        parts += ["no header: columns as given" if self._layout.columns else ""]
        return tuple(filter(None, parts))

    def _header(self) -> list[str]:
        _, cells = next(self._records())
        if isinstance(cells, MalformedRow):
            raise UnreadableFile(f"{str(self._text.opened.path)!r}: its first line is not a header: {cells.reason}")
        return [cell.strip() for cell in cells]

    def read(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield rows with as many cells as there are columns; others as malformed."""
        indexes = [self.names.index(column) for column in columns]
        width = len(self.names)
        with as_unreadable_file(self._text.opened.path):
            for number, cells in islice(self._records(), 0 if self._layout.columns else 1, None):
                if isinstance(cells, MalformedRow):
                    yield number, cells
                elif len(cells) != width and (len(cells) < width or any(cells[width:])):
                    yield (
                        number,
                        MalformedRow(
                            f"the row has {len(cells)} cells, not {width}", self._format.separator.join(cells)
                        ),
                    )
                else:
                    row: list[Cell] = [cells[index] or None for index in indexes]
                    yield number, row

    def _records(self) -> Iterator[tuple[int, list[str] | MalformedRow]]:
        lines = _Numbered(self._text.lines())
        form = self._format
        for number, line in lines:
            if self._text.is_damaged(line):
                yield number, MalformedRow(NOT_UTF8, line)
            elif form.quoted and '"' in line:
                yield number, self._quoted(line, lines)
            elif line.strip("\r\n "):
                yield number, form.split(line)

    def _quoted(self, line: str, lines: _Numbered) -> list[str] | MalformedRow:
        """Return a record with quotes, which may span several lines; an unclosed quote is an ordinary character."""
        record = line
        for extra in range(MOST_CELL_LINES):
            try:
                cells = self._format.split(record)
            except csv.Error as exc:
                if "unexpected end" not in str(exc) or (following := lines.look(extra)) is None:
                    break
                record += following
            else:
                lines.skip(extra)
                return MalformedRow(NOT_UTF8, line) if self._text.is_damaged(record) else cells
        literal = SeparatedFormat(self._format.separator, quoted=False, skip_blanks=self._format.skip_blanks).split(
            line
        )
        width = len(self.names) if hasattr(self, "names") else len(literal)
        return literal if len(literal) == width else MalformedRow("a quote is not closed", line)


class _Numbered:
    """Numbered lines with look-ahead."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._ahead: deque[str] = deque()
        self._number = 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        while True:
            line = self._ahead.popleft() if self._ahead else next(self._lines, None)
            if line is None:
                return
            self._number += 1
            yield self._number, line

    def _fill(self, size: int) -> bool:
        self._ahead.extend(islice(self._lines, max(0, size - len(self._ahead))))
        return len(self._ahead) >= size

    def look(self, index: int) -> str | None:
        """Return the line `index` lines after the next one; none past the end."""
        return self._ahead[index] if self._fill(index + 1) else None

    def skip(self, count: int) -> None:
        """Skip lines that were looked at."""
        for _ in range(count):
            self._ahead.popleft()
        self._number += count


def format_of(sample: Sequence[str], separator: str, suffix: str) -> SeparatedFormat:
    """Return how cells are separated: as given, by the ending, or so that all lines have equally many cells.

    Raises:
        UnreadableFile: several separators are possible.

    >>> format_of(["a;b", "1,5;2"], "", ".csv").separator
    ';'
    """
    chosen = separator or _clear_separator(sample, suffix)
    quoted = chosen in QUOTING
    cells = [_QUOTED.sub("", line).split(chosen)[1:2] for line in sample[1:] or sample]
    blank = bool(chosen.strip()) and bool(cells) and all(cell and cell[0].startswith(" ") for cell in cells)
    return SeparatedFormat(chosen, quoted, skip_blanks=blank)


def _clear_separator(sample: Sequence[str], suffix: str) -> str:
    usual = "\t" if suffix in TABBED else ","
    if suffix in RECBOLE and usual in sample[0]:
        return usual
    even = [mark for mark in CANDIDATES if _is_even(sample, mark)]
    if "::" in even:
        return "::"
    if usual in even or not even:
        present = [mark for mark in CANDIDATES if mark in sample[0]]
        return usual if usual in even or usual in sample[0] or len(present) != 1 else present[0]
    if len(even) > 1:
        listed = ", ".join(SEPARATOR_NAMES.get(mark, repr(mark)) for mark in even)
        raise UnreadableFile(f"any of {listed} could separate the cells: say which with --separator")
    return even[0]


def _is_even(sample: Sequence[str], mark: str) -> bool:
    """Return whether the first line has this separator, and nearly all lines have it equally often."""
    first = sample[0].count(mark)
    if not first:
        return False
    plain = [_QUOTED.sub("", line) if mark in QUOTING else line for line in sample]
    same = sum(line.count(mark) == plain[0].count(mark) for line in plain)
    return plain[0].count(mark) > 0 and same >= 0.8 * len(plain)
