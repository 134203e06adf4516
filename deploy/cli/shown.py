"""Output of commands: tables that fit the terminal, `--json` for programs, and where settings were read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from deploy.cli.terminal import Console, put_encoded
from deploy.settings import ENDPOINTS_FILE, SettingsError, config_path, load_settings
from schemas.errors import LifelongError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
READABLE_WIDTH = 24
"""The fewest terminal columns for prose; where there are fewer, each row is shown as a block of lines."""


class NoSuch(LifelongError):
    """A name matches nothing, or several things; the message names what exists."""


class NothingDone(LifelongError):
    """A command found nothing to do; its exit status is 1."""


@dataclass(frozen=True)
class Column:
    """A column of a listing. Prose may wrap; other cells, such as ids, are for copying and never cut or wrapped."""

    name: str
    prose: bool = False
    right: bool = False


def utc(at: float, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return a time in UTC; the bare number where it is out of the calendar's range.

    >>> utc(0.0), utc(0.0, "%Y-%m-%d"), utc(1e30)
    ('1970-01-01 00:00:00', '1970-01-01', '1e+30')
    """
    try:
        return datetime.fromtimestamp(at, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return f"{at:g}"


def listing(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[RenderableType]], *, title: str = ""
) -> RenderableType:
    """Return rows as a table, or as blocks of lines where the terminal is too narrow. Nothing is cut.

    Cells are rich markup: escape text that comes from elsewhere.
    """
    fits = _fits(console, columns, rows)
    parts = [_table(columns, rows)] if fits else _blocks(columns, rows, console.width)
    return Group(*([Text(title, style="italic")] if title else []), *parts)


def _table(columns: Sequence[Column], rows: Sequence[Sequence[RenderableType]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        justify: Any = "right" if column.right else "left"
        table.add_column(column.name, no_wrap=not column.prose, overflow="fold", justify=justify)
    for row in rows:
        table.add_row(*row)
    return table


def _fits(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[RenderableType]]) -> bool:
    needed = 0
    for index, column in enumerate(columns):
        widths = [Measurement.get(console, console.options, _cell(row[index])).maximum for row in rows]
        widest = max([len(column.name), *widths])
        needed += 2 + (min(widest, READABLE_WIDTH) if column.prose else widest)
    return needed <= console.width


def _cell(cell: RenderableType) -> RenderableType:
    return Text.from_markup(cell) if isinstance(cell, str) else cell


def _blocks(columns: Sequence[Column], rows: Sequence[Sequence[RenderableType]], width: int) -> list[RenderableType]:
    """Return each row as a block under its first cell: short cells side by side, prose below, no empty cells."""
    parts: list[RenderableType] = []
    for row in rows:
        first, *others = (_text(cell) for cell in row)
        if first.plain:
            parts.append(Text(first.plain, style="bold"))
        named = [(column, cell) for column, cell in zip(columns[1:], others, strict=True) if cell.plain]
        parts += _lines(
            [Text.assemble((column.name, "dim"), " ", cell) for column, cell in named if not column.prose], width
        )
        parts += [_indented(column, cell) for column, cell in named if column.prose]
    return parts


def _lines(cells: Sequence[Text], width: int) -> list[Text]:
    """Return cells one after the other, none broken, in as few lines as they fit."""
    lines: list[Text] = []
    for cell in cells:
        if lines and lines[-1].cell_len + 3 + cell.cell_len <= width:
            lines[-1] = Text.assemble(lines[-1], " · ", cell)
        else:
            lines.append(Text.assemble("  ", cell))
    return [Text.assemble(line, overflow="fold") for line in lines]


def _indented(column: Column, cell: Text) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(f"  {column.name}", style="dim"), cell)
    return grid


def _text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text.from_markup(str(cell))


def put_json(value: Any) -> None:
    """Print a value as indented JSON on standard output."""
    put_encoded(msgspec.json.format(msgspec.json.encode(value)))


def put_json_line(value: Any) -> None:
    """Print a value as one line of JSON, for commands that follow a stream."""
    put_encoded(msgspec.json.encode(value))


def origin() -> str:
    """Return which data directory and settings file a command read, for error messages about servers.

    Names the settings file even if it cannot be read.
    """
    config = config_path()
    file = f"settings file {str(config.absolute())!r}" + ("" if config.is_file() else ", which does not exist")
    try:
        data_dir = load_settings(with_endpoints=False).data_dir.absolute()
    except SettingsError:
        return file
    up = "" if (data_dir / ENDPOINTS_FILE).is_file() else ", in which `lifelong up` has not run"
    return f"data directory {str(data_dir)!r}{up}; {file}"


def complete_id(prefix: str, ids: Sequence[str], *, what: str, hint: str) -> str:
    """Return the only id that begins with the prefix; a whole id always means itself.

    Raises:
        NoSuch: no id begins with the prefix, or several do; the message names them.

    >>> complete_id("ab", ["abc", "b"], what="dead letter", hint="")
    'abc'
    >>> complete_id("a", ["ab", "ac"], what="dead letter", hint="")
    Traceback (most recent call last):
    ...
    deploy.cli.shown.NoSuch: 'a' is the beginning of 2 ids of a dead letter: ab, ac; give more of it
    """
    if prefix in ids:
        return prefix
    matches = sorted({candidate for candidate in ids if prefix and candidate.startswith(prefix)})
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise NoSuch(f"there is no {what} {prefix!r}; {hint}")
    shown = ", ".join(matches[:5]) + (", …" if len(matches) > 5 else "")
    raise NoSuch(f"{prefix!r} is the beginning of {len(matches)} ids of a {what}: {shown}; give more of it")
