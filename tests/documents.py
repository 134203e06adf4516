"""The documents that users read, and their fenced blocks, as a reader copies them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs"
TOP_LEVEL = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
_FENCE = re.compile(r"^[ ]*```([^\n]*)\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)
_INCLUDED = "--8<--"


@dataclass(frozen=True)
class Block:
    """A block: its document, its language as the fence names it, its text, and the line on which it begins."""

    document: Path
    language: str
    text: str
    line: int

    @property
    def name(self) -> str:
        """For the names of tests."""
        return f"{self.document.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """Lines of a shell block that do something, each with what a trailing backslash joins to it."""
        joined = self.text.replace("\\\n", " ")
        return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def documents() -> list[Path]:
    """README first, the other documents of the top level, then the pages by path; decision records left out."""
    pages = [path for path in sorted(PAGES.rglob("*.md")) if path.parent.name != "decisions"]
    return [*(ROOT / name for name in TOP_LEVEL), *pages]


def blocks(*languages: str, of: Sequence[Path] | None = None) -> list[Block]:
    """The blocks of these languages, in their order; of all languages where none is named, of all documents likewise.

    A block that includes a file is left out: what is included is tested where it stands.
    """
    return [
        block
        for document in (documents() if of is None else of)
        for block in _blocks(document)
        if not languages or block.language in languages
    ]


def _blocks(document: Path) -> list[Block]:
    text = document.read_text()
    found = [Block(document, each[1], each[2], text.count("\n", 0, each.start()) + 1) for each in _FENCE.finditer(text)]
    return [block for block in found if not block.text.startswith(_INCLUDED)]
