"""Lists as published: a user's slates with their causes, and the ranking-log entries that the trainer needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import inf

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from agents.explanations import Explainer, Line, Slot
from agents.memory.strengths import category_strengths
from agents.planning.guardrails import check_slate, strike
from features.item_rules import ItemRules
from features.recurring_times import holds_until, in_force
from features.views import user_row
from inference.query import Placed, Query, Ranking
from inference.signals.perceptions import PERCEPTION_SOURCE
from schemas.ids import DEFAULT_USER, EventId, ItemId, ListId, UserId, message_id
from schemas.interactions import Context
from schemas.locales import default_user
from schemas.offers import Occasion
from schemas.plans import Constraints
from schemas.ranking_log import DefaultList, Ranked
from schemas.recommendations import RankedItem, Recommendation, Slate
from schemas.replies import Reply
from schemas.topics import RANKING_LOG, RECOMMENDATIONS
from streams.handlers.deps import Deps
from streams.log.records import Message, RecordSource
from streams.outcomes.batch_outcome import Counters
from streams.state.user_record import UserRecord, new_user
from streams.worker.offers import offer_message

HOME = "home"
"""The surface for which every user has a list."""


class Due(Struct, frozen=True, kw_only=True):
    """A list that is due to a user: the events it answers, the last record that caused it, and its event time `at`.

    `asked` are surfaces that a rank request names, and `locale` the locale, where it names one. `waiting_since` is when
    the oldest of its records was produced, by the wall clock. With an `occasion`, an offer follows from the list.
    """

    user_id: UserId
    causes: tuple[EventId, ...]
    source: RecordSource
    at: float
    context: Context | None = None
    asked: tuple[str, ...] = ()
    locale: str = ""
    waiting_since: float = inf
    replies: tuple[Reply, ...] = ()
    occasion: Occasion | None = None

    def query(self, record: UserRecord, shown_at: float, wall: float | None = None) -> Query:
        """Return the recommender's query for a list that is shown at this event time and, if given, wall-clock time."""
        return Query(
            user=record.user,
            now=self.at,
            plan=record.plan,
            preferences=record.preferences_at(self.at),
            context=self.context or Context(),
            locale=self.locale or record.user.locale,
            seed=self.seed,
            shown_at=shown_at,
            wall=wall,
        )

    @property
    def surfaces(self) -> tuple[str, ...]:
        """Return the surfaces of the list: always with `HOME`, as the newest list replaces all before it."""
        return tuple(dict.fromkeys((HOME, *self.asked, self.context.surface if self.context else HOME)))

    def list_id(self, surface: str = HOME) -> ListId:
        """Return the id of a slate: the same whenever it is made from the same record."""
        source, kind = self.source, f"list/{self.user_id}"
        kind = kind if surface == HOME else f"{kind}/{surface}"
        return ListId(message_id(source.topic, source.partition, source.offset, kind))

    @property
    def seed(self) -> int:
        """Return the seed of an exploring list, from the same parts as its id; small enough to be exact in any JSON."""
        return int(self.list_id()[:13], 16)


class Answer(Struct, frozen=True):
    """A list that is due, with its user, query and ranking, and the applied offsets of its partition."""

    due: Due
    record: UserRecord
    query: Query
    ranking: Ranking
    applied: dict[str, int]


def list_messages(answer: Answer, stages: Mapping[str, float], deps: Deps, counters: Counters) -> tuple[Message, ...]:
    """Return the recommendation, and an entry of the ranking log for each of its slates."""
    due, ranking = answer.due, answer.ranking
    shown_at = due.at if answer.query.shown_at is None else answer.query.shown_at
    slate = _checked(answer, shown_at, deps, counters)
    if len(slate) < len(ranking.slate):
        answer, slate = _without_draw(answer), tuple(replace(placed, propensity=None) for placed in slate)
    for degradation in ranking.degradations:
        counters.count("degraded", degradation)
    steps = frozenset(step.text for step in answer.query.preferences.next_steps)
    entry, lines = _ranked(answer, slate), _lines(slate, answer.record, deps, steps)
    for line in lines:
        counters.count("explained", line.kind)
    items = _items(slate, lines)
    return (
        Message(RECOMMENDATIONS, due.user_id, _recommendation(answer, items, stages, deps)),
        *(Message(RANKING_LOG, due.user_id, _on_surface(entry, due.list_id(surface))) for surface in due.surfaces),
        *_offers(answer, items, lines),
    )


def _offers(answer: Answer, items: Sequence[RankedItem], lines: Sequence[Line]) -> tuple[Message, ...]:
    due = answer.due
    if due.occasion is None:
        return ()
    return (offer_message(due.occasion, due.source, answer.record, list(zip(items, lines, strict=True))),)


