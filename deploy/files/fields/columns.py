"""Maps columns to fields: as given, else by the usual names in logs and catalogues."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

from deploy.files.errors import UnreadableFile

Field = Literal[
    "user",
    "item",
    "time",
    "value",
    "type",
    "basket",
    "event",
    "session",
    "price",
    "quantity",
    "seconds",
    "query",
    "surface",
    "device",
    "place",
    "locale",
]
FIELDS: tuple[Field, ...] = get_args(Field)
ITEM_NAMES = (
    "item_id",
    "item",
    "movie_id",
    "product_id",
    "stock_code",
    "article_id",
    "asin",
    "parent_asin",
    "sku",
    "product_sku",
    "product",
    "article",
    "isbn",
    "book_id",
    "track_id",
    "song_id",
    "video_id",
    "news_id",
    "content_id",
    "business_id",
    "venue_id",
    "app_id",
    "game_id",
    "recipe_id",
    "listing_id",
)
"""Usual names of the column with an item's id, in logs and in catalogues."""
GUESSES: dict[Field, tuple[str, ...]] = {
    "user": ("user_id", "user", "customer_id", "visitor_id", "reviewer_id", "member_id", "user_pseudo_id", "uid"),
    "item": ITEM_NAMES,
    "time": (
        "event_time",
        "timestamp",
        "time",
        "date",
        "invoice_date",
        "event_timestamp",
        "datetime",
        "unix_review_time",
        "t_dat",
        "ts",
        "created_at",
        "time_stamp",
    ),
    "value": ("value", "rating", "overall", "stars"),
    "type": ("type", "event_type", "event", "event_name", "behavior_type", "behavior", "action"),
    "basket": ("basket_id", "basket", "invoice", "invoice_no", "order_id", "transaction_id"),
    "event": ("event_id",),
    "session": ("session_id",),
}
"""Names by which a field is found without `--map`, in order of preference. Case, blanks, ``_``, ``-`` and ``.`` are
ignored; other fields are read only where `--map` names them."""
ITEM_FIELDS = (
    "item",
    "title",
    "text",
    "categories",
    "tags",
    "locales",
    "price",
    "images",
    "available_from",
    "available_until",
    "attributes",
)
REPEATED = frozenset({"categories", "tags", "locales", "images", "attributes"})
"""Fields that several columns may fill: ``categories=genre,categories=subgenre``."""
ITEM_GUESSES: dict[str, tuple[str, ...]] = {
    "item": (*ITEM_NAMES, "id"),
    "title": ("title", "movie_title", "name", "prod_name", "product_name", "item_name", "app_name", "description"),
    "text": ("text", "description", "summary", "abstract", "detail_desc", "overview"),
    "categories": ("categories", "genres", "genre", "class", "category"),
    "tags": ("tags",),
    "locales": ("locales",),
    "price": ("price",),
    "images": ("images", "image", "image_url", "img_url"),
    "available_from": ("available_from",),
    "available_until": ("available_until",),
}
FIELD_ALIASES = {"item_id": "item", "id": "item"}
"""Alternative names of fields before the ``=`` for a catalogue."""
ATTRIBUTE = "attributes."


def pairs_of(text: str, option: str) -> list[tuple[str, str]]:
    """Return ``a=b,c=d`` as pairs; quotes around a pair keep a comma in it.

    Raises:
        UnreadableFile: an entry is not a pair.

    >>> pairs_of('user=ga:clientId,"item=SKU, product"', "--map")
    [('user', 'ga:clientId'), ('item', 'SKU, product')]
    """
    pairs = []
    try:
        parts = next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error as exc:
        raise UnreadableFile(f"{option} {text!r} cannot be read: {exc}") from exc
    for pair in filter(None, map(str.strip, parts)):
        name, equals, column = pair.partition("=")
        if not equals:
            raise UnreadableFile(f"{option} has {pair!r}: it takes pairs such as user=who,item=what")
        pairs.append((name.strip(), column.strip()))
    return pairs


def parse_map(text: str) -> dict[Field, str]:
    """Return ``user=who,item=what`` as a mapping; ``basket=`` says that no column is the basket.

    Raises:
        UnreadableFile: a name on the left is not a field.

    >>> parse_map("user=who,item=what")
    {'user': 'who', 'item': 'what'}
    """
    columns: dict[Field, str] = {}
    for name, column in pairs_of(text, "--map"):
        field = next((field for field in FIELDS if name in (field, f"{field}_id")), None)
        if field is None:
            raise UnreadableFile(f"--map has {f'{name}={column}'!r}: the name before '=' is one of {list(FIELDS)}")
        columns[field] = column
    return columns


def parse_items_map(text: str) -> dict[str, tuple[str, ...]]:
    """Return ``title=name,attributes=colour`` as a mapping to columns.

    Raises:
        UnreadableFile: a name on the left is not a field, or is repeated.

    >>> parse_items_map("item_id=sku,categories=a,categories=b")
    {'item': ('sku',), 'categories': ('a', 'b')}
    """
    columns: dict[str, tuple[str, ...]] = {}
    for name, column in pairs_of(text, "--items-map"):
        field = FIELD_ALIASES.get(name, name)
        if field not in ITEM_FIELDS and not field.startswith(ATTRIBUTE):
            pair = f"{name}={column}"
            raise UnreadableFile(f"the catalogue's map has {pair!r}: the name before '=' is one of {list(ITEM_FIELDS)}")
        if field in columns and field not in REPEATED:
            raise UnreadableFile(f"the catalogue's map names {name!r} twice")
        columns[field] = (*columns.get(field, ()), column)
    return columns


