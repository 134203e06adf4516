"""Nested cells, addressed by path: ``user.id``, ``items.0.sku``, ``event_params.page``, ``items[].sku``.

``items[]`` means every element of the list: the row becomes one row per element. A list of objects with `key` and
`value`, as in Google Analytics, is read as an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from deploy.files.tables.rows import Cell

DEEPEST = 12
"""How deep paths of nested cells are listed."""


class RepeatedCells(Struct, frozen=True):
    """The cells of a list whose elements become rows."""

    cells: list[Cell]


def names_in(row: Mapping[str, Any], before: str = "", depth: int = 0) -> Iterator[str]:
    """Yield the paths of all cells of a row.

    >>> list(names_in({"user": {"id": 1}, "items": [{"sku": "a"}], "tags": ["x"]}))
    ['user.id', 'items[].sku', 'tags']
    """
    for key, value in row.items():
        path = f"{before}{key}"
        if isinstance(value, dict) and value and depth < DEEPEST:
            yield from names_in(value, f"{path}.", depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], dict) and depth < DEEPEST:
            yield from _names_in_list(value, path, depth)
        else:
            yield path


def _names_in_list(value: Sequence[Any], path: str, depth: int) -> Iterator[str]:
    if _is_keyed(value):
        yield from (f"{path}.{entry['key']}" for entry in value if isinstance(entry, dict))
        return
    for entry in value[:DEEPEST]:
        if isinstance(entry, dict):
            yield from names_in(entry, f"{path}[].", depth + 1)


def pick(value: Any, path: str) -> Cell:
    """Return the cell at a path; none where the path leads nowhere.

    >>> pick({"user": {"id": 1}}, "user.id"), pick({"user.id": 2}, "user.id"), pick({"a": [5, 6]}, "a.1")
    (1, 2, 6)
    >>> pick({"items": [{"sku": "a"}, {"sku": "b"}]}, "items[].sku")
    RepeatedCells(cells=['a', 'b'])
    """
    if isinstance(value, list):
        return _from_list(value, path)
    if not isinstance(value, dict):
        return None
    if path in value:
        return value[path]
    for head, rest in _splits(path):
        if head in value:
            return pick(value[head], rest)
        if head.endswith("[]") and isinstance(value.get(head[:-2]), list):
            listed = value[head[:-2]]
            return RepeatedCells([pick(element, rest) if rest else element for element in listed])
    return None


def expanded(cells: list[Cell]) -> Iterator[list[Cell]]:
    """Yield the rows of a row with lists: one per element, with the other cells repeated.

    >>> list(expanded(["ann", RepeatedCells(["a", "b"])]))
    [['ann', 'a'], ['ann', 'b']]
    """
    sizes = [len(cell.cells) for cell in cells if isinstance(cell, RepeatedCells)]
    if not sizes:
        yield cells
        return
    for index in range(max(1, *sizes)):
        yield [_at(cell, index) if isinstance(cell, RepeatedCells) else cell for cell in cells]


def _at(cell: RepeatedCells, index: int) -> Cell:
    return cell.cells[index] if index < len(cell.cells) else None


def _splits(path: str) -> Iterator[tuple[str, str]]:
    at = path.find(".")
    while at >= 0:
        yield path[:at], path[at + 1 :]
        at = path.find(".", at + 1)
    yield path, ""


def _from_list(value: Sequence[Any], path: str) -> Cell:
    head, _, rest = path.partition(".")
    if head.isdecimal():
        index = int(head) if len(head) < 6 else len(value)
        element = value[index] if index < len(value) else None
        return pick(element, rest) if rest else element
    if _is_keyed(value):
        for entry in value:
            if isinstance(entry, dict) and entry.get("key") == path:
                return _keyed(entry.get("value"))
    return None


def _is_keyed(value: Sequence[Any]) -> bool:
    return bool(value) and isinstance(value[0], dict) and set(value[0]) == {"key", "value"}


def _keyed(value: Any) -> Cell:
    """Return the value among ``string_value``, ``int_value`` … that is present."""
    if isinstance(value, dict):
        return next((typed for typed in value.values() if typed is not None), None)
    return value
