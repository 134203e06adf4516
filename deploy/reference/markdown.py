"""Writes Markdown from values: tables and code spans with escaped text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table with one line per row; cells are escaped.

    >>> print(table(["name", "meaning"], [["`a`", "one | two"]]))
    | name | meaning |
    | --- | --- |
    | `a` | one \\| two |
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(value: object) -> str:
    """Return a value as JSON in a code span; strings keep their quotes.

    >>> code("a"), code(0.5), code(None)
    ('`"a"`', '`0.5`', '`null`')
    """
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def prose(docstring: str | None) -> str:
    """Return a docstring as Markdown: one line per paragraph, double backticks as single ones, HTML escaped.

    >>> prose(\"\"\"Where the log is.
    ...
    ...     Empty ``bootstrap``: the embedded
    ...     broker.\"\"\")
    'Where the log is.\\n\\nEmpty `bootstrap`: the embedded broker.'
    """
    paragraphs = re.split(r"\n\s*\n", (docstring or "").strip())
    return "\n\n".join(" ".join(text.split()).replace("``", "`").replace("<", "&lt;") for text in paragraphs)
