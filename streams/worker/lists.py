"""Lists as published: a person's slates with their causes, and the ranking-log entry that learning needs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from agents.explanations import Explainer
from agents.memory.strengths import category_strengths
from agents.planning.guardrails import check_slate, strike
from agents.preferences import preferences_of
from features.views import user_row
from inference.query import Placed, Query, Ranking
from schemas.ids import DEFAULT_USER, EventId, ItemId, ListId, UserId, message_id
from schemas.interactions import Context
from schemas.locales import default_user
from schemas.ranking_log import DefaultList, Ranked
from schemas.recommendations import RankedItem, Recommendation, Slate
from schemas.topics import RANKING_LOG, RECOMMENDATIONS
from streams.handlers.deps import Deps
from streams.log.records import Message, Source
from streams.outcomes.batch_outcome import Counters
from streams.state.user_record import UserRecord, new_user

HOME = "home"
"""The surface of which everybody has a list."""


class Due(Struct, frozen=True, kw_only=True):
    """A list that is owed to a person: the events it answers, the last record that asked, and when (event time).

    `asked` are surfaces that a rank request names, and `locale` the locale, where it names one.
    """

    user_id: UserId
    causes: tuple[EventId, ...]
    source: Source
    at: float
    context: Context | None = None
    asked: tuple[str, ...] = ()
    locale: str = ""

    def query(self, person: UserRecord, shown_at: float, wall: float | None = None) -> Query:
        """What to ask the recommender for a list that is shown at this time (event time, and by the wall clock)."""
        return Query(
            user=person.user,
            now=self.at,
            plan=person.plan,
            preferences=preferences_of(person.plan, person.agent.memories),
            context=self.context or Context(),
            locale=self.locale or person.user.locale,
            seed=self.seed,
            shown_at=shown_at,
            wall=wall,
        )

    @property
    def surfaces(self) -> tuple[str, ...]:
        """What the list is for: home, whatever else was asked for, so that nobody's list for home is lost by it."""
        return tuple(dict.fromkeys((HOME, *self.asked, self.context.surface if self.context else HOME)))

    def list_id(self, surface: str = HOME) -> ListId:
        """The id of a slate: the same whenever it is made again from the same record."""
        source, kind = self.source, f"list/{self.user_id}"
        kind = kind if surface == HOME else f"{kind}/{surface}"
        return ListId(message_id(source.topic, source.partition, source.offset, kind))

    @property
    def seed(self) -> int:
        """What the list is drawn with if it explores: by person and source offset, as its id; exact in any JSON."""
        return int(self.list_id()[:13], 16)


class Answer(Struct, frozen=True):
    """A list that is due, with what was asked and ranked for it, and up to where its partition is applied."""

    due: Due
    person: UserRecord
    query: Query
    ranking: Ranking
    applied: dict[str, int]


def list_messages(answer: Answer, stages: Mapping[str, float], deps: Deps, counters: Counters) -> tuple[Message, ...]:
    """The recommendation, and an entry in the ranking log for each of its slates."""
    due, ranking = answer.due, answer.ranking
    shown_at = due.at if answer.query.shown_at is None else answer.query.shown_at
    slate = _checked(answer, shown_at, deps, counters)
    if len(slate) < len(ranking.slate):
        answer, slate = _not_as_drawn(answer), tuple(replace(placed, propensity=None) for placed in slate)
    for degradation in ranking.degradations:
        counters.count("degraded", degradation)
    return (
        Message(RECOMMENDATIONS, due.user_id, _recommendation(answer, slate, stages, deps)),
        *(Message(RANKING_LOG, due.user_id, _ranked(answer, slate, surface)) for surface in due.surfaces),
    )


def _recommendation(
    answer: Answer, slate: tuple[Placed, ...], stages: Mapping[str, float], deps: Deps
) -> Recommendation:
    due, person, ranking = answer.due, answer.person, answer.ranking
    plan, draw = person.agent.plan, ranking.draw
    items, seed = _items(slate, person, deps), draw.seed if draw else None
    return Recommendation(
        user_id=due.user_id,
        version=person.version,
        slates=tuple(Slate(list_id=due.list_id(name), surface=name, items=items, seed=seed) for name in due.surfaces),
        trigger_event_ids=due.causes,
        plan_id=plan.plan_id if plan else None,
        evidence=plan.evidence if plan else (),
        model_version=ranking.model_version,
        statistics_version=ranking.statistics_version,
        state_version=person.user.version,
        event_time=due.at,
        expires_at=stages["received"] + deps.list_ttl,
        applied=answer.applied,
        stages={"ingested": due.source.timestamp, **stages},
        degradations=ranking.degradations,
        experiment=ranking.assigned.experiment if ranking.assigned else None,
        arm=ranking.assigned.arm if ranking.assigned else None,
    )


def _checked(answer: Answer, now: float, deps: Deps, counters: Counters) -> tuple[Placed, ...]:
    """The slate without whatever the guardrails forbid, whoever proposed it."""
    slate, person = answer.ranking.slate, answer.person
    items = [placed.item_id for placed in slate]
    constraints = person.agent.constraints
    concerned = dict.fromkeys([*items, *(ItemId(item) for item in constraints.pinned_items)])
    names = deps.table.categories if constraints.banned_categories else _no_categories
    available = {item: names(item) for item in concerned if deps.table.available(item, now, answer.query.locale)}
    violations = check_slate(items, constraints, available)
    if not violations:
        return slate
    for violation in violations:
        counters.count("guardrail", violation.reason)
    kept = set(strike(items, constraints, available))
    return tuple(placed for placed in slate if placed.item_id in kept)


