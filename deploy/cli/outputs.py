"""Output files of a command, checked before its work begins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import LifelongError

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write all results as JSON to this file.")]


class NotWritable(LifelongError):
    """An output file cannot be written; the message names it and says why."""


def check_writable(*paths: Path | None) -> None:
    """Check that each file can be written, so that no work is lost to a wrong path; create and change none.

    Raises:
        NotWritable: the folder is missing, the path is a folder, or the system refuses the file.

    >>> check_writable(None, Path("no/such/folder/page.html"))
    Traceback (most recent call last):
    ...
    deploy.cli.outputs.NotWritable: 'no/such/folder/page.html' cannot be written: there is no folder 'no/such/folder'
    """
    for path in paths:
        if path is not None:
            _check(path)


def _check(path: Path) -> None:
    if not path.parent.is_dir():
        raise NotWritable(f"{str(path)!r} cannot be written: there is no folder {str(path.parent)!r}")
    existed = path.exists()
    try:
        # Only an attempt can tell: a disk may be read-only, and permissions mean little to root.
        with path.open("ab"):
            pass
    except OSError as exc:
        raise NotWritable(f"{str(path)!r} cannot be written: {exc.strerror}") from exc
    if not existed:
        path.unlink()