def _recommendation(
    answer: Answer, items: tuple[RankedItem, ...], stages: Mapping[str, float], deps: Deps
) -> Recommendation:
    due, record, ranking = answer.due, answer.record, answer.ranking
    plan, draw = record.agent.plan, ranking.draw
    seed = draw.seed if draw else None
    return Recommendation(
        user_id=due.user_id,
        version=record.version,
        slates=tuple(Slate(list_id=due.list_id(name), surface=name, items=items, seed=seed) for name in due.surfaces),
        trigger_event_ids=due.causes,
        plan_id=plan.plan_id if plan else None,
        proposed_plan_id=record.agent.proposal.plan_id if record.agent.proposal else None,
        evidence=plan.evidence if plan else (),
        model_version=ranking.model_version,
        statistics_version=ranking.statistics_version,
        state_version=record.user.version,
        event_time=due.at,
        locale=answer.query.locale,
        expires_at=stages["received"] + _lasts(answer, deps),
        applied=answer.applied,
        stages={"ingested": due.source.timestamp, **stages},
        degradations=ranking.degradations,
        constraints=record.agent.constraints,
        replies=due.replies,
        experiment=ranking.assigned.experiment if ranking.assigned else None,
        arm=ranking.assigned.arm if ranking.assigned else None,
    )


def _lasts(answer: Answer, deps: Deps) -> float:
    """Return for how many seconds the list is good: not beyond a time at which other rules of the user are in force."""
    at = answer.due.at
    changes = holds_until(answer.record.agent.constraints, at)
    return deps.list_ttl if changes is None else min(deps.list_ttl, changes - at)


def _checked(answer: Answer, now: float, deps: Deps, counters: Counters) -> tuple[Placed, ...]:
    """Return the slate without the items that the guardrails forbid, whatever their source."""
    slate, record = answer.ranking.slate, answer.record
    items = [placed.item_id for placed in slate]
    constraints = in_force(record.agent.constraints, answer.due.at)
    concerned = dict.fromkeys([*items, *(ItemId(item) for item in constraints.pinned_items)])
    names = deps.table.categories if _concerns_categories(constraints) else _no_categories
    available = {item: names(item) for item in concerned if deps.table.available(item, now, answer.query.locale)}
    beyond = _beyond(available, constraints, deps)
    attributes = {item: deps.table.attributes(item) for item in available} if constraints.rules else {}
    violations = check_slate(items, constraints, available, beyond, attributes)
    if not violations:
        return slate
    for violation in violations:
        counters.count("guardrail", violation.reason)
    allowed = set(strike(items, constraints, available, beyond, attributes))
    return tuple(placed for placed in slate if placed.item_id in allowed)


def _concerns_categories(constraints: Constraints) -> bool:
    return bool(constraints.banned_categories or constraints.only_categories or constraints.rules)


def _beyond(items: Iterable[ItemId], constraints: Constraints, deps: Deps) -> frozenset[ItemId]:
    """Return the items that are not known to keep within the user's limits."""
    if not (constraints.limits or constraints.rules):
        return frozenset()
    rules, number, keeps = ItemRules(constraints), deps.table.number, deps.table.facts.keeps
    limits = {item: rules.limits_of(deps.table.categories(item)) for item in items}
    return frozenset(item for item in items if not keeps(number[item], limits[item]))


def _no_categories(item: ItemId) -> tuple[str, ...]:
    """Return no categories: they matter only to users who banned one, or want some alone."""
    return ()


def _without_draw(answer: Answer) -> Answer:
    """Return the answer without its draw: no probability is known of a list that the guardrails have cut."""
    return replace(answer, ranking=replace(answer.ranking, draw=None))


def _lines(slate: tuple[Placed, ...], record: UserRecord, deps: Deps, steps: Collection[str] = ()) -> tuple[Line, ...]:
    """Return a line for each item of the slate: of the agent's memories or plan, or its source's reason; `steps` are
    those that the user's goals have.
    """
    explainer, categories = Explainer(record.agent.plan, record.agent.memories), deps.table.categories
    chosen = {entry.item_id for entry in record.user.recent}
    slots = [_slot(placed, categories(placed.item_id), chosen, steps) for placed in slate]
    if record.agent.constraints.rules:
        slots = [replace(slot, attributes=deps.table.attributes(slot.item_id)) for slot in slots]
    return explainer.lines(slots)


def _items(slate: tuple[Placed, ...], lines: Sequence[Line]) -> tuple[RankedItem, ...]:
    """Return the slate as published."""
    return tuple(
        RankedItem(
            item_id=placed.item_id,
            score=round(placed.score, 6),
            source=placed.source,
            propensity=placed.propensity,
            reason=line.text,
        )
        for placed, line in zip(slate, lines, strict=True)
    )


def _slot(placed: Placed, categories: tuple[str, ...], chosen: Collection[ItemId], steps: Collection[str]) -> Slot:
    answers, is_step = placed.source == PERCEPTION_SOURCE.name, placed.reason in steps
    return Slot(
        placed.item_id, categories, placed.reason, placed.cause in chosen, answers_user=answers, is_step=is_step
    )


