"""``lifelong search``, ``popular``, ``trending`` and ``items``: find items through the running gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer
from rich.markup import escape

from deploy.cli.gateway_client import ask_gateway
from deploy.cli.shown import AsJson, Column, NothingDone, listing, put_json
from deploy.cli.terminal import Console, put_line
from deploy.settings import load_settings
from inference.search.query import Window

SHOWN_FIELDS = "title,categories,price"
FOUND_COLUMNS = (
    Column("", right=True),
    Column("item"),
    Column("title", prose=True),
    Column("categories", prose=True),
    Column("price", right=True),
    Column("score", right=True),
)
ForUser = Annotated[str, typer.Option("--user", help="Only what this user's statements allow, closest to their list.")]
FilterText = Annotated[str, typer.Option("--filter", help="Only items that match: 'categories:Comedy and price < 20'.")]
BoostText = Annotated[str, typer.Option("--boost", help="Factors of scores: 'categories:Comedy^2, year<2000^0.5'.")]
Number = Annotated[int, typer.Option("--n", min=1, max=100, help="How many items.")]
InWindow = Annotated[Window, typer.Option("--window", help="Within which choices count.")]
OfCategory = Annotated[str, typer.Option("--category", help="Only of this category.")]
SimilarBy = Literal["content", "choices", "picture"]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("search")(search)
    app.command("popular")(popular)
    app.command("trending")(trending)
    items = typer.Typer(help="Show items of the catalogue, and what is similar to them.", no_args_is_help=True)
    items.command("show")(show_item)
    items.command("similar")(similar)
    app.add_typer(items, name="items")


def search(
    words: Annotated[list[str] | None, typer.Argument(help="What to search for; wrong letters are allowed.")] = None,
    image: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Search by this picture.")] = None,
    user: ForUser = "",
    matching: FilterText = "",
    boost: BoostText = "",
    n: Number = 10,
    as_json: AsJson = False,
) -> None:
    """Search items by words, by meaning too where perception is on, or by a picture."""
    if bool(words) == (image is not None):
        raise typer.BadParameter("pass words to search for, or --image")
    parameters = {"user": user, "filter": matching, "boost": boost, "n": n, "with": SHOWN_FIELDS}
    settings = load_settings()
    if image is not None:
        answer = ask_gateway(settings, "POST", "/v1/search/image", parameters, image.read_bytes())
    else:
        answer = ask_gateway(settings, "GET", "/v1/search", {"q": " ".join(words or ())} | parameters)
    _show_found(answer, f"{answer['total']} found by {' and '.join(answer['by'])}", as_json=as_json)


def popular(
    window: InWindow = "day",
    category: OfCategory = "",
    user: ForUser = "",
    matching: FilterText = "",
    n: Number = 10,
    as_json: AsJson = False,
) -> None:
    """Show the items that were chosen most lately; the score is the decayed count of choices."""
    _show_counted("popular", window, category, user, matching, n, as_json=as_json)


def trending(
    window: InWindow = "day",
    category: OfCategory = "",
    user: ForUser = "",
    matching: FilterText = "",
    n: Number = 10,
    as_json: AsJson = False,
) -> None:
    """Show the items that are chosen more than the time before lets one expect, by how many standard deviations."""
    _show_counted("trending", window, category, user, matching, n, as_json=as_json)


def show_item(item: Annotated[str, typer.Argument(help="Id of the item.")], as_json: AsJson = False) -> None:
    """Show an item's catalogue entry, whether it may be shown now, and its facts."""
    answer = ask_gateway(load_settings(), "GET", f"/v1/items/{quote(item, safe='')}")
    if as_json:
        put_json(answer)
        return
    for name, value in (answer["item"] | {"available": answer["available"], "facts": answer["facts"]}).items():
        said = ", ".join(map(_shortened, value)) if isinstance(value, list) else _shortened(value)
        put_line(f"{name}: {said}")


def similar(
    item: Annotated[str, typer.Argument(help="Id of the item.")],
    by: Annotated[SimilarBy, typer.Option(help="What similarity is based on.")] = "content",
    user: ForUser = "",
    matching: FilterText = "",
    boost: BoostText = "",
    n: Number = 10,
    as_json: AsJson = False,
) -> None:
    """Show the items most similar to one."""
    parameters = {"by": by, "user": user, "filter": matching, "boost": boost, "n": n, "with": SHOWN_FIELDS}
    answer = ask_gateway(load_settings(), "GET", f"/v1/items/{quote(item, safe='')}/similar", parameters)
    for entry in answer["items"]:
        entry["score"] = entry["likeness"]
    _show_found(answer, f"similar to {item} by {by}", as_json=as_json)


def _show_counted(
    route: str, window: Window, category: str, user: str, matching: str, n: int, *, as_json: bool
) -> None:
    parameters = {"window": window, "category": category, "user": user, "filter": matching, "n": n}
    answer = ask_gateway(load_settings(), "GET", f"/v1/{route}", parameters | {"with": SHOWN_FIELDS})
    _show_found(answer, f"{route} within the {window}", as_json=as_json)


def _show_found(answer: Any, title: str, *, as_json: bool) -> None:
    if as_json:
        put_json(answer)
        return
    if not answer["items"]:
        raise NothingDone("nothing was found")
    console = Console(highlight=False)
    console.print(listing(console, FOUND_COLUMNS, [_row(*pair) for pair in enumerate(answer["items"], 1)], title=title))


def _row(rank: int, entry: dict[str, Any]) -> tuple[str, ...]:
    price = entry.get("price")
    return (
        str(rank),
        escape(entry["item_id"]),
        escape(entry.get("title", "")),
        escape(", ".join(entry.get("categories", ()))),
        "" if price is None else f"{price:g}",
        f"{entry['score']:.3f}",
    )


def _shortened(value: object) -> str:
    """Return a value as text, a long one without its end: pictures may be part of an entry."""
    text = str(value)
    return text if len(text) <= 300 else f"{text[:300]}… ({len(text)} characters)"
