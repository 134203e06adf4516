"""What content is worth for items that nobody has met: the same backtest with and without what items say and look like.

The learned map from content to factors (`inference.signals.content_map`) is on, and its columns are there in every arm;
one arm leaves the map out. The placebo shuffles content among the items, so that every item has some, and another's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from inference.evaluation.intervals.cluster_bootstrap import MeanInterval, clustered
from inference.evaluation.metrics.ranks import contributions
from schemas.event_kinds import is_choice
from schemas.ids import ItemId
from schemas.interactions import ItemEvent
from schemas.item_perceptions import ItemPerception
from schemas.items import Item
from streams.backtest.arms import ArmGroup, ArmRun, BacktestArm, Compared, group_of
from streams.backtest.config import BacktestConfig, EventLog, SystemConfig

COLD_CHOICES = 5
"""An item is cold at the first so many choices of it in the log."""
NO_CONTENT, WORDS, PICTURES, BOTH = "no content", "words", "pictures", "both"
SHUFFLED, WITHOUT_MAP = "shuffled content", "without the map"
THE_MAP = ("source:mapped", "features:mapped")
COLD = f"choices 1 to {COLD_CHOICES} of an item"


class Multiple(Struct, frozen=True, kw_only=True):
    """HR@10 of an arm on cold items as a multiple of that of no content, null where the latter is 0; and HR@10 less
    twice that of no content, with its interval over users.
    """

    arm: str
    times: float | None
    less_twice: MeanInterval


class ColdStartResults(Struct, frozen=True, kw_only=True):
    """What content is worth on a log: what the log's `items` have of it, the arms that were left out and why, and the
    arms over groups of choices. With `early_hours` items were candidates so long before their first choice.
    """

    early_hours: float
    items: int
    items_with_words: int
    items_with_pictures: int
    left_out: dict[str, str]
    groups: tuple[ArmGroup, ...]
    multiples: tuple[Multiple, ...]


def chosen_items(log: EventLog) -> list[Item]:
    """Return the catalogue's items that the log chooses."""
    chosen = _chosen(log)
    return [item for item in log.items if item.item_id in chosen]


def offered_items(log: EventLog) -> list[Item]:
    """Return the catalogue's items that may be in a list: those that the log chooses, and those that say from when they
    are there. Whoever perceived the former alone would tell by it what will be chosen.
    """
    chosen = _chosen(log)
    return [item for item in log.items if item.available_from is not None or item.item_id in chosen]


def _chosen(log: EventLog) -> set[ItemId]:
    return {event.item_id for _, event in log.events if isinstance(event, ItemEvent) and is_choice(event)}


def launched(log: EventLog, hours: float) -> EventLog:
    """Return the log with its items available from `hours` before they are chosen first; from when the catalogue says
    where it does. Other items that are never chosen are never available.
    """
    first: dict[ItemId, float] = {}
    for _, event in log.events:
        if isinstance(event, ItemEvent) and is_choice(event):
            first.setdefault(event.item_id, event.event_time)
    items = [
        replace(item, available_from=max(0.0, first[item.item_id] - 3_600.0 * hours))
        if item.available_from is None and item.item_id in first
        else item
        for item in log.items
    ]
    return replace(log, items=items)


def has_words(item: Item) -> bool:
    """Return whether the item says anything."""
    return bool(item.title or item.text or item.categories or item.tags or item.attributes)


def cold_start_arms(
    log: EventLog, system: SystemConfig, plan: BacktestConfig
) -> tuple[dict[str, BacktestArm], dict[str, str]]:
    """Return the arms that the log's content allows, and why the others are left out."""
    has_pictures = any(perception.image for perception in log.perceptions)
    says_something = any(map(has_words, log.items))
    logs = {NO_CONTENT: replace(log, items=[_silent(item) for item in log.items], perceptions=())}
    left_out = {}
    if says_something:
        logs[WORDS] = replace(log, perceptions=_perceptions(log, of_pictures=False))
    else:
        left_out[WORDS] = "no item of the catalogue has a title, text, category, tag or attribute"
    if has_pictures:
        logs[PICTURES] = replace(logs[NO_CONTENT], perceptions=_perceptions(log, of_pictures=True))
    else:
        left_out[PICTURES] = "no picture of the catalogue was perceived"
    if has_pictures and says_something:
        logs[BOTH] = log
    else:
        left_out[BOTH] = "there are not both words and pictures"
    full = logs[fullest(tuple(logs))]
    logs[SHUFFLED] = _shuffled(full, plan.seed)
    arms = {name: BacktestArm(own, system, plan) for name, own in logs.items()}
    arms[WITHOUT_MAP] = BacktestArm(full, system, replace(plan, without=(*plan.without, *THE_MAP)))
    return arms, left_out


