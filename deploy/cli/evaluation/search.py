"""The command ``lifelong evaluate search``: how often the item is found that a query was made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import typer
from rich.console import RenderableType

from deploy.cli.progress_bars import work_bar
from deploy.cli.shown import AsJson, Column, NothingDone, listing, put_json
from deploy.cli.terminal import Console, put_line
from deploy.clients import wall_clock

if TYPE_CHECKING:
    from inference.encoders.ports import Encoder
    from inference.evaluation.search_quality import SearchQuality

SearchedItems = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A catalogue, as `import` reads it.")]
ItemsMapText = Annotated[str, typer.Option("--items-map", help="Columns of the file: item=ID,title=NAME.")]
QueryCount = Annotated[int, typer.Option("--queries", min=1, max=100_000, help="Queries of each kind.")]
EncoderName = Literal["sentences", "hashed-words", "none"]
EncodedBy = Annotated[EncoderName, typer.Option("--encoder", help="What compares meanings; none: words alone.")]
QuerySeed = Annotated[int, typer.Option("--seed", help="Of the queries.")]
QUALITY_COLUMNS = (
    Column("queries"),
    Column("searched by"),
    Column("recall@10", right=True),
    Column("MRR@10", right=True),
    Column("number", right=True),
    Column("p50 ms", right=True),
)


def evaluate_search_command(
    items: SearchedItems,
    items_map: ItemsMapText = "",
    queries: QueryCount = 1_000,
    encoder: EncodedBy = "sentences",
    seed: QuerySeed = 0,
    as_json: AsJson = False,
) -> None:
    """Search a catalogue with queries made from it: words of titles, misspelt ones, and words of texts held out."""
    from deploy.importing import Refused, parse_items_map, read_items
    from inference.evaluation.search_quality import evaluate_search, indexed_catalogue, make_queries
    from streams.backtest.process_pool import PoolProgress
    from streams.perceiver.perceive import text_of_item

    now, refused = wall_clock(), Refused()
    known = list(read_items(items, now=now, refused=refused, columns=parse_items_map(items_map)))
    if not known:
        raise NothingDone(f"{str(items)!r} holds no item that could be read")
    chosen = _encoder(encoder)
    with work_bar(Console(stderr=True)) as report:
        index = indexed_catalogue(
            known, chosen, text_of_item, lambda done: report(PoolProgress("items encoded", done, len(known)))
        )
    made = make_queries(known, queries, np.random.default_rng(seed))
    results = evaluate_search(index, made, chosen, now=now)
    if as_json:
        put_json(
            {"items": len(known), "refused": refused.reasons, "seed": seed, "encoder": encoder, "results": results}
        )
        return
    console = Console()
    console.print(_quality_table(console, results, f"{len(known):,} items, seed {seed}"))
    if refused.total:
        put_line(f"{refused.total} rows were refused", err=True)


def _encoder(name: EncoderName) -> Encoder[str] | None:
    if name == "none":
        return None
    from deploy.encoders import make_text_encoder
    from deploy.settings import PerceptionSettings

    return make_text_encoder(PerceptionSettings(text_encoder=name))


def _quality_table(console: Console, results: Sequence[SearchQuality], title: str) -> RenderableType:
    rows = [
        (
            one.kind,
            one.mode,
            f"{one.recall:.3f} ±{one.standard_error:.3f}",
            f"{one.reciprocal_rank:.3f}",
            str(one.queries),
            f"{one.median_ms:.1f}",
        )
        for one in results
    ]
    return listing(console, QUALITY_COLUMNS, rows, title=title)
