"""What users of an experiment did, joined from the ranking log."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from schemas.ids import ItemId, ListId, UserId
from schemas.ranking_log import Choice, ListOutcome, Ranked, RankingLogEntry

HIT_RANK = 10


class UserLog(Struct):
    """A user in an arm: lists made for them, lists that they saw, clicks on those, all choices, and how many of these
    were in their list. `as_champion` lists were ranked by the champion, as the arm had no weights yet.
    """

    arm: str
    lists: int = 0
    seen: int = 0
    clicks: int = 0
    choices: int = 0
    hits: int = 0
    as_champion: int = 0


class ExperimentLog(Struct, kw_only=True):
    """An experiment by its log. `organic_ranks` are organic choices, which no list had shown: the user, and the rank
    that each arm's weights had given the item just before. `versions` are the first and the last model version that
    made a list.

    Users who were in two arms, as shares were changed, are in `everybody` and not in `people`; `left_out` counts them,
    and other entries that cannot be used, by reason.
    """

    experiment: str
    people: dict[UserId, UserLog]
    organic_ranks: list[tuple[UserId, dict[str, int]]]
    everybody: tuple[UserId, ...] = ()
    versions: tuple[int, int] = (0, 0)
    left_out: dict[str, int] = {}


class _Joined(Struct):
    """The entries of the log, each once."""

    lists: dict[ListId, Ranked] = field(default_factory=dict)
    choices: dict[str, Choice] = field(default_factory=dict)
    shown: dict[ListId, set[ItemId]] = field(default_factory=dict)
    clicked: dict[ListId, set[ItemId]] = field(default_factory=dict)


def last_experiment(entries: Iterable[RankingLogEntry]) -> str:
    """Return the name of the experiment of the newest marked entry; empty if none is marked."""
    names = [entry.experiment for entry in entries if isinstance(entry, Ranked | Choice) and entry.experiment]
    return names[-1] if names else ""


def experiment_log(entries: Iterable[RankingLogEntry], experiment: str) -> ExperimentLog:
    """Join everything that users of this experiment did; a repeated entry counts once."""
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
    versions = [ranked.model_version for ranked in joined.lists.values()]
    return ExperimentLog(
        experiment=experiment,
        people=people,
        organic_ranks=[(choice.user_id, choice.ranks) for choice in organic if choice.ranks],
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
    """Count lists by user: a list is seen if any of its items was shown; clicks are those on its own items."""
    for name, ranked in joined.lists.items():
        user_log = people.get(ranked.user_id)
        if user_log is None:
            continue
        user_log.lists += 1
        user_log.as_champion += ranked.as_champion
        if not joined.shown.get(name, set()).isdisjoint(ranked.items):
            user_log.seen += 1
            user_log.clicks += len(joined.clicked[name].intersection(ranked.items))


def _count_choices(joined: _Joined, people: dict[UserId, UserLog]) -> None:
    for choice in joined.choices.values():
        user_log = people.get(choice.user_id)
        if user_log is not None:
            user_log.choices += 1
            user_log.hits += choice.rank is not None and choice.rank <= HIT_RANK
