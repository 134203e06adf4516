"""Events and items from files: CSV, JSON lines or Parquet, with the file's own column names.

Rows that cannot be events are counted by reason, never silently dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import numpy as np
import pandas as pd
from msgspec import Struct

from schemas.codec import decode
from schemas.errors import DecodeError, LifelongError
from schemas.interactions import Interaction
from schemas.items import Item
from schemas.topics import INTERACTIONS, ITEMS

Field = Literal["user", "item", "time", "value", "type", "basket", "event", "session"]
FIELDS: tuple[Field, ...] = ("user", "item", "time", "value", "type", "basket", "event", "session")
GUESSES: dict[Field, tuple[str, ...]] = {
    "user": ("user_id", "user", "userid", "customer_id", "customerid"),
    "item": ("item_id", "item", "itemid", "movie_id", "movieid", "product_id", "stockcode"),
    "time": ("event_time", "timestamp", "time", "date", "invoicedate"),
    "value": ("value", "rating"),
    "type": ("type", "event_type"),
    "basket": ("basket_id", "basket", "invoice", "invoiceno", "order_id"),
    "event": ("event_id",),
    "session": ("session_id",),
}
TYPES = {
    "addtocart": "add-to-cart",
    "cart": "add-to-cart",
    "bookmark": "like",
    "favorite": "like",
    "favourite": "like",
    "follow": "like",
    "rate": "rating",
    "listen": "view",
    "pageview": "view",
    "page-view": "view",
    "play": "view",
    "watch": "view",
    "buy": "purchase",
    "order": "purchase",
    "transaction": "purchase",
}
"""What logs call the types of `schemas.interactions`, beside these names themselves; letters may be capital, and _ and
blanks are read as -."""
TAGS = frozenset(str(one.__struct_config__.tag) for one in get_args(Interaction))
ITEM_GUESSES = {
    "item_id": ("item_id", "item", "itemid", "movie_id", "movieid", "stockcode"),
    "title": ("title", "movie_title", "name", "description"),
    "text": ("text", "description", "summary"),
    "categories": ("categories", "genres", "genre", "class", "category"),
    "available_from": ("available_from",),
    "price": ("price",),
}


class UnreadableFile(LifelongError):
    """A file is of no kind that can be read, or lacks a column that is needed."""


class Refused(Struct):
    """Rows that were no events, counted by reason."""

    reasons: Counter[str] = msgspec.field(default_factory=Counter)

    def count(self, reason: str) -> None:
        """One more row."""
        self.reasons[reason] += 1


def read_frame(path: Path) -> pd.DataFrame:
    """The file as a table; columns lose type suffixes such as RecBole's ``user_id:token``.

    Raises:
        UnreadableFile: it is not there, or none of CSV, TSV, JSON lines, Parquet.
    """
    if not path.is_file():
        raise UnreadableFile(f"{str(path)!r} is no file")
    readers: dict[str, Any] = {
        ".parquet": pd.read_parquet,
        ".csv": lambda p: pd.read_csv(p, dtype=object),
        ".tsv": lambda p: pd.read_csv(p, sep="\t", dtype=object),
        ".inter": lambda p: pd.read_csv(p, sep="\t", dtype=object),
        ".item": lambda p: pd.read_csv(p, sep="\t", dtype=object),
        ".jsonl": lambda p: pd.read_json(p, lines=True, dtype=False),
        ".ndjson": lambda p: pd.read_json(p, lines=True, dtype=False),
    }
    reader = readers.get(path.suffix)
    if reader is None:
        raise UnreadableFile(f"{str(path)!r}: the ending is to be one of {sorted(readers)}")
    frame: pd.DataFrame = reader(path)
    frame.columns = [str(name).split(":")[0] for name in frame.columns]
    return frame


def parse_map(text: str) -> dict[Field, str]:
    """``user=who,item=what`` as a mapping.

    Raises:
        UnreadableFile: a name on the left is not one of ours.

    >>> parse_map("user=who,item=what")
    {'user': 'who', 'item': 'what'}
    """
    found: dict[Field, str] = {}
    for pair in filter(None, text.split(",")):
        name, _, column = pair.partition("=")
        known = next((field for field in FIELDS if field == name.strip()), None)
        if known is None:
            raise UnreadableFile(f"--map has {pair!r}: the name before '=' is one of {list(FIELDS)}")
        found[known] = column.strip()
    return found


def columns_of(frame: pd.DataFrame, given: Mapping[Field, str]) -> dict[Field, str]:
    """Which column holds which field: as given, else by usual names.

    Raises:
        UnreadableFile: a given column is not there, or none is found for user, item or time.
    """
    lower = {str(name).lower(): str(name) for name in frame.columns}
    found: dict[Field, str] = {}
    for field in FIELDS:
        column = given.get(field) or next((lower[g] for g in GUESSES[field] if g in lower), None)
        if column is not None:
            found[field] = column
    missing = [f"{field}={name}" for field, name in given.items() if name not in frame.columns]
    missing += [field for field in ("user", "item", "time") if field not in found]
    if missing:
        raise UnreadableFile(f"no column for {missing} among {list(frame.columns)}; say which with --map")
    return found


def kind_of(columns: Mapping[Field, str], given: Mapping[Field, str]) -> str:
    """What events are that do not say it: purchases where there are baskets (a value is then an amount), ratings where
    there are values, clicks otherwise. Baskets that were only guessed make no purchases of what is surely ratings: a
    column of that name, or one that was given for values.

    >>> kind_of({"value": "value", "basket": "order_id"}, {})
    'purchase'
    >>> kind_of({"value": "Rating", "basket": "order_id"}, {})
    'rating'
    """
    are_ratings = "value" in given or columns.get("value", "").lower() == "rating"
    if "basket" in columns and ("basket" in given or not are_ratings):
        return "purchase"
    return "rating" if "value" in columns else "click"


def read_events(
    path: Path, given: Mapping[Field, str], *, now: float, refused: Refused, limit: int | None = None
) -> list[tuple[int, Interaction]]:
    """Events in event-time order, ties in the order of the file, each with its 0-based place in that order.

    Places count refused rows too. The type of an event is its `type` column's (see `TYPES`), else `kind_of`'s.
    """
    frame = read_frame(path)
    columns = columns_of(frame, given)
    times = _seconds(frame[columns["time"]])
    order = np.argsort(times.to_numpy(dtype=float), kind="stable")
    frame, times = frame.iloc[order], times.iloc[order]
    if limit is not None:
        frame, times = frame.iloc[:limit], times.iloc[:limit]
    kind = kind_of(columns, given)
    rows = zip(*(frame[columns[field]].tolist() for field in columns), times.tolist(), strict=True)
    events = []
    for place, values in enumerate(rows):
        raw = dict(zip((*columns, "seconds"), values, strict=True))
        try:
            events.append((place, decode(INTERACTIONS, _event(raw, kind, path.stem, place), now=now)))
        except DecodeError as exc:
            refused.count(f"{exc.reason}: {exc}"[:160])
    return events


def _seconds(column: pd.Series[Any]) -> pd.Series[float]:
    """Times as seconds since 1970: numbers as they are (milliseconds recognised), texts as dates, dates in UTC."""
    is_date = pd.api.types.is_datetime64_any_dtype(column)
    numbers = pd.to_numeric(column, errors="coerce")
    if not is_date and numbers.notna().mean() > 0.5:
        milliseconds = numbers.abs() > 1e11
        return numbers.where(~milliseconds, numbers / 1_000.0)
    dates = pd.to_datetime(column, errors="coerce", utc=True)
    return (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds()


def _event(raw: Mapping[str, Any], kind: str, name: str, place: int) -> bytes:
    """A row as the JSON that an application would have sent; what is wrong in it is left for the codec to say."""
    made: dict[str, Any] = {
        "type": _type(str(raw["type"])) if _has(raw, "type") else kind,
        "event_id": str(raw["event"]) if _has(raw, "event") else _event_id(name, place, raw),
        "user_id": _text(raw["user"]),
        "item_id": _text(raw["item"]),
        "event_time": None if pd.isna(raw["seconds"]) else float(raw["seconds"]),
    }
    if _has(raw, "value"):
        made["value"] = _number(raw["value"])
    if _has(raw, "basket"):
        made["basket_id"] = _text(raw["basket"])
    if _has(raw, "session"):
        made["session_id"] = _text(raw["session"])
    return msgspec.json.encode(made)


def _type(word: str) -> str:
    """The type as we call it; a word that is not known is left as it is, for the codec to refuse."""
    name = "-".join(word.lower().replace("_", " ").split())
    return TYPES.get(name, name if name in TAGS else word)


def _event_id(name: str, place: int, raw: Mapping[str, Any]) -> str:
    """The same row of the same file has the same id: a second import is recognised as duplicates."""
    words = f"{name}|{place}|{raw['user']}|{raw['item']}|{raw['seconds']}"
    return blake2b(words.encode(), digest_size=10).hexdigest()


def _has(raw: Mapping[str, Any], field: str) -> bool:
    return field in raw and not pd.isna(raw[field])


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _text(value: Any) -> Any:
    """An id as text: whole numbers without a decimal point, nothing for what is missing."""
    if pd.isna(value):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def read_items(path: Path, *, now: float, refused: Refused) -> Iterator[Item]:
    """Items of a catalogue file; categories are a list, or words parted by ``|``, ``;`` or RecBole's spaces."""
    frame = read_frame(path)
    lower = {str(name).lower(): str(name) for name in frame.columns}
    columns = {field: lower[g] for field, names in ITEM_GUESSES.items() for g in names[::-1] if g in lower}
    if "item_id" not in columns:
        raise UnreadableFile(f"{str(path)!r} has no column for the item id among {list(frame.columns)}")
    spaced = path.suffix == ".item"
    for values in zip(*(frame[column].tolist() for column in columns.values()), strict=True):
        raw = dict(zip(columns, values, strict=True))
        try:
            yield decode(ITEMS, _item(raw, spaced=spaced), now=now)
        except DecodeError as exc:
            refused.count(f"{exc.reason}: {exc}"[:160])


def _item(raw: Mapping[str, Any], *, spaced: bool) -> bytes:
    made: dict[str, Any] = {"item_id": _text(raw["item_id"])}
    for field in ("title", "text"):
        if field in raw and isinstance(raw[field], str):
            made[field] = raw[field]
    if "categories" in raw:
        made["categories"] = _words(raw["categories"], spaced=spaced)
    for field in ("available_from", "price"):
        if field in raw and not pd.isna(raw[field]):
            made[field] = _number(raw[field])
    return msgspec.json.encode(made)


def _words(value: Any, *, spaced: bool) -> list[str]:
    if isinstance(value, str):
        marks = " " if spaced else "|" if "|" in value else ";"
        return [word.strip() for word in value.split(marks) if word.strip()]
    if value is None or isinstance(value, float):
        return []
    return [str(word) for word in value]
