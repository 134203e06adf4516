"""What commands print: no text that comes from data controls the terminal.

Every command prints through these; a test finds those that do not.
"""

from __future__ import annotations

from collections.abc import Iterable

import rich.console
import typer
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

from deploy.printable import printable, printable_json, printable_lines


class Console(rich.console.Console):
    r"""A console that shows control characters in texts as their escapes; its own styles and cursor moves pass.

    >>> from io import StringIO
    >>> console = Console(file=StringIO())
    >>> console.print("a\x1b[2Jb")
    >>> console.file.getvalue()
    'a\\x1b[2Jb\n'
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of something renderable, each printable."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable_lines(segment.text))


def put_line(text: str, *, err: bool = False) -> None:
    """Print one line, on standard output or standard error; a line break within it is shown as an escape."""
    typer.echo(printable(text), err=err)


def put_lines(text: str, *, err: bool = False) -> None:
    """Print a text of several lines, on standard output or standard error."""
    typer.echo(printable_lines(text), err=err)


def put_encoded(value: bytes) -> None:
    """Print JSON on standard output; the value that it encodes stays the same."""
    typer.echo(printable_json(value.decode()))
