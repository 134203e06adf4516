"""Which column holds what: as it was said, else by the names that logs and catalogues usually give."""

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
"""What the column of an item's id is called, in logs and in catalogues alike."""
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
"""Names by which a field is found without `--map`, the first that is there. Capitals, blanks, ``_``, ``-`` and ``.``
make no difference; what is not here is taken only where it is named."""
ITEM_FIELDS = (
    "item",
    "title",
    "text",
    "categories",
    "tags",
    "price",
    "images",
    "available_from",
    "available_until",
    "attributes",
)
REPEATED = frozenset({"categories", "tags", "images", "attributes"})
"""Fields that several columns may fill: ``categories=genre,categories=subgenre``."""
ITEM_GUESSES: dict[str, tuple[str, ...]] = {
    "item": (*ITEM_NAMES, "id"),
    "title": ("title", "movie_title", "name", "prod_name", "product_name", "item_name", "app_name", "description"),
    "text": ("text", "description", "summary", "abstract", "detail_desc", "overview"),
    "categories": ("categories", "genres", "genre", "class", "category"),
    "tags": ("tags",),
    "price": ("price",),
    "images": ("images", "image", "image_url", "img_url"),
    "available_from": ("available_from",),
    "available_until": ("available_until",),
}
SAME = {"item_id": "item", "id": "item"}
"""Other names that may stand before the ``=`` for a catalogue."""
ATTRIBUTE = "attributes."


def pairs_of(text: str, option: str) -> list[tuple[str, str]]:
    """``a=b,c=d`` as pairs; quotes around a pair keep a comma in it.

    Raises:
        UnreadableFile: something is no pair.

    >>> pairs_of('user=ga:clientId,"item=SKU, product"', "--map")
    [('user', 'ga:clientId'), ('item', 'SKU, product')]
    """
    made = []
    try:
        parts = next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error as exc:
        raise UnreadableFile(f"{option} {text!r} cannot be read: {exc}") from exc
    for pair in filter(None, map(str.strip, parts)):
        name, equals, column = pair.partition("=")
        if not equals:
            raise UnreadableFile(f"{option} has {pair!r}: it takes pairs such as user=who,item=what")
        made.append((name.strip(), column.strip()))
    return made


def parse_map(text: str) -> dict[Field, str]:
    """``user=who,item=what`` as a mapping; ``basket=`` says that no column is the basket.

    Raises:
        UnreadableFile: a name on the left is not one of ours.

    >>> parse_map("user=who,item=what")
    {'user': 'who', 'item': 'what'}
    """
    found: dict[Field, str] = {}
    for name, column in pairs_of(text, "--map"):
        known = next((field for field in FIELDS if name in (field, f"{field}_id")), None)
        if known is None:
            raise UnreadableFile(f"--map has {f'{name}={column}'!r}: the name before '=' is one of {list(FIELDS)}")
        found[known] = column
    return found


