"""What commands print: tables that fit the terminal, `--json` for programs, and where settings were read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from deploy.settings import ENDPOINTS_FILE, SettingsError, config_path, load_settings
from schemas.errors import LifelongError

AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
READABLE_WIDTH = 24
"""Columns of the terminal that prose needs at least; where there are fewer, a row is shown as lines of its own."""


class NoSuch(LifelongError):
    """A name is that of nothing, or of several things; the message names what there is."""


class NothingDone(LifelongError):
    """A command found nothing to do: its exit status says so, too."""


@dataclass(frozen=True)
class Column:
    """A column of a listing. Prose may be wrapped; all else is copied by people, and is never cut or broken."""

    name: str
    prose: bool = False
    right: bool = False


def listing(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[RenderableType]], *, title: str = ""
) -> RenderableType:
    """Rows as a table, or one below the other where the terminal is too narrow for that. Nothing is cut.

    Cells are markup, as in any table of rich: what others wrote is to be escaped.
    """
    fits = _fits(console, columns, rows)
    shown = [_table(columns, rows)] if fits else _blocks(columns, rows, console.width)
    return Group(*([Text(title, style="italic")] if title else []), *shown)


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
    for place, column in enumerate(columns):
        widths = [Measurement.get(console, console.options, _cell(row[place])).maximum for row in rows]
        widest = max([len(column.name), *widths])
        needed += 2 + (min(widest, READABLE_WIDTH) if column.prose else widest)
    return needed <= console.width


def _cell(cell: RenderableType) -> RenderableType:
    return Text.from_markup(cell) if isinstance(cell, str) else cell


def _blocks(columns: Sequence[Column], rows: Sequence[Sequence[RenderableType]], width: int) -> list[RenderableType]:
    """Each row under its first cell: short cells side by side as they fit, prose below; empty cells are left out."""
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
    """Cells one after the other, none broken, in as few lines as they fit in."""
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
    """Print a value as JSON, indented, alone on standard output."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def put_json_line(value: Any) -> None:
    """Print a value as one line of JSON, for commands that go on."""
    typer.echo(msgspec.json.encode(value).decode())


def origin() -> str:
    """Which data directory and settings file a command read: what to look at when a server is not where it should be.

    What cannot be read is named all the same.
    """
    config = config_path()
    said = f"settings file {str(config.absolute())!r}" + ("" if config.is_file() else ", which is not there")
    try:
        data_dir = load_settings(with_endpoints=False).data_dir.absolute()
    except SettingsError:
        return said
    up = "" if (data_dir / ENDPOINTS_FILE).is_file() else ", in which `lifelong up` never ran"
    return f"data directory {str(data_dir)!r}{up}; {said}"


def one_of(prefix: str, known: Sequence[str], *, what: str, hint: str) -> str:
    """The id that a person means by its beginning; a whole id always means itself.

    Raises:
        NoSuch: no id begins so, or several do: they are named.

    >>> one_of("ab", ["abc", "b"], what="dead letter", hint="")
    'abc'
    >>> one_of("a", ["ab", "ac"], what="dead letter", hint="")
    Traceback (most recent call last):
    ...
    deploy.cli.shown.NoSuch: 'a' is the beginning of 2 ids of a dead letter: ab, ac; give more of it
    """
    if prefix in known:
        return prefix
    found = sorted({each for each in known if prefix and each.startswith(prefix)})
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoSuch(f"there is no {what} {prefix!r}; {hint}")
    shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
    raise NoSuch(f"{prefix!r} is the beginning of {len(found)} ids of a {what}: {shown}; give more of it")