def plain(name: str) -> str:
    """Return a name without case and separators.

    >>> plain("User ID") == plain("user_id") == plain("userId") == plain("user.id")
    True
    """
    return re.sub(r"[\s_.\-]", "", name).lower()


def found_column(names: Mapping[str, str], guesses: Sequence[str]) -> str | None:
    """Return the column of the first guess that exists, among plain names."""
    return next((names[key] for guess in guesses if (key := plain(guess)) in names), None)


def plain_names(names: Iterable[str]) -> dict[str, str]:
    """Return columns by their plain names, the first of those with equal ones."""
    columns: dict[str, str] = {}
    for name in names:
        columns.setdefault(plain(name), name)
    return columns


def columns_of(names: Sequence[str], requested: Mapping[Field, str]) -> dict[Field, str]:
    """Return the column of each field: as given, else by usual names. A column has one field only.

    Raises:
        UnreadableFile: a given column does not exist, or user, item or time has none.
    """
    check_columns(names, [(field, column) for field, column in requested.items() if column], "--map")
    mapped = set(requested.values())
    free = plain_names(name for name in names if name not in mapped)
    columns: dict[Field, str] = {}
    for field in FIELDS:
        column = requested[field] if field in requested else found_column(free, GUESSES.get(field, ()))
        if column:
            columns[field] = column
            free.pop(plain(column), None)
    needed = ("user", "item", "time") if "query" not in columns else ("user", "time")
    missing = [field for field in needed if field not in columns]
    if missing:
        raise UnreadableFile(f"no column for {missing} among {_listed(names)}; say which with --map{_hint(names)}")
    return columns


def check_columns(names: Sequence[str], requested: Iterable[tuple[str, str]], option: str) -> None:
    """Refuse columns that do not exist. A path into a nested cell need not be listed: rows may differ.

    Raises:
        UnreadableFile: a column does not exist.
    """
    missing = [f"{field}={column}" for field, column in requested if not _exists(column, names)]
    if missing:
        raise UnreadableFile(f"no column for {missing} among {_listed(names)}; correct {option}{_hint(names)}")


def _exists(column: str, names: Sequence[str]) -> bool:
    root = re.split(r"\[\]|\.", column)[0]
    if column in names or any(name.startswith((f"{column}.", f"{column}[].")) for name in names):
        return True
    return root != column and any(name.startswith(root) for name in names)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 40} more" if len(names) > 40 else ""
    return f"{list(names[:40])}{more}"


def _hint(names: Sequence[str]) -> str:
    """Return a hint where names look like values, as in a file without a header; else nothing."""
    values = sum(any(letter.isdigit() for letter in name) and not name[:1].isalpha() for name in names)
    if not values:
        return ""
    return ". If the first line is no header, name the columns with --columns, such as user,item,time"


def kind_of(columns: Mapping[Field, str], requested: Mapping[Field, str]) -> str:
    """Return the type of events without a type column.

    Purchases where there are baskets (a value is then an amount), ratings where there are values, else clicks. Baskets
    found by a usual name do not make purchases of ratings: a column of that name, or one given for values.

    >>> kind_of({"value": "value", "basket": "order_id"}, {})
    'purchase'
    >>> kind_of({"value": "Rating", "basket": "order_id"}, {})
    'rating'
    """
    are_ratings = "value" in requested or columns.get("value", "").lower() in ("rating", "overall", "stars")
    if "basket" in columns and ("basket" in requested or not are_ratings):
        return "purchase"
    return "rating" if "value" in columns else "click"


def item_columns_of(
    names: Sequence[str], requested: Mapping[str, tuple[str, ...]], option: str
) -> dict[str, tuple[str, ...]]:
    """Return the columns of each field of a catalogue. A description is also the title where there is no other.

    Raises:
        UnreadableFile: a given column does not exist, or none holds the item's id.
    """
    check_columns(
        names, [(field, column) for field, columns in requested.items() for column in columns if column], option
    )
    mapped = {column for columns in requested.values() for column in columns}
    free = plain_names(name for name in names if name not in mapped)
    by_field: dict[str, tuple[str, ...]] = {}
    for field, guesses in ITEM_GUESSES.items():
        columns = requested.get(field) or tuple(filter(None, [found_column(free, guesses)]))
        if any(columns):
            by_field[field] = tuple(filter(None, columns))
    by_field |= {
        field: columns for field, columns in requested.items() if field.startswith("attributes") and any(columns)
    }
    nested = [name for name in names if name.startswith(ATTRIBUTE) and name not in mapped]
    by_field |= {name: (name,) for name in nested if name not in by_field}
    if "item" not in by_field:
        raise UnreadableFile(
            f"no column for the item's id among {_listed(names)}; say which with {option} item=…{_hint(names)}"
        )
    return by_field
