"""The options of commands that read a log and its catalogue from files, given to a command as one value."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import typer

if TYPE_CHECKING:
    from deploy.files.options import Typed

FILE_KINDS = "CSV, TSV, .dat, .inter, JSON, JSON lines or Parquet; also compressed."
EventsFile = Annotated[Path | None, typer.Argument(help=f"Events: {FILE_KINDS}", show_default=False)]
RequiredEvents = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=f"Events: {FILE_KINDS}")]
ItemsFile = Annotated[Path | None, typer.Option("--items", help="A catalogue, in one of the same formats.")]
Map = Annotated[str, typer.Option("--map", help="Which column is which: user=…,item=…,time=…,value=…,type=…")]
ItemsMap = Annotated[str, typer.Option(help="The same for the catalogue: item=…,title=…,text=…,categories=…,price=…")]
Types = Annotated[
    str,
    typer.Option(help="Event types by their names in the file: viewed=view,bought=purchase; or one type for all rows."),
]
Columns = Annotated[str, typer.Option(help="Column names of a file without a header.")]
ItemsColumns = Annotated[str, typer.Option(help="The same for the catalogue.")]
Separator = Annotated[
    str, typer.Option(help="Column separator: tab, comma, semicolon, pipe, space, or the character itself.")
]
ItemsSeparator = Annotated[str, typer.Option(help="The same for the catalogue.")]
Dates = Annotated[str, typer.Option(help="How to read 01/02/2020: day-first, month-first or year-first.")]
Limit = Annotated[int | None, typer.Option(help="Use only the first rows, this many, in event-time order.")]
Own = ParamSpec("Own")
Command = Callable[Concatenate["Typed", Own], None]


def _options(
    events: EventsFile = None,
    items: ItemsFile = None,
    columns_map: Map = "",
    items_map: ItemsMap = "",
    types: Types = "",
    columns: Columns = "",
    items_columns: ItemsColumns = "",
    separator: Separator = "",
    items_separator: ItemsSeparator = "",
    dates: Dates = "",
    limit: Limit = None,
) -> None:
    """Say which options there are: the fields of `deploy.files.options.Typed`."""


def takes_log(*, required: bool = False, limit: bool = True) -> Callable[[Command[Own]], Callable[..., None]]:
    """Give a command these options in place of its first parameter, a `Typed`; `events` may be `required`, and there
    may be no `limit`.
    """

    def decorate(command: Command[Own]) -> Callable[..., None]:
        first, *own = inspect.signature(command).parameters.values()
        shared = dict(inspect.signature(_options, eval_str=True).parameters)
        if required:
            shared["events"] = shared["events"].replace(annotation=RequiredEvents, default=inspect.Parameter.empty)
        if not limit:
            del shared["limit"]

        @wraps(command)
        def with_options(**given: Any) -> None:
            from deploy.files.options import Typed

            typed = Typed(**{name: given.pop(name) for name in shared})
            command(typed, **given)  # type: ignore[call-arg]

        # The type of the first parameter is not loaded for it: that takes a while.
        types_of_own = inspect.get_annotations(command, locals={first.annotation: Any}, eval_str=True)
        every = [*shared.values(), *(each.replace(annotation=types_of_own[each.name]) for each in own)]
        kind = inspect.Parameter.KEYWORD_ONLY
        with_options.__signature__ = inspect.Signature([each.replace(kind=kind) for each in every])  # type: ignore[attr-defined]
        with_options.__annotations__ = {each.name: each.annotation for each in every}
        return with_options

    return decorate
