"""Lifelong's ranking log, from a topic or a file: which policies it can evaluate, and their estimates."""

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

DEFAULT_TARGETS = ("model", "exploit", "uniform", "popularity")
POPULARITY = "popular_1d"
"""The column whose highest first is the policy `popularity`."""


class NothingLogged(LifelongError):
    """A log has no list that was drawn and seen, or a target cannot be evaluated from it."""


def read_lines(lines: Iterable[bytes], *, now: float, refused: Counter[str]) -> Iterator[RankingLogEntry]:
    """Yield the entries of JSON lines that evaluation reads; lines that do not decode are counted by reason."""
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
    """Write what evaluation reads as JSON lines (lists, outcomes, and choices of experiments); return their number."""
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
    """The input of targets: the current feature columns, and the current weights if there are any."""

    columns: tuple[str, ...]
    weights: Weights | None = None


class EvaluatedPolicy(Struct, frozen=True, kw_only=True, rename={"decisions": "verdicts"}):
    """The result of a log. `earned` is the value of the drawn lists themselves; `best_earned` the clicks per list that
    exploited, none without such lists; `left_out` counts lists that cannot be used, by reason; `not_tried` says why a
    target was not evaluated.
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
    entries: Iterable[RankingLogEntry], inputs: KnownWeights, targets: Sequence[str], bys: Sequence[By], *, clip: float
) -> EvaluatedPolicy:
    """Evaluate policies from a ranking log.

    Raises:
        NothingLogged: no list of the log was drawn and seen; or a target is unknown.
    """
    seen = seen_lists(entries)
    lists, others = _of_one_table(seen.lists)
    if not lists:
        raise NothingLogged(
            f"of {seen.exploited + seen.unseen + seen.foreign} lists none was drawn and then seen: set "
            "ranking.exploration above 0, and send impressions that name their list_id"
        )
    tried, not_tried = _targets(targets, lists[0].table, inputs)
    decisions = []
    for by in bys:
        evaluator = TargetEvaluator(lists, by)
        decisions += [decide(target.name, target.what, evaluator.trial(target), clip=clip) for target in tried]
    return EvaluatedPolicy(
        lists=len(lists),
        users=len({logged.user_id for logged in lists}),
        clicks=int(sum(logged.clicks.sum() for logged in lists)),
        earned=on_policy(TargetEvaluator(lists, "place").trial(exploiting())),
        best_earned=seen.exploited_clicks / seen.exploited if seen.exploited else None,
        left_out=_left_out(seen, others),
        not_tried=not_tried,
        decisions=tuple(decisions),
    )


def _of_one_table(lists: Sequence[LoggedList]) -> tuple[list[LoggedList], int]:
    """Return the lists of the most common feature schema, and how many have another."""
    tables = Counter(logged.table for logged in lists).most_common(1)
    usable = [logged for logged in lists if tables and logged.table == tables[0][0]]
    return usable, len(lists) - len(usable)


def _left_out(seen: SeenLists, others: int) -> dict[str, int]:
    counts = {
        "not drawn": seen.exploited,
        "drawn and not seen": seen.unseen,
        "shown without any of their items": seen.foreign,
        "of another feature table": others,
    }
    return {reason: count for reason, count in counts.items() if count}


def _targets(names: Sequence[str], table: str, inputs: KnownWeights) -> tuple[list[Target], dict[str, str]]:
    """Return the targets of these names, and why others cannot be evaluated."""
    tried: list[Target] = []
    not_tried: dict[str, str] = {}
    for name in names:
        target = _MAKERS.get(name, _column(name))(table, inputs)
        if isinstance(target, str):
            not_tried[name] = target
        else:
            tried.append(target)
    return tried, not_tried


Maker = Callable[[str, KnownWeights], Target | str]


def _model(table: str, inputs: KnownWeights) -> Target | str:
    weights = inputs.weights
    if weights is None:
        return "there are no weights here: name a file with --weights"
    if weights.table != table:
        return f"the weights fit feature table {weights.table!r}, the lists have {table!r}"
    return by_model(LocalRanker(weights), f"version {weights.version}")


def _column(column: str, name: str = "", what: str = "") -> Maker:
    def make(table: str, inputs: KnownWeights) -> Target | str:
        if column not in inputs.columns:
            words = [*_MAKERS, *inputs.columns]
            raise NothingLogged(f"target {name or column!r} is neither a policy nor a feature: known are {words}")
        if feature_schema_id(inputs.columns) != table:
            return f"the lists have feature table {table!r}, here it is {feature_schema_id(inputs.columns)!r}"
        return by_column(name or column, inputs.columns.index(column), what)

    return make


_MAKERS: dict[str, Maker] = {
    "model": _model,
    "exploit": lambda table, inputs: exploiting(),
    "uniform": lambda table, inputs: uniform(),
    "popularity": _column(POPULARITY, "popularity", f"by {POPULARITY}"),
}
