"""CSV, TSV, `.dat` and RecBole's `.inter` and `.item`: rows of a text file with separators between cells.

Lines are parted here rather than by a table library, because three things are needed that none of them gives together:
line numbers as an editor shows them, a wrong row that costs a row, and cells that stay text. Quoted cells are read by
Python's `csv`.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import islice

from msgspec import Struct

from deploy.files.errors import UnreadableFile, in_words
from deploy.files.tables.rows import Cell, ColumnLayout, Row, Wrong, unique
from deploy.files.tables.text import NOT_UTF8, Text

RECBOLE = frozenset({".inter", ".item", ".user", ".kg", ".link", ".net"})
TABBED = frozenset({".tsv", ".tab"}) | RECBOLE
CANDIDATES = ("::", "\t", ",", ";", "|")
QUOTING = frozenset(",;|")
"""Where a cell in quotes may hold the separator. In files with tabs or ``::`` a quote is a letter like others."""
SAMPLE = 100
LONGEST_CELL = 500
"""Over how many lines a quoted cell may go; a quote that is not closed by then was none."""
SEPARATOR_NAMES = {"\t": "a tab", " ": "a blank"}
_QUOTED = re.compile(r'"[^"]*"')
_TYPED = re.compile(r"(.+):(token|token_seq|float|float_seq)")


class SeparatedFormat(Struct, frozen=True):
    """How lines become cells."""

    separator: str
    quoted: bool
    skip_blanks: bool = False
    """A blank comes after each separator and belongs to no cell."""

    def split(self, line: str) -> list[str]:
        """The cells of a record.

        Raises:
            csv.Error: a quote is not closed, or something comes between a closing quote and the separator.
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
        self._text, self._given = text, layout
        csv.field_size_limit(1 << 24)
        with in_words(text.opened.path):
            sample = [line for line in islice(text.lines(), SAMPLE) if line.strip()]
            if not sample:
                raise UnreadableFile(f"{str(text.opened.path)!r} is empty: it has only blank lines")
            self._shape = shape_of(sample, layout.separator, text.opened.suffix)
            given = layout.columns or self._header()
        typed = {name: found for name in given if (found := _TYPED.fullmatch(name))}
        self._typed = len(typed) == len(given)
        self.names = unique([typed[name][1] if self._typed else name for name in given])
        sequences = {found[1] for found in typed.values() if found[2].endswith("_seq")}
        self.spaced = frozenset(sequences if self._typed else ())

    @property
    def notes(self) -> tuple[str, ...]:
        """Separator and encoding."""
        mark = self._shape.separator
        parts = [f"{SEPARATOR_NAMES.get(mark, repr(mark))} between cells", self._text.note]
        parts += ["no header: columns as given" if self._given.columns else ""]
        return tuple(filter(None, parts))

    def _header(self) -> list[str]:
        _, cells = next(self._records())
        if isinstance(cells, Wrong):
            raise UnreadableFile(f"{str(self._text.opened.path)!r}: its first line is no header: {cells.reason}")
        return [cell.strip() for cell in cells]

    def read(self, columns: Sequence[str]) -> Iterator[Row]:
        """Rows with as many cells as there are columns; others are named."""
        places = [self.names.index(column) for column in columns]
        width = len(self.names)
        with in_words(self._text.opened.path):
            for number, cells in islice(self._records(), 0 if self._given.columns else 1, None):
                if isinstance(cells, Wrong):
                    yield number, cells
                elif len(cells) != width and (len(cells) < width or any(cells[width:])):
                    yield (
                        number,
                        Wrong(f"the row has {len(cells)} cells, not {width}", self._shape.separator.join(cells)),
                    )
                else:
                    found: list[Cell] = [cells[place] or None for place in places]
                    yield number, found

    def _records(self) -> Iterator[tuple[int, list[str] | Wrong]]:
        lines = _Numbered(self._text.lines())
        shape = self._shape
        for number, line in lines:
            if self._text.is_damaged(line):
                yield number, Wrong(NOT_UTF8, line)
            elif shape.quoted and '"' in line:
                yield number, self._quoted(line, lines)
            elif line.strip("\r\n "):
                yield number, shape.split(line)

    def _quoted(self, line: str, lines: _Numbered) -> list[str] | Wrong:
        """A record with quotes, which may go over several lines; a quote that closes nowhere is a letter."""
        record = line
        for taken in range(LONGEST_CELL):
            try:
                cells = self._shape.split(record)
            except csv.Error as exc:
                if "unexpected end" not in str(exc) or (following := lines.look(taken)) is None:
                    break
                record += following
            else:
                lines.skip(taken)
                return Wrong(NOT_UTF8, line) if self._text.is_damaged(record) else cells
        literal = SeparatedFormat(self._shape.separator, quoted=False, skip_blanks=self._shape.skip_blanks).split(line)
        width = len(self.names) if hasattr(self, "names") else len(literal)
        return literal if len(literal) == width else Wrong("a quote is not closed", line)


class _Numbered:
    """Lines with their numbers, of which the next ones can be looked at."""

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

    def look(self, place: int) -> str | None:
        """The line so many after the next one."""
        return self._ahead[place] if self._fill(place + 1) else None

    def skip(self, count: int) -> None:
        """Pass over lines that were looked at."""
        for _ in range(count):
            self._ahead.popleft()
        self._number += count


def shape_of(sample: Sequence[str], separator: str, suffix: str) -> SeparatedFormat:
    """What parts the cells: as given, by the ending, or by what gives all lines the same number of cells.

    Raises:
        UnreadableFile: several separators would do.

    >>> shape_of(["a;b", "1,5;2"], "", ".csv").separator
    ';'
    """
    chosen = separator or _clear_separator(sample, suffix)
    shape = SeparatedFormat(chosen, quoted=chosen in QUOTING)
    cells = [_QUOTED.sub("", line).split(chosen)[1:2] for line in sample[1:] or sample]
    blank = bool(chosen.strip()) and bool(cells) and all(cell and cell[0].startswith(" ") for cell in cells)
    return SeparatedFormat(chosen, shape.quoted, skip_blanks=blank)


def _clear_separator(sample: Sequence[str], suffix: str) -> str:
    usual = "\t" if suffix in TABBED else ","
    if suffix in RECBOLE and usual in sample[0]:
        return usual
    even = [mark for mark in CANDIDATES if _is_even(sample, mark)]
    if "::" in even:
        return "::"
    if usual in even or not even:
        held = [mark for mark in CANDIDATES if mark in sample[0]]
        return usual if usual in even or usual in sample[0] or len(held) != 1 else held[0]
    if len(even) > 1:
        listed = ", ".join(SEPARATOR_NAMES.get(mark, repr(mark)) for mark in even)
        raise UnreadableFile(f"any of {listed} could part the cells: say which with --separator")
    return even[0]


def _is_even(sample: Sequence[str], mark: str) -> bool:
    """Whether the first line has this separator, and nearly all lines have it as often."""
    first = sample[0].count(mark)
    if not first:
        return False
    plain = [_QUOTED.sub("", line) if mark in QUOTING else line for line in sample]
    same = sum(line.count(mark) == plain[0].count(mark) for line in plain)
    return plain[0].count(mark) > 0 and same >= 0.8 * len(plain)
