"""``lifelong demo``: the whole loop on real people's events, in about three minutes."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
