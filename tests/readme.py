"""The fenced blocks of README.md, as a reader copies them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block: its language as the fence names it, its text, and the line of README.md on which it begins."""

    language: str
    text: str
    line: int

    @property
    def name(self) -> str:
        """For the names of tests."""
        return f"line {self.line}"

    @property
    def commands(self) -> list[str]:
        """Lines of a shell block that do something, each with what a trailing backslash joins to it."""
        joined = self.text.replace("\\\n", " ")
        return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def blocks(*languages: str) -> list[Block]:
    """The blocks of these languages, in their order; all of them, where none is named."""
    text = (ROOT / "README.md").read_text()
    found = [Block(fence[1], fence[2], text.count("\n", 0, fence.start()) + 1) for fence in _FENCE.finditer(text)]
    return [block for block in found if not languages or block.language in languages]
