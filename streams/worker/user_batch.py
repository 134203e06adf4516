"""A batch of records of user topics, from bytes to messages: the path that every event takes.

    receive → load → apply each record by its route → rank all affected users, up to 64 in one call → compose

Nothing is written here: the runner publishes the outcome's messages, stores its states with offsets, and acknowledges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from msgspec.structs import replace

from features.ports import Write
from inference.query import Query, Ranking
from schemas.event_kinds import is_choice
from schemas.ids import UserId
from schemas.recommendations import OVERLOADED
from schemas.topics import ERASURES, INTERACTIONS
from streams.handlers.deps import Deps
from streams.handlers.on_erasures import is_erased
from streams.log.dead_letters import dead_letter
from streams.log.guard import guarded
from streams.log.partitions import partition_of
from streams.log.records import Inbound, Message
from streams.outcomes.batch_outcome import BatchOutcome, Counters
from streams.outcomes.record_outcome import PrequentialQuery, RecordOutcome
from streams.routes import WORKER
from streams.state.owner import UserOwner
from streams.state.user_record import UserRecord, pack
from streams.worker.choice_entries import choice_message
from streams.worker.lists import Answer, Due, list_messages
from streams.worker.receive import AcceptedRecord, receive
from streams.worker.visits import visits_of

RANKED_AT_ONCE = 64
"""How many queries are ranked in one call: more cost a request as many bytes, and no less time."""


def handle_user_batch(records: Sequence[Inbound], owner: UserOwner, deps: Deps) -> BatchOutcome:
    """Handle one batch; the module docstring lists the steps.

    Raises:
        StoreUnavailable: nothing is changed; call again with the same records.
    """
    began = deps.clock()
    batch = apply_records(records, owner, deps)
    batch.prequential_queries = _affordable(batch.prequential_queries, deps.options.prequential_per_batch)
    folded = deps.clock()
    queries = _queries(batch, deps)
    rankings = _rank(queries, deps)
    ranked = deps.clock()
    prequential_queries = len(batch.prequential_queries)
    batch.evaluated = tuple(zip(batch.prequential_queries, rankings[:prequential_queries], strict=True))
    batch.messages += [choice_message(*pair) for pair in batch.evaluated]
    stages = {"received": began, "folded": folded, "ranked": ranked}
    for due, query, ranking in zip(
        batch.due.values(), queries[prequential_queries:], rankings[prequential_queries:], strict=True
    ):
        if began - due.waiting_since > deps.options.overload_seconds:
            ranking = replace(ranking, degradations=(*ranking.degradations, OVERLOADED))
        answer = Answer(due, batch.record_for(due), query, ranking, batch.applied_by(due.user_id, owner))
        batch.messages += list_messages(answer, stages, deps, batch.counters)
    batch.counters.count("lists", by=len(batch.due))
    return batch.outcome(owner)


@dataclass
class UserBatch:
    """Records applied to users, before anything is ranked: the user records afterwards, and the lists that are due."""

    users: dict[str, UserRecord]
    applied: dict[int, dict[str, int]]
    messages: list[Message]
    prequential_queries: list[PrequentialQuery] = field(default_factory=list)
    due: dict[UserId, Due] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    evaluated: tuple[tuple[PrequentialQuery, Ranking], ...] = ()

    def applied_by(self, user: UserId, owner: UserOwner) -> dict[str, int]:
        """Return the last offset of each source that is applied to the user's partition with this batch."""
        partition = partition_of(user, owner.partitions)
        return {**owner.applied(partition), **self.applied.get(partition, {})}

    def forget(self, user: UserId) -> None:
        """Drop what records before an erasure in this batch made due."""
        self.due.pop(user, None)
        self.prequential_queries = [query for query in self.prequential_queries if query.record.user.user_id != user]

    def record_for(self, due: Due) -> UserRecord:
        """Return the user record that the list is made from: that of the list's event time."""
        return self.users[due.user_id].at(due.at)

    def outcome(self, owner: UserOwner) -> BatchOutcome:
        """Return the outcome to publish and store."""
        states: dict[int, dict[str, bytes]] = {partition: {} for partition in self.applied}
        for user, record in self.users.items():
            if not record.is_new:
                states[partition_of(user, owner.partitions)][user] = pack(record)
        visits: dict[int, dict[str, float]] = {}
        for user, at in visits_of(self.users).items():
            visits.setdefault(partition_of(user, owner.partitions), {})[user] = at
        writes: list[Write] = [owner.write(p, states[p], offsets) for p, offsets in self.applied.items()]
        return BatchOutcome(
            messages=tuple(self.messages),
            writes=tuple(writes),
            users=self.users,
            visits=visits,
            evaluated=self.evaluated,
            counters=self.counters,
        )