def parse_items_map(text: str) -> dict[str, tuple[str, ...]]:
    """``title=name,attributes=colour`` as a mapping to columns.

    Raises:
        UnreadableFile: a name on the left is not one of ours, or comes twice.

    >>> parse_items_map("item_id=sku,categories=a,categories=b")
    {'item': ('sku',), 'categories': ('a', 'b')}
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, column in pairs_of(text, "--items-map"):
        field = SAME.get(name, name)
        if field not in ITEM_FIELDS and not field.startswith(ATTRIBUTE):
            said = f"{name}={column}"
            raise UnreadableFile(f"the catalogue's map has {said!r}: the name before '=' is one of {list(ITEM_FIELDS)}")
        if field in found and field not in REPEATED:
            raise UnreadableFile(f"the catalogue's map names {name!r} twice")
        found[field] = (*found.get(field, ()), column)
    return found


def plain(name: str) -> str:
    """A name without what makes no difference.

    >>> plain("User ID") == plain("user_id") == plain("userId") == plain("user.id")
    True
    """
    return re.sub(r"[\s_.\-]", "", name).lower()


def found_column(names: Mapping[str, str], guesses: Sequence[str]) -> str | None:
    """The first of the guesses that is there, among plain names."""
    return next((names[key] for guess in guesses if (key := plain(guess)) in names), None)


def plain_names(names: Iterable[str]) -> dict[str, str]:
    """Columns by their plain names, the first of those that are alike."""
    made: dict[str, str] = {}
    for name in names:
        made.setdefault(plain(name), name)
    return made


def columns_of(names: Sequence[str], given: Mapping[Field, str]) -> dict[Field, str]:
    """Which column holds which field: as given, else by usual names. A column has one meaning only.

    Raises:
        UnreadableFile: a given column is not there, or none is found for user, item or time.
    """
    check_given(names, [(field, column) for field, column in given.items() if column], "--map")
    taken = set(given.values())
    free = plain_names(name for name in names if name not in taken)
    found: dict[Field, str] = {}
    for field in FIELDS:
        column = given[field] if field in given else found_column(free, GUESSES.get(field, ()))
        if column:
            found[field] = column
            free.pop(plain(column), None)
    needed = ("user", "item", "time") if "query" not in found else ("user", "time")
    missing = [field for field in needed if field not in found]
    if missing:
        raise UnreadableFile(f"no column for {missing} among {_listed(names)}; say which with --map{_hint(names)}")
    return found


def check_given(names: Sequence[str], given: Iterable[tuple[str, str]], option: str) -> None:
    """Refuse columns that are not there. A path into a nested cell need not be listed: rows may differ.

    Raises:
        UnreadableFile: a column is not there.
    """
    missing = [f"{field}={column}" for field, column in given if not _is_there(column, names)]
    if missing:
        raise UnreadableFile(f"no column for {missing} among {_listed(names)}; correct {option}{_hint(names)}")


def _is_there(column: str, names: Sequence[str]) -> bool:
    root = re.split(r"\[\]|\.", column)[0]
    if column in names or any(name.startswith((f"{column}.", f"{column}[].")) for name in names):
        return True
    return root != column and any(name.startswith(root) for name in names)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 40} more" if len(names) > 40 else ""
    return f"{list(names[:40])}{more}"


def _hint(names: Sequence[str]) -> str:
    """Names that look like values are those of a file without a header."""
    values = sum(any(letter.isdigit() for letter in name) and not name[:1].isalpha() for name in names)
    if not values:
        return ""
    return ". If the first line is no header, name the columns with --columns, such as user,item,time"


def kind_of(columns: Mapping[Field, str], given: Mapping[Field, str]) -> str:
    """What events are that do not say it: purchases where there are baskets (a value is then an amount), ratings where
    there are values, clicks otherwise. Baskets that were only guessed make no purchases of what is surely ratings: a
    column of that name, or one that was given for values.

    >>> kind_of({"value": "value", "basket": "order_id"}, {})
    'purchase'
    >>> kind_of({"value": "Rating", "basket": "order_id"}, {})
    'rating'
    """
    are_ratings = "value" in given or columns.get("value", "").lower() in ("rating", "overall", "stars")
    if "basket" in columns and ("basket" in given or not are_ratings):
        return "purchase"
    return "rating" if "value" in columns else "click"


def item_columns_of(
    names: Sequence[str], given: Mapping[str, tuple[str, ...]], option: str
) -> dict[str, tuple[str, ...]]:
    """Which columns of a catalogue hold which field. A description is the title too where there is no other.

    Raises:
        UnreadableFile: a given column is not there, or none holds the item's id.
    """
    check_given(names, [(field, column) for field, columns in given.items() for column in columns if column], option)
    taken = {column for columns in given.values() for column in columns}
    free = plain_names(name for name in names if name not in taken)
    found: dict[str, tuple[str, ...]] = {}
    for field, guesses in ITEM_GUESSES.items():
        columns = given.get(field) or tuple(filter(None, [found_column(free, guesses)]))
        if any(columns):
            found[field] = tuple(filter(None, columns))
    found |= {field: columns for field, columns in given.items() if field.startswith("attributes") and any(columns)}
    nested = [name for name in names if name.startswith(ATTRIBUTE) and name not in taken]
    found |= {name: (name,) for name in nested if name not in found}
    if "item" not in found:
        raise UnreadableFile(
            f"no column for the item's id among {_listed(names)}; say which with {option} item=…{_hint(names)}"
        )
    return found
