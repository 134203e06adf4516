"""Our own ranking log, from a topic or a file: which policies it can judge, and what it says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from features.views import feature_schema_id
from inference.evaluation.intervals.interval import Interval
from inference.evaluation.off_policy.decisions import PolicyDecision, decide, on_policy
from inference.evaluation.off_policy.estimators import By
from inference.evaluation.off_policy.logged_lists import LoggedList, SeenLists, seen_lists
from inference.evaluation.off_policy.targets import Target, TargetEvaluator, by_column, by_model, exploiting, uniform
from inference.learning.weights_file import Weights
from inference.local_ranker import LocalRanker
from schemas.codec import decode, encode
from schemas.errors import DecodeError, LifelongError
from schemas.ranking_log import Choice, RankingLogEntry, RankingLogValue
from schemas.topics import RANKING_LOG

USUAL = ("model", "exploit", "uniform", "popularity")
POPULARITY = "popular_1d"
"""The column whose highest first is the policy `popularity`."""


class NothingLogged(LifelongError):
    """A log holds no list that was drawn and seen, or a target is none that can be judged from it."""


def read_lines(lines: Iterable[bytes], *, now: float, refused: Counter[str]) -> Iterator[RankingLogEntry]:
    """The entries of JSON lines that lists are judged by; what is no entry at all is counted by reason."""
    for line in lines:
        if not line.strip():
            continue
        try:
            entry: RankingLogValue = decode(RANKING_LOG, line, now=now)
        except DecodeError as exc:
            refused[f"{exc.reason}: {exc}"[:160]] += 1
            continue
        if isinstance(entry, RankingLogEntry):
            yield entry


def write_lines(path: Path, entries: Iterable[RankingLogEntry]) -> int:
    """Write what evaluation needs as JSON lines; how many: lists, outcomes, and of choices what experiments tell."""
    written = 0
    with path.open("wb") as file:
        for entry in entries:
            if isinstance(entry, Choice):
                if entry.experiment is None:
                    continue
                entry = replace(entry, items=(), features=b"")
            file.write(encode(entry) + b"\n")
            written += 1
    return written


class KnownWeights(Struct, frozen=True, kw_only=True):
    """What targets are made from: the feature columns as they are here, and the current weights if there are any."""

    columns: tuple[str, ...]
    weights: Weights | None = None


class EvaluatedPolicy(Struct, frozen=True, kw_only=True):
    """What a log says. `earned` is what the drawn lists themselves did; `best_earned` clicks per list that exploited,
    none if there are none; `left_out` counts lists that cannot be used, by reason; `not_tried` says why of a target.
    """

    lists: int
    users: int
    clicks: int
    earned: Interval
    best_earned: float | None
    left_out: dict[str, int]
    not_tried: dict[str, str]
    decisions: tuple[PolicyDecision, ...]


def evaluate_log(
    entries: Iterable[RankingLogEntry], known: KnownWeights, targets: Sequence[str], bys: Sequence[By], *, clip: float
) -> EvaluatedPolicy:
    """Judge policies from a ranking log.

    Raises:
        NothingLogged: no list in it was drawn and seen; or a target is unknown.
    """
    seen = seen_lists(entries)
    lists, others = _of_one_table(seen.lists)
    if not lists:
        raise NothingLogged(
            f"of {seen.exploited + seen.unseen + seen.foreign} lists none was drawn and then seen: set "
            "ranking.exploration above 0, and send impressions that name their list_id"
        )
    tried, not_tried = _targets(targets, lists[0].table, known)
    decisions = []
    for by in bys:
        court = TargetEvaluator(lists, by)
        decisions += [decide(target.name, target.what, court.trial(target), clip=clip) for target in tried]
    return EvaluatedPolicy(
        lists=len(lists),
        users=len({one.user_id for one in lists}),
        clicks=int(sum(one.clicks.sum() for one in lists)),
        earned=on_policy(TargetEvaluator(lists, "place").trial(exploiting())),
        best_earned=seen.exploited_clicks / seen.exploited if seen.exploited else None,
        left_out=_left_out(seen, others),
        not_tried=not_tried,
        decisions=tuple(decisions),
    )


def _of_one_table(lists: Sequence[LoggedList]) -> tuple[list[LoggedList], int]:
    """The lists of the feature table that most have, and how many have another."""
    tables = Counter(one.table for one in lists).most_common(1)
    kept = [one for one in lists if tables and one.table == tables[0][0]]
    return kept, len(lists) - len(kept)


def _left_out(seen: SeenLists, others: int) -> dict[str, int]:
    counts = {
        "not drawn": seen.exploited,
        "drawn and not seen": seen.unseen,
        "shown without any of their items": seen.foreign,
        "of another feature table": others,
    }
    return {reason: count for reason, count in counts.items() if count}


def _targets(names: Sequence[str], table: str, known: KnownWeights) -> tuple[list[Target], dict[str, str]]:
    """The targets of these names, and why others cannot be tried."""
    tried: list[Target] = []
    not_tried: dict[str, str] = {}
    for name in names:
        made = _MAKERS.get(name, _column(name))(table, known)
        if isinstance(made, str):
            not_tried[name] = made
        else:
            tried.append(made)
    return tried, not_tried


Maker = Callable[[str, KnownWeights], Target | str]


def _model(table: str, known: KnownWeights) -> Target | str:
    weights = known.weights
    if weights is None:
        return "there are no weights here: name a file with --weights"
    if weights.table != table:
        return f"the weights fit feature table {weights.table!r}, the lists have {table!r}"
    return by_model(LocalRanker(weights), f"version {weights.version}")


def _column(column: str, name: str = "", what: str = "") -> Maker:
    def make(table: str, known: KnownWeights) -> Target | str:
        if column not in known.columns:
            words = [*_MAKERS, *known.columns]
            raise NothingLogged(f"target {name or column!r} is neither a policy nor a feature: known are {words}")
        if feature_schema_id(known.columns) != table:
            return f"the lists have feature table {table!r}, here it is {feature_schema_id(known.columns)!r}"
        return by_column(name or column, known.columns.index(column), what)

    return make


_MAKERS: dict[str, Maker] = {
    "model": _model,
    "exploit": lambda table, known: exploiting(),
    "uniform": lambda table, known: uniform(),
    "popularity": _column(POPULARITY, "popularity", f"by {POPULARITY}"),
}