def apply_records(records: Sequence[Inbound], owner: UserOwner, deps: Deps) -> UserBatch:
    """Receive and load a batch, and apply each record to its user by the routing table; nothing is ranked.

    Raises:
        StoreUnavailable: call again with the same records.
    """
    counters, now = Counters(), deps.clock()
    received = receive(records, owner, now=now, counters=counters, is_set_aside=deps.in_flight.is_set_aside)
    for accepted in received.accepted:
        if accepted.topic == INTERACTIONS:
            deps.stream.observe(event_time=accepted.event.event_time, produced=accepted.record.timestamp)
    users = owner.load({accepted.user_id for accepted in received.accepted})
    batch = UserBatch(users, received.applied, list(received.messages), counters=counters)
    for accepted in received.accepted:
        if is_erased(users[accepted.user_id], accepted.topic, accepted.event.event_time):
            counters.count("erased", accepted.topic)
            continue
        outcome = _apply(accepted, users[accepted.user_id], deps)
        if isinstance(outcome, RecordOutcome):
            _add(batch, accepted, outcome, deps)
        else:
            batch.messages.append(dead_letter(accepted.record, "handler-error", outcome, now))
            counters.count("refused", "handler-error")
    return batch


def _apply(accepted: AcceptedRecord, record: UserRecord, deps: Deps) -> RecordOutcome | str:
    handler = WORKER[accepted.topic]
    return guarded(lambda: handler(record, accepted.event, accepted.source, deps), name=accepted.topic)


def _add(batch: UserBatch, accepted: AcceptedRecord, outcome: RecordOutcome, deps: Deps) -> None:
    """Add an outcome to the batch: one list per user answers all of the batch's events."""
    batch.users[accepted.user_id] = outcome.record
    if accepted.topic == ERASURES:
        batch.forget(accepted.user_id)
    user = outcome.record.user
    if accepted.topic == INTERACTIONS and outcome.cause and is_choice(accepted.event) and not user.quarantined:
        account = deps.crowds.observe(accepted.event.item_id, distinct=user.distinct_choices)
        batch.counters.count("choices", account)
    batch.messages += outcome.messages
    batch.prequential_queries += [outcome.prequential] if outcome.prequential else []
    for trigger in outcome.suppressed:
        batch.counters.count("suppressed", trigger)
    if not outcome.list_due:
        return
    earlier, request = batch.due.get(accepted.user_id), outcome.request
    batch.due[accepted.user_id] = Due(
        user_id=accepted.user_id,
        causes=(earlier.causes if earlier else ()) + ((outcome.cause,) if outcome.cause else ()),
        source=accepted.source,
        at=max(outcome.record.user.last_at, outcome.at or 0.0),
        locale=(request.context.locale if request else "") or (earlier.locale if earlier else ""),
        asked=(*(earlier.asked if earlier else ()), *(request.surfaces if request else ())),
        waiting_since=min(earlier.waiting_since if earlier else inf, accepted.record.timestamp),
        context=getattr(accepted.event, "context", None) or (earlier.context if earlier else None),
        replies=(*(earlier.replies if earlier else ()), *((outcome.reply,) if outcome.reply else ())),
        occasion=outcome.occasion or (earlier.occasion if earlier else None),
    )


def _affordable(prequential_queries: list[PrequentialQuery], most: int) -> list[PrequentialQuery]:
    """Return at most `most` of the prequential queries, spread over the batch: under load, lists come before learning.

    >>> _affordable([], 16)
    []
    """
    if len(prequential_queries) <= most:
        return prequential_queries
    return [prequential_queries[index * len(prequential_queries) // most] for index in range(most)]


def _rank(queries: Sequence[Query], deps: Deps) -> list[Ranking]:
    """Return one ranking per query, `RANKED_AT_ONCE` in one call."""
    parts = [queries[start : start + RANKED_AT_ONCE] for start in range(0, len(queries), RANKED_AT_ONCE)]
    return [ranking for part in parts for ranking in deps.recommender.rank(part)]


def _queries(batch: UserBatch, deps: Deps) -> list[Query]:
    """Return the recommender's queries for one call: prequential ones first, then lists."""
    queries = [prequential.query() for prequential in batch.prequential_queries]
    wall = deps.clock()
    queries += [due.query(batch.record_for(due), deps.shown_at(due.at), wall) for due in batch.due.values()]
    if deps.external is None:
        return queries
    external = deps.external.read([query.user.user_id for query in queries])
    return [replace(query, external=external.get(query.user.user_id, {})) for query in queries]