def _on_surface(entry: Ranked, list_id: ListId) -> Ranked:
    return replace(entry, entry_id=f"{list_id}-ranked", list_id=list_id)


def _ranked(answer: Answer, slate: tuple[Placed, ...]) -> Ranked:
    """Return the ranking-log entry of the list on `HOME`."""
    due, record, ranking = answer.due, answer.record, answer.ranking
    rows = [placed.row for placed in slate if placed.row >= 0]
    return Ranked(
        entry_id=f"{due.list_id()}-ranked",
        user_id=due.user_id,
        event_time=due.at,
        list_id=due.list_id(),
        table=ranking.table,
        items=tuple(placed.item_id for placed in slate if placed.row >= 0),
        features=np.ascontiguousarray(ranking.features[rows], dtype="<f4").tobytes(),
        propensities=tuple(placed.propensity for placed in slate if placed.row >= 0),
        feature_time=record.user.feature_time,
        user_features=user_row(record.user),
        user_categories=category_strengths(record.agent.memories, due.at),
        external=answer.query.external,
        model_version=ranking.model_version,
        draw=ranking.draw,
        experiment=ranking.assigned.experiment if ranking.assigned else None,
        arm=ranking.assigned.arm if ranking.assigned else None,
        as_champion=ranking.assigned.as_champion if ranking.assigned else False,
    )


class DefaultState(Struct, frozen=True):
    """The non-personalised lists as published last: their statistics version, when, each item with the locale of its
    list, and their version.
    """

    statistics: int = -1
    at: float = float("-inf")
    items: tuple[tuple[ItemId, str], ...] = ()
    version: int = 0

    def is_due(self, statistics: int, now: float, *, every: float, lasts: float) -> bool:
        """Return whether a new one is due: the statistics have changed (then at most once in `every` seconds), or half
        of its time-to-live of `lasts` seconds is over.

        >>> DefaultState(7, 100.0).is_due(7, 110.0, every=1.0, lasts=60.0)
        False
        """
        age = now - self.at
        return (statistics != self.statistics and age >= every) or age >= lasts / 2.0


MOST_LOCALES = 16
"""For how many locales there is a non-personalised list: those that most items name."""


def default_lists(deps: Deps, after: int = 0) -> tuple[Message, ...]:
    """Return the non-personalised lists as of the newest statistics: one for all, one per locale that items name.

    Their version is the wall time in milliseconds, but above `after`: clocks may be set back, versions only grow. A
    timer publishes them again before they expire, also without any event. The ranking log gets an entry of the list
    for all.
    """
    record, now, wall = new_user(DEFAULT_USER), deps.stream_now, deps.clock()
    locales = ("", *deps.table.availability.locales.names(MOST_LOCALES))
    rankings = deps.recommender.rank([Query(user=record.user, now=now, wall=wall, locale=locale) for locale in locales])
    received = deps.clock()
    version = max(int(received * 1_000.0), after + 1)
    lists = [
        _default_list(deps, record, locale, ranking, now=now, version=version, received=received)
        for locale, ranking in zip(locales, rankings, strict=True)
    ]
    entry = DefaultList(
        entry_id=f"{lists[0].home.list_id}-{received:.0f}",
        user_id=DEFAULT_USER,
        event_time=now,
        items=tuple(placed.item_id for placed in rankings[0].slate),
    )
    recommendations = [Message(RECOMMENDATIONS, one.user_id, one) for one in lists]
    return *recommendations, Message(RANKING_LOG, DEFAULT_USER, entry)


def _default_list(
    deps: Deps, record: UserRecord, locale: str, ranking: Ranking, *, now: float, version: int, received: float
) -> Recommendation:
    user = default_user(locale)
    name = user.removeprefix("@")
    list_id = ListId(f"{name}-{ranking.statistics_version}-{ranking.model_version}")
    items = _items(ranking.slate, _lines(ranking.slate, record, deps))
    return Recommendation(
        user_id=user,
        version=version,
        slates=(Slate(list_id=list_id, surface=HOME, items=items),),
        model_version=ranking.model_version,
        statistics_version=ranking.statistics_version,
        event_time=now,
        locale=locale,
        expires_at=received + deps.options.expires_seconds,
        stages={"received": received, "ranked": deps.clock()},
        degradations=ranking.degradations,
    )


def as_published(messages: tuple[Message, ...], statistics: int, at: float) -> DefaultState:
    """Return the state of the non-personalised lists that these messages publish, of this statistics version."""
    lists = [message.value for message in messages if isinstance(message.value, Recommendation)]
    items = tuple((ranked.item_id, published.locale) for published in lists for ranked in published.home.items)
    return DefaultState(statistics=statistics, at=at, items=items, version=lists[0].version)