def fullest(arms: Sequence[str]) -> str:
    """Return the arm with the most content.

    >>> fullest(["no content", "words", "shuffled content"])
    'words'
    """
    return next((name for name in (BOTH, WORDS, PICTURES) if name in arms), NO_CONTENT)


def cold_start_results(
    log: EventLog, runs: Mapping[str, ArmRun], plan: BacktestConfig, *, early_hours: float, left_out: dict[str, str]
) -> ColdStartResults:
    """Return the results over cold items, over warm ones and over all choices."""
    rows = runs[NO_CONTENT].rows
    earlier = earlier_choices(log)[rows["index"]]
    masks = {
        COLD: earlier < COLD_CHOICES,
        "choice 1 of an item": earlier == 0,
        f"choices 2 to {COLD_CHOICES} of an item": (earlier > 0) & (earlier < COLD_CHOICES),
        "later choices of items (warm)": earlier >= COLD_CHOICES,
        "all choices": np.ones(len(rows), np.bool_),
    }
    compared, items = _compared(tuple(runs)), chosen_items(log)
    pictured = {perception.item_id for perception in log.perceptions if perception.image}
    return ColdStartResults(
        early_hours=early_hours,
        items=len(items),
        items_with_words=sum(map(has_words, items)),
        items_with_pictures=sum(item.item_id in pictured for item in items),
        left_out=left_out,
        groups=tuple(group_of(name, mask, runs, compared, plan) for name, mask in masks.items()),
        multiples=_multiples(runs, masks[COLD], plan),
    )


def earlier_choices(log: EventLog) -> NDArray[np.int64]:
    """Return how often each row's item was chosen in earlier rows: int64 `[rows]`, 0 for rows that are no choice."""
    earlier, seen = np.zeros(log.rows, np.int64), Counter[ItemId]()
    for index, event in log.events:
        if isinstance(event, ItemEvent) and is_choice(event):
            earlier[index] = seen[event.item_id]
            seen[event.item_id] += 1
    return earlier


def _compared(arms: Sequence[str]) -> tuple[Compared, ...]:
    full = fullest(arms)
    with_content = [name for name in (WORDS, PICTURES, BOTH) if name in arms]
    placebo = ((full, SHUFFLED), (SHUFFLED, NO_CONTENT))
    of_map = ((full, WITHOUT_MAP), (WITHOUT_MAP, NO_CONTENT))
    return (*((name, NO_CONTENT) for name in with_content), *placebo, *of_map)


def _multiples(runs: Mapping[str, ArmRun], mask: NDArray[np.bool_], plan: BacktestConfig) -> tuple[Multiple, ...]:
    hits = {arm: contributions(run.rows["rank"][mask])[:, 0] for arm, run in runs.items()}
    others = [arm for arm in runs if arm != NO_CONTENT]
    beyond = np.stack([hits[arm] - 2.0 * hits[NO_CONTENT] for arm in others], axis=1)
    intervals = clustered(beyond, runs[NO_CONTENT].rows["user"][mask], seed=plan.seed, resamples=plan.resamples)
    none = float(hits[NO_CONTENT].sum())
    return tuple(
        Multiple(arm=arm, times=float(hits[arm].sum()) / none if none else None, less_twice=interval)
        for arm, interval in zip(others, intervals, strict=True)
    )


def _silent(item: Item) -> Item:
    return replace(item, title="", text="", images=(), categories=(), tags=(), attributes={})


def _perceptions(log: EventLog, *, of_pictures: bool) -> list[ItemPerception]:
    """Return what was perceived of pictures alone, or of texts alone."""
    if of_pictures:
        return [replace(perception, text=None) for perception in log.perceptions if perception.image]
    return [replace(perception, image=None, picture=None) for perception in log.perceptions if perception.text]


def _shuffled(log: EventLog, seed: int) -> EventLog:
    """Return the log with the content of its items dealt out anew, so that each has that of another one; when and where
    an item is available stays.
    """
    items = offered_items(log)
    order = np.random.default_rng(seed).permutation(len(items))
    of = {items[row].item_id: items[other] for row, other in zip(order, np.roll(order, 1), strict=True)}
    perceived = {perception.item_id: perception for perception in log.perceptions}
    return replace(
        log,
        items=[_with_content_of(item, of[item.item_id]) if item.item_id in of else item for item in log.items],
        perceptions=[
            replace(perceived[source.item_id], item_id=item)
            for item, source in of.items()
            if source.item_id in perceived
        ],
    )


def _with_content_of(item: Item, other: Item) -> Item:
    return replace(
        item,
        title=other.title,
        text=other.text,
        images=other.images,
        categories=other.categories,
        tags=other.tags,
        attributes=other.attributes,
    )
