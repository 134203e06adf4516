"""Cells inside cells, named by path: ``user.id``, ``items.0.sku``, ``event_params.page``, ``items[].sku``.

``items[]`` means each of the list: the row becomes as many rows. A list of objects with `key` and `value`, as in
Google Analytics, is read as an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from deploy.files.tables.rows import Cell

DEEPEST = 12
"""How deep the names of nested cells are listed."""


class Each(Struct, frozen=True):
    """The cells of a list that makes a row each."""

    cells: list[Cell]


def names_in(row: Mapping[str, Any], before: str = "", depth: int = 0) -> Iterator[str]:
    """The paths of all cells of a row.

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
        yield from (f"{path}.{one['key']}" for one in value if isinstance(one, dict))
        return
    for one in value[:DEEPEST]:
        if isinstance(one, dict):
            yield from names_in(one, f"{path}[].", depth + 1)


def pick(value: Any, path: str) -> Cell:
    """The cell at a path; nothing where the path leads nowhere.

    >>> pick({"user": {"id": 1}}, "user.id"), pick({"user.id": 2}, "user.id"), pick({"a": [5, 6]}, "a.1")
    (1, 2, 6)
    >>> pick({"items": [{"sku": "a"}, {"sku": "b"}]}, "items[].sku")
    Each(cells=['a', 'b'])
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
            return Each([pick(one, rest) if rest else one for one in listed])
    return None


def expanded(cells: list[Cell]) -> Iterator[list[Cell]]:
    """The rows that a row with lists is: one for each element, the other cells in each of them.

    >>> list(expanded(["ann", Each(["a", "b"])]))
    [['ann', 'a'], ['ann', 'b']]
    """
    sizes = [len(cell.cells) for cell in cells if isinstance(cell, Each)]
    if not sizes:
        yield cells
        return
    for place in range(max(1, *sizes)):
        yield [_at(cell, place) if isinstance(cell, Each) else cell for cell in cells]


def _at(cell: Each, place: int) -> Cell:
    return cell.cells[place] if place < len(cell.cells) else None


def _splits(path: str) -> Iterator[tuple[str, str]]:
    at = path.find(".")
    while at >= 0:
        yield path[:at], path[at + 1 :]
        at = path.find(".", at + 1)
    yield path, ""


def _from_list(value: Sequence[Any], path: str) -> Cell:
    head, _, rest = path.partition(".")
    if head.isdecimal():
        place = int(head) if len(head) < 6 else len(value)
        found = value[place] if place < len(value) else None
        return pick(found, rest) if rest else found
    if _is_keyed(value):
        for one in value:
            if isinstance(one, dict) and one.get("key") == path:
                return _keyed(one.get("value"))
    return None


def _is_keyed(value: Sequence[Any]) -> bool:
    return bool(value) and isinstance(value[0], dict) and set(value[0]) == {"key", "value"}


def _keyed(value: Any) -> Cell:
    """The one of ``string_value``, ``int_value`` … that is there."""
    if isinstance(value, dict):
        return next((one for one in value.values() if one is not None), None)
    return value
