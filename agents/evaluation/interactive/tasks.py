"""Tasks of τ-Rec (Narasimhan and Narasimhan, 2026, https://github.com/nbharaths/tau-rec, CC BY 4.0), as values.

A task is what a simulated person wants of a catalogue, as predicates, and how they reveal each: they say it at once
(`volunteer`), when asked about the field (`on_ask`), or never (`hidden`), but reject what breaks it. The files
themselves are no part of this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from agents.dialogue.catalogue import ItemOnOffer, OfferedCatalogue, facts_of
from agents.dialogue.limits import OPERATORS, FactLimit, Value, keeps_all
from schemas.errors import LifelongError

Reveal = Literal["volunteer", "on_ask", "hidden"]
REVEALS: tuple[Reveal, ...] = get_args(Reveal)


class NoTasks(LifelongError):
    """A file holds no tasks or no catalogue; the message names the file, the part and what is wrong with it."""


class Requirement(Struct, frozen=True):
    """A limit that a person has, and how they reveal it."""

    limit: FactLimit
    reveal: Reveal = "volunteer"


class Task(Struct, frozen=True):
    """What a person wants; `services` are those that they have, none if availability is no concern of theirs.

    `nothing_fits` says that to abstain is right; None where the task does not say it.
    """

    task_id: str
    requirements: tuple[Requirement, ...]
    services: tuple[str, ...] = ()
    watched: frozenset[str] = frozenset()
    nothing_fits: bool | None = None
    complexity: str = ""
    reveal_difficulty: str = ""

    @property
    def limits(self) -> tuple[FactLimit, ...]:
        """Return what the item has to keep to."""
        return tuple(requirement.limit for requirement in self.requirements)


def is_unsatisfiable(task: Task, catalogue: OfferedCatalogue) -> bool:
    """Return whether to abstain is right: as the task says, or because no item is left that may be recommended."""
    if task.nothing_fits:
        return True
    service = catalogue.of("service")
    on = (FactLimit(service.name, "contains_any", task.services),) if service is not None and task.services else ()
    return not any(
        item.item_id not in task.watched and keeps_all(item.facts, (*task.limits, *on))
        for item in catalogue.items.values()
    )


def read_offered_catalogue(path: Path) -> OfferedCatalogue:
    """Read a catalogue: a JSON list of objects with `id`, `title` and facts, or an object that holds one such list.

    Raises:
        NoTasks: it is no such list, or an item has no id.
    """
    rows = _json(path)
    if isinstance(rows, dict):
        rows = next((value for value in rows.values() if isinstance(value, list)), None)
    if not isinstance(rows, list):
        raise NoTasks(f"{str(path)!r} is no catalogue: a JSON list of items is expected")
    items = []
    for number, row in enumerate(rows):
        item_id = (row.get("id") or row.get("item_id")) if isinstance(row, dict) else None
        if not isinstance(item_id, str | int) or isinstance(item_id, bool):
            raise NoTasks(f"{str(path)!r}: item {number} has no `id`")
        items.append(ItemOnOffer(str(item_id), str(row.get("title") or row.get("name") or item_id), facts_of(row)))
    return OfferedCatalogue(items)


def read_tasks(path: Path) -> tuple[Task, ...]:
    """Read tasks from a folder of JSON files, a file with a list of them, or with one.

    Raises:
        NoTasks: there is none, or one has a constraint without field, operator or value, or of an unknown operator.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    tasks = [task for file in files for task in _tasks(file)]
    if not tasks:
        raise NoTasks(f"{str(path)!r} holds no tasks: give a folder of JSON files, a JSON list or one task")
    return tuple(tasks)


def _tasks(file: Path) -> list[Task]:
    read = _json(file)
    rows = read if isinstance(read, list) else [read]
    return [
        _task(row, f"{str(file)!r}", file.stem if len(rows) == 1 else f"{file.stem}-{n}") for n, row in enumerate(rows)
    ]


def _json(path: Path) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes())
    except OSError as exc:
        raise NoTasks(f"{str(path)!r} cannot be read: {exc.strerror}") from exc
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise NoTasks(f"{str(path)!r} is no JSON: {exc}") from exc


def _task(row: object, where: str, name: str) -> Task:
    if not isinstance(row, dict) or not isinstance(row.get("constraints"), list):
        raise NoTasks(f"{where} holds no task: an object with a list `constraints` is expected")
    task_id = str(row.get("id") or name)
    nothing = row.get("no_valid_recommendation")
    return Task(
        task_id,
        _distinct([_requirement(one, f"{where}: task {task_id!r}") for one in row["constraints"]]),
        tuple(str(service) for service in _list(row.get("user_services"))),
        _watched(row),
        nothing if isinstance(nothing, bool) else None,
        str(row.get("complexity") or ""),
        str(row.get("reveal_difficulty") or ""),
    )


def _requirement(row: object, where: str) -> Requirement:
    inner = row.get("constraint", row) if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(inner, dict) or not {"field", "op", "value"} <= set(inner):
        raise NoTasks(f"{where} has a constraint without `field`, `op` or `value`: {row!r:.200}")
    op, reveal, value = inner["op"], row.get("reveal", "volunteer"), _value(inner["value"])
    if op not in OPERATORS:
        raise NoTasks(f"{where} has the unknown operator {op!r:.80}; known are {', '.join(OPERATORS)}")
    if reveal not in REVEALS:
        raise NoTasks(f"{where} has the unknown reveal {reveal!r:.80}; known are {', '.join(REVEALS)}")
    if value is None:
        raise NoTasks(
            f"{where} has a constraint whose value is {inner['value']!r:.80}, no number, text or list of them"
        )
    return Requirement(FactLimit(str(inner["field"]), op, value), reveal)


def _value(value: object) -> Value | None:
    return facts_of({"value": value}).get("value")


def _distinct(requirements: Sequence[Requirement]) -> tuple[Requirement, ...]:
    """Return each limit once, as it is revealed soonest."""
    soonest: dict[FactLimit, Requirement] = {}
    for requirement in requirements:
        known = soonest.setdefault(requirement.limit, requirement)
        if REVEALS.index(requirement.reveal) < REVEALS.index(known.reveal):
            soonest[requirement.limit] = requirement
    return tuple(soonest.values())


def _watched(row: dict[str, Any]) -> frozenset[str]:
    histories = row.get("user_history")
    history = histories.get(row.get("user_id"), histories) if isinstance(histories, dict) else {}
    return frozenset(str(item) for item in _list(history.get("watched") if isinstance(history, dict) else None))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
