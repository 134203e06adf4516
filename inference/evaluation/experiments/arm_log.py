"""What people of an experiment did, put together from the ranking log."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from schemas.ids import ItemId, ListId, UserId
from schemas.ranking_log import Choice, ListOutcome, Ranked, RankingLogEntry

TOP = 10


class UserLog(Struct):
    """A person in an arm: lists made for them, lists that they saw, what they clicked of those, what they chose at all
    and how often that was in their list. `as_champion` lists were ranked by the champion: the arm had no weights yet.
    """

    arm: str
    lists: int = 0
    seen: int = 0
    clicks: int = 0
    choices: int = 0
    hits: int = 0
    as_champion: int = 0


class ExperimentLog(Struct, kw_only=True):
    """An experiment as its log tells it. `taken`: who took something that no list had shown them, and the place that
    each arm's weights had given it just before. `versions` are the first and the last that made a list.

    People who were in two arms, as shares were changed, are among `everybody` and not among `people`; `left_out` counts
    them, and what else is of no use, by reason.
    """

    experiment: str
    people: dict[UserId, UserLog]
    taken: list[tuple[UserId, dict[str, int]]]
    everybody: tuple[UserId, ...] = ()
    versions: tuple[int, int] = (0, 0)
    left_out: dict[str, int] = {}


class _Joined(Struct):
    """The log, each entry once."""

    lists: dict[ListId, Ranked] = field(default_factory=dict)
    choices: dict[str, Choice] = field(default_factory=dict)
    shown: dict[ListId, set[ItemId]] = field(default_factory=dict)
    clicked: dict[ListId, set[ItemId]] = field(default_factory=dict)


def last_experiment(entries: Iterable[RankingLogEntry]) -> str:
    """The name of the experiment that the newest marked entry is of; empty if none is."""
    names = [entry.experiment for entry in entries if isinstance(entry, Ranked | Choice) and entry.experiment]
    return names[-1] if names else ""


def experiment_log(entries: Iterable[RankingLogEntry], experiment: str) -> ExperimentLog:
    """Everything that people of this experiment did; an entry that is there twice counts once."""
    joined = _joined(entries, experiment)
    arms: dict[UserId, set[str]] = {}
    marked: list[Ranked | Choice] = [*joined.lists.values(), *joined.choices.values()]
    for entry in marked:
        arms.setdefault(entry.user_id, set()).add(entry.arm or "")
    people = {user: UserLog(arm=min(own)) for user, own in arms.items() if len(own) == 1}
    _count_lists(joined, people)
    _count_choices(joined, people)
    chosen = joined.choices.values()
    organic = [choice for choice in chosen if choice.list_id is None]
    versions = [made.model_version for made in joined.lists.values()]
    return ExperimentLog(
        experiment=experiment,
        people=people,
        taken=[(choice.user_id, choice.places) for choice in organic if choice.places],
        everybody=tuple(arms),
        versions=(min(versions, default=0), max(versions, default=0)),
        left_out={
            "people who changed arms, as shares were changed": len(arms) - len(people),
            "choices in a list that was shown": len(chosen) - len(organic),
            "choices that no source had proposed": sum(choice.chosen is None for choice in organic),
        },
    )


def _joined(entries: Iterable[RankingLogEntry], experiment: str) -> _Joined:
    joined = _Joined()
    for entry in entries:
        match entry:
            case Ranked() if entry.experiment == experiment:
                joined.lists[entry.list_id] = entry
            case Choice() if entry.experiment == experiment:
                joined.choices[entry.entry_id] = entry
            case ListOutcome():
                joined.clicked.setdefault(entry.list_id, set()).update(entry.clicked)
                joined.shown.setdefault(entry.list_id, set()).update(entry.shown)
            case _:
                continue
    return joined


def _count_lists(joined: _Joined, people: dict[UserId, UserLog]) -> None:
    """A list is seen if any of its items was shown; clicks are those on its own items."""
    for name, made in joined.lists.items():
        life = people.get(made.user_id)
        if life is None:
            continue
        life.lists += 1
        life.as_champion += made.as_champion
        if not joined.shown.get(name, set()).isdisjoint(made.items):
            life.seen += 1
            life.clicks += len(joined.clicked[name].intersection(made.items))


def _count_choices(joined: _Joined, people: dict[UserId, UserLog]) -> None:
    for choice in joined.choices.values():
        life = people.get(choice.user_id)
        if life is not None:
            life.choices += 1
            life.hits += choice.rank is not None and choice.rank <= TOP