def _no_categories(item: ItemId) -> tuple[str, ...]:
    """Categories are looked up for people who banned one."""
    return ()


def _not_as_drawn(answer: Answer) -> Answer:
    """The answer whose list is not what was drawn: no probability is known of what the guardrails left of it."""
    return replace(answer, ranking=replace(answer.ranking, draw=None))


def _items(slate: tuple[Placed, ...], person: UserRecord, deps: Deps) -> tuple[RankedItem, ...]:
    explainer = Explainer(person.agent.plan, person.agent.memories)
    return tuple(
        RankedItem(
            item_id=placed.item_id,
            score=round(placed.score, 6),
            source=placed.source,
            propensity=placed.propensity,
            reason=_reason(placed, explainer, deps),
        )
        for placed in slate
    )


def _reason(placed: Placed, explainer: Explainer, deps: Deps) -> str:
    """What is remembered of the person, where that speaks for the item and bears it out; else why it was found."""
    told = explainer.item(placed.item_id, deps.table.categories(placed.item_id))
    return told.text if told else placed.reason


def _ranked(answer: Answer, slate: tuple[Placed, ...], surface: str) -> Ranked:
    due, person, ranking = answer.due, answer.person, answer.ranking
    rows = [placed.row for placed in slate if placed.row >= 0]
    return Ranked(
        entry_id=f"{due.list_id(surface)}-ranked",
        user_id=due.user_id,
        event_time=due.at,
        list_id=due.list_id(surface),
        table=ranking.table,
        items=tuple(placed.item_id for placed in slate if placed.row >= 0),
        features=np.ascontiguousarray(ranking.features[rows], dtype="<f4").tobytes(),
        propensities=tuple(placed.propensity for placed in slate if placed.row >= 0),
        feature_time=person.user.feature_time,
        user_features=user_row(person.user),
        user_categories=category_strengths(person.agent.memories, due.at),
        external=answer.query.external,
        model_version=ranking.model_version,
        draw=ranking.draw,
        experiment=ranking.assigned.experiment if ranking.assigned else None,
        arm=ranking.assigned.arm if ranking.assigned else None,
        as_champion=ranking.assigned.as_champion if ranking.assigned else False,
    )


class DefaultState(Struct, frozen=True):
    """The list for people never seen as it was published last: of which statistics, when, and what it held."""

    statistics: int = -1
    at: float = float("-inf")
    items: tuple[ItemId, ...] = ()
    version: int = 0

    def is_due(self, statistics: int, now: float, *, every: float, lasts: float) -> bool:
        """Whether it is to be published: the statistics have moved (then at most once in `every` seconds), or half of
        the time that it `lasts` is over.

        >>> DefaultState(7, 100.0).is_due(7, 110.0, every=1.0, lasts=60.0)
        False
        """
        age = now - self.at
        return (statistics != self.statistics and age >= every) or age >= lasts / 2.0


MOST_LOCALES = 64
"""For how many locales there is a list for users never seen: the first that the catalogue names."""


def default_lists(deps: Deps, after: int = 0) -> tuple[Message, ...]:
    """The lists for users never seen, as of the newest statistics: one for all, one for each locale that items name.

    Their version is the millisecond, above the version that they come `after`: clocks may be set back, versions only
    grow. They are published again before they expire, whether or not anything has happened. The ranking log gets an
    entry of the list for all.
    """
    user, now, wall = new_user(DEFAULT_USER).user, deps.stream_now, deps.clock()
    locales = ("", *deps.table.locales.names[:MOST_LOCALES])
    rankings = deps.recommender.rank([Query(user=user, now=now, wall=wall, locale=locale) for locale in locales])
    received = deps.clock()
    version = max(int(received * 1_000.0), after + 1)
    lists = [
        _default_list(deps, default_user(locale), ranking, version=version, received=received)
        for locale, ranking in zip(locales, rankings, strict=True)
    ]
    entry = DefaultList(
        entry_id=f"{lists[0].home.list_id}-{received:.0f}",
        user_id=DEFAULT_USER,
        event_time=now,
        items=tuple(placed.item_id for placed in rankings[0].slate),
    )
    return *(Message(RECOMMENDATIONS, made.user_id, made) for made in lists), Message(RANKING_LOG, DEFAULT_USER, entry)


def _default_list(deps: Deps, user: UserId, ranking: Ranking, *, version: int, received: float) -> Recommendation:
    kind = user.removeprefix("@")
    list_id = ListId(f"{kind}-{ranking.statistics_version}-{ranking.model_version}")
    items = _items(ranking.slate, new_user(DEFAULT_USER), deps)
    return Recommendation(
        user_id=user,
        version=version,
        slates=(Slate(list_id=list_id, surface=HOME, items=items),),
        model_version=ranking.model_version,
        statistics_version=ranking.statistics_version,
        event_time=deps.stream_now,
        expires_at=received + deps.options.expires_seconds,
        stages={"received": received, "ranked": deps.clock()},
        degradations=ranking.degradations,
    )


def as_published(messages: tuple[Message, ...], statistics: int, at: float) -> DefaultState:
    """The state of the default lists that these messages publish, of these statistics, at this time."""
    lists = [message.value for message in messages if isinstance(message.value, Recommendation)]
    items = dict.fromkeys(ranked.item_id for made in lists for ranked in made.home.items)
    return DefaultState(statistics=statistics, at=at, items=tuple(items), version=lists[0].version)
