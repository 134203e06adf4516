"""Parses categories and tags: lists, texts that spell lists, and names with separators between.

The separator is chosen for the whole column: a comma inside a category must not split it in one row because other rows
have no better separator.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from deploy.files.errors import BadCell
from deploy.files.fields.cells import text_of_cell
from deploy.files.tables.rows import Cell

STRONG_SEPARATORS = re.compile(r"\||(?<!&amp)(?<!&lt)(?<!&gt)(?<!&quot)(?<!&apos)(?<!&#39);")
"""A bar or a semicolon always separates; a semicolon that ends an HTML entity is part of a name."""
WEAK_SEPARATORS = (" > ", " / ", ",")
NAME_KEYS = ("name", "title", "label", "value", "id")
"""Keys of a category's name where categories are objects."""
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_LAST = re.compile(r"&|\band\b|\bund\b|\bet\b|\by\b")
_MOST_TOGETHER = 0.5


class Spelling(Struct, frozen=True):
    """How the texts of a column are split: by `marks`, `None` for not at all; `separators` describes them."""

    marks: re.Pattern[str] | None
    separators: str


def spelling_of(cells: Iterable[Cell], *, spaced: bool = False) -> Spelling:
    """Return how a column spells its lists.

    >>> spelling_of(["Action, Adventure", "Drama"]).separators
    "','"
    >>> spelling_of(["Food, Drink|Home", "Toys, Games"]).separators
    "'|'"
    >>> spelling_of(["Home, Garden & Tools", "Books"]).separators
    'one category a row'
    """
    if spaced:
        return Spelling(re.compile(r"\s+"), "blanks")
    texts = Counter(cell for cell in cells if isinstance(cell, str) and _spelt(cell) is None)
    strong = [text for text in texts if STRONG_SEPARATORS.search(text)]
    marks = sorted({mark for text in strong for mark in STRONG_SEPARATORS.findall(text)})
    weak = [mark for mark in WEAK_SEPARATORS if _parts(mark, texts, strong)]
    if not marks and not weak:
        return Spelling(None, "one category a row")
    forms = ([STRONG_SEPARATORS.pattern] if marks else []) + [re.escape(mark) for mark in weak]
    return Spelling(re.compile("|".join(forms)), ", ".join(repr(mark) for mark in [*marks, *weak]))


def _parts(mark: str, texts: Counter[str], strong: Sequence[str]) -> bool:
    """Return whether a weak separator splits: it is in some texts, never beside a strong one, and not part of names."""
    with_mark = [text for text in texts if mark in text]
    if not with_mark or any(mark in text for text in strong):
        return False
    return mark != "," or _commas_separate(with_mark, texts)


def _commas_separate(with_comma: Sequence[str], texts: Counter[str]) -> bool:
    """Return whether commas separate categories.

    They do if the parts occur in other combinations too, or if nothing speaks against it: a last part with "and", or
    the same few names over and over.
    """
    parts = {text: frozenset(map(str.strip, text.split(","))) for text in texts}
    occurrences = Counter(part for text in parts.values() for part in text)
    shared = sum(any(occurrences[part] > 1 for part in parts[text]) for text in with_comma)
    if shared > _MOST_TOGETHER * len(with_comma) or (shared and len(with_comma) < 10):
        return True
    if any(_LAST.search(text.rpartition(",")[2]) for text in with_comma):
        return False
    return shared > 0 or all(texts[text] == 1 for text in with_comma)


def words_of(cell: Cell, spelling: Spelling) -> list[str]:
    """Return the categories in a cell, each once, in their order.

    Raises:
        BadCell: a category is not text.

    >>> spelling = spelling_of(["Drama / Comedy"])
    >>> [words_of(cell, spelling) for cell in ("Drama / Comedy", "['a', 'b']", '["c"]', [["d", "e"], ["d"]], None)]
    [['Drama', 'Comedy'], ['a', 'b'], ['c'], ['d', 'e'], []]
    """
    return list(dict.fromkeys(word for text in _texts(cell, spelling) if (word := text.strip())))


def _texts(cell: Cell, spelling: Spelling) -> Iterator[str]:
    if isinstance(cell, list | tuple | set):
        for member in cell:
            yield from _members(member)
    elif isinstance(cell, dict):
        yield from _members(cell)
    elif (text := text_of_cell(cell)) is not None:
        spelt = _spelt(text)
        if spelt is not None:
            yield from _texts(spelt, spelling)
        else:
            yield from spelling.marks.split(text) if spelling.marks else [text]


def _members(cell: Cell) -> Iterator[str]:
    """Yield the names in a member of a list: itself, those of a nested list, or an object's name."""
    if isinstance(cell, list | tuple | set):
        for member in cell:
            yield from _members(member)
    elif isinstance(cell, dict):
        named = next((cell[name] for name in NAME_KEYS if cell.get(name) is not None), None)
        if named is None or isinstance(named, dict | list):
            raise BadCell("an object without a name")
        yield from _members(named)
    elif (text := text_of_cell(cell)) is not None:
        yield text


def _spelt(text: str) -> list[object] | None:
    """Return the list that a text spells, as JSON, Python or numpy print it; none if it spells none.

    >>> _spelt('["a"]'), _spelt("['a', None]"), _spelt("['a' 'b']"), _spelt("a, b")
    (['a'], ['a', None], ['a', 'b'], None)
    """
    stripped = text.strip()
    if len(stripped) < 2 or (stripped[0], stripped[-1]) not in (("[", "]"), ("(", ")"), ("{", "}")):
        return None
    quoted = [single or double for single, double in _QUOTED.findall(stripped)]
    if "," not in _QUOTED.sub("", stripped) and len(quoted) > 1 and stripped[0] == "[":
        return list(quoted)
    for reader in (json.loads, ast.literal_eval):
        try:
            value = reader(stripped)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        if isinstance(value, list | tuple | set | dict):
            return [value] if isinstance(value, dict) else list(value)
    return None
