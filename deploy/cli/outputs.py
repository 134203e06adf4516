"""Files that a command is to write, tried before its work begins."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import LifelongError


class NotWritable(LifelongError):
    """A file cannot be written where it was asked for; the message names it and says why."""


def check_writable(*paths: Path | None) -> None:
    """Make sure that each file can be written, so that no work is lost to a path; none is made, none is changed.

    Raises:
        NotWritable: its folder is missing, it is a folder itself, or the system refuses it.

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
    was_there = path.exists()
    try:
        # Only the attempt tells: a disk may be read-only, and permissions mean little to root.
        with path.open("ab"):
            pass
    except OSError as exc:
        raise NotWritable(f"{str(path)!r} cannot be written: {exc.strerror}") from exc
    if not was_there:
        path.unlink()
