"""Reads tables of facts, one row a subject or one row a fact, as signals of one source; the codec checks each."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deploy.files.errors import BadCell, Refused, UnreadableFile
from deploy.files.fields.categories import STRONG_SEPARATORS, Spelling, words_of
from deploy.files.fields.cells import number_of_cell, text_of_cell
from deploy.files.fields.columns import ITEM_NAMES, check_columns, found_column, pairs_of, plain, plain_names
from deploy.files.fields.times import item_clock, times_of
from deploy.files.tables.formats import Table, open_table
from deploy.files.tables.rows import Cell, ColumnLayout, MalformedRow
from schemas.codec import decode, encode
from schemas.errors import DecodeError
from schemas.signals import RELEASED, ExternalSignal, FactValue, OutsideDocument, OutsideFact, Scope, subject_in_key
from schemas.topics import EXTERNAL_SIGNALS

ROLES = ("subject", "source", "trust", "recorded", "from", "until", "text", "attribute", "value")
"""What the map may make of a column; any other name in it is that of an attribute."""
DEFAULT_TRUST = 0.5
ROLE_GUESSES: dict[str, tuple[str, ...]] = {
    "text": ("text", "description", "overview", "summary", "abstract"),
    RELEASED: (RELEASED, "release_date", "publication_date", "published", "release_year", "publication_year"),
}
"""Names by which columns are found without a map, beside those of the subject; `released` is the one attribute that is
a time. A column takes no other role by its name: a file would speak as another source than the one that sends it.
"""
TIME_ROLES = ("recorded", "from", "until")
UNUSED = frozenset(map(plain, ("title", "name")))
"""Columns that name the subject, which the catalogue does already."""
_YEAR = re.compile(r"(1[89]|20)\d{2}")
_NOT_A_SLUG = re.compile(r"[^a-z0-9._-]+")


class FactFileOptions(Struct, frozen=True):
    """How to read a table of facts: `columns` by role or by attribute, the source, and how far it is trusted.

    `source` goes before that of a column, and `trust` is the most that a column can give. Where a column gives none,
    trust is that, or 0.5.
    """

    scope: Scope = "item"
    source: str = ""
    trust: float | None = None
    columns: Mapping[str, str] = {}
    layout: ColumnLayout = ColumnLayout()
    dates: str = ""


def parse_facts_map(text: str) -> dict[str, str]:
    """Return ``subject=ID,director=made_by`` as a mapping; a name that is no role is that of an attribute.

    Raises:
        UnreadableFile: an entry is not a pair, or a name is repeated.

    >>> parse_facts_map("item=imdb,director=made_by")
    {'subject': 'imdb', 'director': 'made_by'}
    """
    columns: dict[str, str] = {}
    for name, column in pairs_of(text, "--map"):
        role = "subject" if name in ("item", "item_id", "category", "place", "id") else name
        if role in columns:
            raise UnreadableFile(f"--map names {name!r} twice")
        columns[role] = column
    return columns


def source_of_file(path: Path) -> str:
    """Return the name of a file as that of a source.

    >>> source_of_file(Path("data/Film Facts.parquet"))
    'film-facts'
    """
    return _NOT_A_SLUG.sub("-", path.name.split(".")[0].lower()).strip("-._")[:64] or "file"


class FactColumns(Struct, frozen=True):
    """The columns of a table of facts, by role and by attribute."""

    roles: Mapping[str, str]
    attributes: Mapping[str, str]

    @property
    def named(self) -> list[tuple[str, str]]:
        """Return each role and attribute with its column."""
        return [*self.roles.items(), *self.attributes.items()]

    @property
    def times(self) -> dict[str, str]:
        """Return those with times."""
        released = {name: column for name, column in self.attributes.items() if name == RELEASED}
        return {role: column for role, column in self.roles.items() if role in TIME_ROLES} | released


class FactTable:
    """The rows of a table of facts. Those without a time of recording are recorded at `recorded_at`."""

    def __init__(
        self, table: Table, options: FactFileOptions, columns: FactColumns, *, now: float, recorded_at: float
    ) -> None:
        self.table = table
        self.columns = columns
        self._options = options
        self._now, self._recorded_at = now, recorded_at
        needed = list(dict.fromkeys(column for _, column in columns.named))
        self._cells: dict[str, list[Cell]] = {column: [] for column in needed}
        self._numbers: list[int] = []
        self._malformed: dict[int, MalformedRow] = {}
        for number, row in table.rows.read(needed):
            if isinstance(row, MalformedRow):
                self._malformed[len(self._numbers)] = row
                row = [None] * len(needed)
            self._numbers.append(number)
            for column, cell in zip(needed, row, strict=True):
                self._cells[column].append(cell)
        self._spellings = {column: _spelling(cells) for column, cells in self._cells.items()}
        self._numeric = {column for column, cells in self._cells.items() if _is_numeric(cells)}
        clock = item_clock(now, options.dates)
        self._times = {
            role: times_of(list(map(_first_of_year, self._cells[column])), clock, column).seconds
            for role, column in columns.times.items()
        }

    @property
    def rows(self) -> int:
        """Return the number of rows, including malformed ones."""
        return len(self._numbers)

    def signals(self, refused: Refused, left_out: Refused) -> Iterator[ExternalSignal]:
        """Yield one signal for each subject and source, in the order of the file; count refused rows, and in `left_out`
        unusable cells of rows that are used.
        """
        grouped: dict[tuple[str, str], list[int]] = {}
        for row in range(self.rows):
            try:
                subject, source = self._key(row)
                grouped.setdefault((subject_in_key(self._options.scope, subject), source), []).append(row)
            except BadCell as exc:
                refused.count(str(exc), self._numbers[row], self._shown(row))
        for rows in grouped.values():
            try:
                yield self._signal(*self._key(rows[0]), rows, left_out)
            except DecodeError as exc:
                refused.count(f"{exc.reason}: {exc}"[:160], self._numbers[rows[0]], self._shown(rows[0]))

    def _key(self, row: int) -> tuple[str, str]:
        if row in self._malformed:
            raise BadCell(self._malformed[row].reason)
        subject = self._text("subject", row)
        if not subject:
            raise BadCell("no subject")
        return subject, self._options.source or self._text("source", row) or source_of_file(self.table.path)

    def _signal(self, subject: str, source: str, rows: Sequence[int], left_out: Refused) -> ExternalSignal:
        facts = [fact for row in rows for fact in self._facts(row, left_out)]
        documents = [document for row in rows for document in self._documents(row, left_out)]
        trusts = [trust for row in rows if (trust := self._trust(row, left_out)) is not None]
        default = DEFAULT_TRUST if self._options.trust is None else self._options.trust
        signal = ExternalSignal(
            scope=self._options.scope,
            subject=subject,
            source=source,
            trust=max(trusts, default=default),
            recorded_at=max(self._recorded(row) for row in rows),
            facts=tuple(dict.fromkeys(facts)),
            documents=tuple(dict.fromkeys(documents)),
        )
        checked: ExternalSignal = decode(EXTERNAL_SIGNALS, encode(signal), now=self._now)
        return checked

    def _facts(self, row: int, left_out: Refused) -> Iterator[OutsideFact]:
        for attribute, column in self._attributes(row, left_out):
            try:
                for value in self._values(attribute, column, row):
                    yield self._checked(OutsideFact, row, attribute=attribute, value=value)
            except BadCell as exc:
                self._leave_out(left_out, exc, column, row)

    def _attributes(self, row: int, left_out: Refused) -> list[tuple[str, str]]:
        """Return the attributes that the row has, each with the column of its value."""
        roles = self.columns.roles
        if "attribute" not in roles:
            return list(self.columns.attributes.items())
        try:
            return [(self._text("attribute", row) or "", roles["value"])]
        except BadCell as exc:
            self._leave_out(left_out, exc, roles["attribute"], row)
            return []

    def _documents(self, row: int, left_out: Refused) -> Iterator[OutsideDocument]:
        try:
            if text := self._text("text", row):
                yield self._checked(OutsideDocument, row, text=text)
        except BadCell as exc:
            self._leave_out(left_out, exc, self.columns.roles["text"], row)

    def _leave_out(self, left_out: Refused, why: BadCell, column: str, row: int) -> None:
        left_out.count(f"{why} in {column!r}", self._numbers[row], str(self._cells[column][row]))

    def _checked(self, kind: type[Any], row: int, **fields: Any) -> Any:
        """Return a fact or a document of the row, as the codec would have it.

        Raises:
            BadCell: the codec would refuse it.
        """
        valid = {"valid_from": self._time("from", row), "valid_until": self._time("until", row)}
        try:
            return msgspec.convert(fields | valid, kind)
        except msgspec.ValidationError as exc:
            raise BadCell(f"no value to use ({str(exc).split(' - ')[0][:80]})") from exc

    def _values(self, attribute: str, column: str, row: int) -> list[FactValue]:
        if attribute == RELEASED and RELEASED in self._times:
            seconds = self._time(RELEASED, row)
            return [] if seconds is None else [seconds]
        cell = self._cells[column][row]
        if isinstance(cell, bool):
            return [cell]
        if isinstance(cell, datetime | date):
            return [cell.isoformat()]
        if column in self._numeric or isinstance(cell, int | float | Decimal):
            number = number_of_cell(cell)
            return [] if number is None else [number]
        return [" ".join(word.split()) for word in words_of(cell, self._spellings[column]) if word.strip()]

    def _time(self, role: str, row: int) -> float | None:
        seconds = float(self._times[role][row]) if role in self._times else math.nan
        return None if math.isnan(seconds) else seconds

    def _recorded(self, row: int) -> float:
        seconds = self._time("recorded", row)
        return self._recorded_at if seconds is None else seconds

    def _text(self, role: str, row: int) -> str | None:
        column = self.columns.roles.get(role)
        return None if column is None else text_of_cell(self._cells[column][row])

    def _trust(self, row: int, left_out: Refused) -> float | None:
        column = self.columns.roles.get("trust")
        if column is None:
            return None
        try:
            trust = number_of_cell(self._cells[column][row])
            if trust is not None and not 0.0 <= trust <= 1.0:
                raise BadCell("no trust from 0 to 1")
        except BadCell as exc:
            self._leave_out(left_out, exc, column, row)
            return None
        most = self._options.trust
        return trust if trust is None or most is None else min(trust, most)

    def _shown(self, row: int) -> str:
        return ", ".join(f"{name}={str(cells[row])[:40]}" for name, cells in list(self._cells.items())[:4])


def read_facts(path: Path, options: FactFileOptions, *, now: float, recorded_at: float | None = None) -> FactTable:
    """Read a table of facts; rows without a time of recording are recorded at `recorded_at`, by default now.

    Raises:
        UnreadableFile: it cannot be read, lacks the column of the subject, or its dates are ambiguous.
    """
    table = open_table(path, options.layout)
    recorded_at = now if recorded_at is None else recorded_at
    return FactTable(table, options, _columns(table.rows.names, options), now=now, recorded_at=recorded_at)


def _columns(names: Sequence[str], options: FactFileOptions) -> FactColumns:
    requested = {role: column for role, column in options.columns.items() if column}
    check_columns(names, list(requested.items()), "--map")
    if ("attribute" in requested) != ("value" in requested):
        raise UnreadableFile("--map names one of attribute and value: a table with a row for each fact has both")
    free = plain_names(name for name in names if name not in options.columns.values())
    guesses = ROLE_GUESSES | {"subject": (*ITEM_NAMES, "id") if options.scope == "item" else (options.scope, "subject")}
    for role, guessed in guesses.items():
        column = None if role in options.columns else found_column(free, guessed)
        if column is not None:
            requested[role] = column
            free.pop(plain(column), None)
    if "subject" not in requested:
        raise UnreadableFile(
            f"no column for the {options.scope} among {list(names)[:40]}; say which with --map subject=…"
        )
    others = {} if "attribute" in requested else {name: name for key, name in free.items() if key not in UNUSED}
    roles = {name: column for name, column in requested.items() if name in ROLES}
    return FactColumns(roles, others | {name: column for name, column in requested.items() if name not in ROLES})


def _spelling(cells: Sequence[Cell]) -> Spelling:
    """Return how a column's texts are split: by bars and semicolons alone, as a comma may be part of a name."""
    marked = any(isinstance(cell, str) and STRONG_SEPARATORS.search(cell) for cell in cells)
    return Spelling(STRONG_SEPARATORS if marked else None, "")


def _is_numeric(cells: Sequence[Cell]) -> bool:
    """Return whether every text of a column is a number."""
    texts = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
    try:
        return bool(texts) and all(number_of_cell(cell) is not None for cell in texts)
    except BadCell:
        return False


def _first_of_year(cell: Cell) -> Cell:
    return f"{str(cell).strip()}-01" if isinstance(cell, str | int) and _YEAR.fullmatch(str(cell).strip()) else cell
