"""The items that are the next step of a user's goals: candidates of the list, of which the best leads it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from msgspec import Struct

from features.agent_preferences import NextStep
from inference.items.table import Bools, ItemTable, Numbers

STEP_OPTIONS = 10
"""How many items are candidates for one step: of those that are as good a step, the most popular."""
GOAL_SOURCE = "goal"
"""The source of an item that is in a list as the step of a goal."""


class StepOptions(Struct, frozen=True):
    """Items that are a goal's next step equally, by number, and the reason for showing one. Without any, the step
    waits.
    """

    items: Numbers
    reason: str


def step_options(
    steps: Iterable[NextStep], blocked: Bools, consumed: Numbers, table: ItemTable
) -> tuple[StepOptions, ...]:
    """Return the options of every step that can be taken: items that are not `blocked` and, of a category, not consumed
    before. `blocked` is bool `[items]`, `consumed` are item numbers.
    """
    found = [StepOptions(_options(step, blocked, consumed, table), step.text) for step in steps]
    return tuple(options for options in found if len(options.items))


def best_steps(steps: Iterable[StepOptions], ranked: Numbers) -> dict[int, str]:
    """Return the rank (from 0) and the reason of each step's best option among `ranked` item numbers, best first,
    that is no step of a goal before it.

    >>> best_steps([StepOptions(np.array([3, 5]), "step 1 of 2 of tea")], np.array([4, 5, 3]))
    {1: 'step 1 of 2 of tea'}
    """
    best: dict[int, str] = {}
    for step in steps:
        ranks = np.flatnonzero(np.isin(ranked, step.items)).tolist()
        rank = next((rank for rank in ranks if rank not in best), None)
        if rank is not None:
            best[rank] = step.reason
    return best


def leftovers(steps: Sequence[StepOptions], ranked: Numbers, best: Collection[int], wanted: Bools) -> Bools:
    """Return which of the `ranked` items are there for the sake of a step that another item is: options that are not
    the `best` ranks, and not `wanted` for another reason; bool `[ranked]`.

    >>> step = StepOptions(np.array([3, 5]), "step 1 of 2 of tea")
    >>> leftovers([step], np.array([4, 5, 3]), [1], np.array([True, False, False])).tolist()
    [False, False, True]
    """
    found: Bools = np.isin(ranked, np.concatenate([step.items for step in steps])) & ~wanted
    found[list(best)] = False
    return found


def _options(step: NextStep, blocked: Bools, consumed: Numbers, table: ItemTable) -> Numbers:
    if step.items:
        known = [table.number[item] for item in step.items if item in table.number]
        return np.array([number for number in known if not blocked[number]], np.int64)
    members = table.by_category.members(step.category)
    members = members[~blocked[members] & ~np.isin(members, consumed)]
    if step.fact:
        values = table.facts.column(step.fact, len(table))[members]
        least = np.float32(-np.inf if step.at_least is None else step.at_least)
        above = values >= least
        open_steps = above if above.any() else ~np.isnan(values)
        members, values = members[open_steps], values[open_steps]
        members = members[values == values.min(initial=np.inf)]
    return members[np.argsort(-table.count[members], kind="stable")[:STEP_OPTIONS]]
