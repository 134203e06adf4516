"""Reads JSON lines, and JSON documents with rows in an array, at the top or inside. Numbers keep their digits.

Python's own `json` parses: integers of any size stay exact, and a malformed line loses only that line.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from json import JSONDecodeError
from typing import Any

from deploy.files.errors import UnreadableFile, as_unreadable_file
from deploy.files.tables.paths import expanded, names_in, pick
from deploy.files.tables.rows import MalformedRow, Row, unique
from deploy.files.tables.text import NOT_UTF8, Text

LINES = frozenset({".jsonl", ".ndjson", ".jl", ".json", ".txt", ".log", ""})
EXACT_BELOW = 2**53
"""From here on a float may not be the exact integer that was written."""
_BLANK = " \t\r\n"
_NO_OBJECT = "the row is no JSON object"
_NO_JSON = "the line is no JSON"


class Inexact(float):
    """A number too large for a float to be sure of its digits, written with a fraction or an exponent."""


def _number(text: str) -> Decimal | Inexact:
    return Inexact(text) if abs(float(text)) >= EXACT_BELOW else Decimal(text)


def _nothing(_: str) -> None:
    """Read ``NaN`` as missing: it is not JSON, but pandas and Python write it."""


_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=_nothing)
_FAULTS = (ValueError, RecursionError, SyntaxError, MemoryError, TypeError)


class JsonRows:
    """The rows of a JSON file."""

    unit = "line"
    spaced: frozenset[str] = frozenset()

    def __init__(self, text: Text) -> None:
        self._text = text
        with as_unreadable_file(text.opened.path):
            self._lined = _is_lined(text)
            names: dict[str, None] = {}
            for _, row in self._rows():
                if isinstance(row, dict):
                    names.update(dict.fromkeys(names_in(row)))
        self.names = unique([name for name in names if not any("\ud800" <= letter <= "\udfff" for letter in name)])

    @property
    def notes(self) -> tuple[str, ...]:
        """Return whether it is lines or one document, and the encoding."""
        kind = "an object a line" if self._lined else "one JSON document"
        return tuple(filter(None, (kind, self._text.note)))

    def read(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield its rows, malformed ones with the reason."""
        with as_unreadable_file(self._text.opened.path):
            for number, row in self._rows():
                if isinstance(row, MalformedRow):
                    yield number, row
                    continue
                for cells in expanded([_present(pick(row, column)) for column in columns]):
                    yield number, cells

    def _rows(self) -> Iterator[tuple[int, Mapping[str, Any] | MalformedRow]]:
        return self._from_lines() if self._lined else self._from_document()

    def _from_lines(self) -> Iterator[tuple[int, Mapping[str, Any] | MalformedRow]]:
        for number, line in enumerate(self._text.lines(), 1):
            if self._text.is_damaged(line):
                yield number, MalformedRow(NOT_UTF8, line)
            elif stripped := line.strip():
                yield number, _object(stripped)

    def _from_document(self) -> Iterator[tuple[int, Mapping[str, Any] | MalformedRow]]:
        text = "".join(self._text.lines())
        at = number = 1
        try:
            for start, row in _elements(text):
                number += text.count("\n", at - 1, start)
                at = start + 1
                yield number, row if isinstance(row, dict) else MalformedRow(_NO_OBJECT, str(row))
        except (JSONDecodeError, RecursionError) as exc:
            shown = repr(str(self._text.opened.path))
            raise UnreadableFile(f"{shown} is neither JSON nor JSON lines: {exc}") from exc


def _present(cell: object) -> object:
    return None if cell == "" else cell


def _object(line: str) -> Mapping[str, Any] | MalformedRow:
    """Return the object in a line; some logs (McAuley's of Steam and Amazon) spell it as Python does."""
    try:
        value = _DECODER.decode(line)
    except _FAULTS:
        if not (line.startswith("{") and "'" in line):
            return MalformedRow(_NO_JSON, line)
        try:
            value = ast.literal_eval(line)
        except _FAULTS:
            return MalformedRow(_NO_JSON, line)
    return value if isinstance(value, dict) else MalformedRow(_NO_OBJECT, line)


def _is_lined(text: Text) -> bool:
    """Return whether each line is a row: several lines are objects, or the only line is."""
    if text.opened.suffix not in LINES:
        return False
    lines = [line.strip() for line in islice(text.lines(), 20) if line.strip()]
    if not lines:
        raise UnreadableFile(f"{str(text.opened.path)!r} is empty: it has only blank lines")
    if lines[0].startswith("["):
        return False
    if text.opened.suffix != ".json":
        return True
    objects = [isinstance(_object(line), dict) for line in lines if line.startswith("{")]
    return len(objects) > 1 and any(objects)


def _elements(text: str) -> Iterator[tuple[int, Any]]:
    """Yield the rows of a document with their offsets.

    Raises:
        JSONDecodeError: it is not JSON.
        UnreadableFile: several lists could be the rows.
    """
    start = _skip_blanks(text, 0)
    if text[start : start + 1] == "[":
        yield from _list(text, start)
        return
    document, _ = _DECODER.raw_decode(text, start)
    lists = dict(_lists_in(text, start)) if isinstance(document, dict) else {}
    if len(lists) > 1:
        raise UnreadableFile(f"the rows could be any of {sorted(lists)}: save the one that is meant as JSON lines")
    if not lists:
        yield start, document
    for at in lists.values():
        yield from _list(text, at)


def _lists_in(text: str, start: int, before: str = "") -> Iterator[tuple[str, int]]:
    """Yield the paths and offsets of the lists of objects inside an object, which has been decoded before."""
    at = _skip_blanks(text, start + 1)
    while text[at : at + 1] == '"':
        key, at = _DECODER.raw_decode(text, at)
        at = _skip_blanks(text, _skip_blanks(text, at) + 1)
        value, end = _DECODER.raw_decode(text, at)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{before}{key}", at
        elif isinstance(value, dict):
            yield from _lists_in(text, at, f"{before}{key}.")
        at = _skip_blanks(text, end)
        if text[at : at + 1] == ",":
            at = _skip_blanks(text, at + 1)


def _list(text: str, start: int) -> Iterator[tuple[int, Any]]:
    at = _skip_blanks(text, start + 1)
    while text[at : at + 1] != "]":
        value, end = _DECODER.raw_decode(text, at)
        yield at, value
        at = _skip_blanks(text, end)
        if text[at : at + 1] == ",":
            at = _skip_blanks(text, at + 1)
        elif text[at : at + 1] != "]":
            raise JSONDecodeError("expected ',' or ']'", text, at)


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at
