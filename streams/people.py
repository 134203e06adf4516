"""A batch of records about people, from bytes to messages: the path that every event takes.

    receive → load → apply each record by its route → rank everybody touched in one call → compose

Nothing here writes: the runner publishes the outcome's messages, stores its states with their offsets, acknowledges.
"""

from __future__ import annotations

from collections.abc import Sequence

from features.ports import Write
from inference.query import Query, Ranking
from schemas.ids import EventId, UserId
from streams.choices import choice_message
from streams.deps import Deps
from streams.guard import guarded
from streams.lists import Due, list_messages
from streams.outcome import Outcome, Tally
from streams.owner import Owner
from streams.partitions import partition_of
from streams.person import Person, pack
from streams.receive import Accepted, dead_letter, receive
from streams.records import Inbound
from streams.routes import PEOPLE
from streams.step import Exam, Step


def handle_people(records: Sequence[Inbound], owner: Owner, deps: Deps) -> Outcome:
    """Handle one batch; see the module's first lines for the steps.

    Raises:
        StoreUnavailable: nothing was decided; call again with the same records.
    """
    tally = Tally()
    began = deps.clock()
    received = receive(records, owner, now=began, tally=tally)
    people = owner.load({accepted.user_id for accepted in received.accepted})
    inbound = {(record.topic, record.partition, record.offset): record for record in records}
    messages = list(received.messages)
    due: dict[UserId, Due] = {}
    exams: list[Exam] = []
    for accepted in received.accepted:
        step = _apply(accepted, people[accepted.user_id], deps)
        if isinstance(step, str):
            source = accepted.source
            record = inbound[(source.topic, source.partition, source.offset)]
            messages.append(dead_letter(record, "handler-error", step, began))
            tally.count("refused", "handler-error")
            continue
        people[accepted.user_id] = step.person
        messages += step.messages
        exams += [step.exam] if step.exam else []
        _note_due(due, accepted, step, tally)
    folded = deps.clock()
    rankings = _rank(exams, due, people, deps)
    ranked = deps.clock()
    messages += [choice_message(exam, ranking) for exam, ranking in zip(exams, rankings, strict=False)]
    applied = {p: {**owner.applied(p), **offsets} for p, offsets in received.applied.items()}
    stages = {"received": began, "folded": folded, "ranked": ranked}
    for entry, ranking in zip(due.values(), rankings[len(exams) :], strict=True):
        partition = partition_of(entry.user_id, owner.partitions)
        person = people[entry.user_id]
        messages += list_messages(entry, person, ranking, applied.get(partition, {}), stages, deps, tally)
    tally.seconds += [("fold", folded - began), ("rank", ranked - folded)]
    tally.count("lists", by=len(due))
    return Outcome(
        messages=tuple(messages), writes=_writes(people, received.applied, owner), people=people, tally=tally
    )


def _apply(accepted: Accepted, person: Person, deps: Deps) -> Step | str:
    route = PEOPLE[accepted.topic]
    return guarded(lambda: route(person, accepted.event, accepted.source, deps), name=accepted.topic)


def _note_due(due: dict[UserId, Due], accepted: Accepted, step: Step, tally: Tally) -> None:
    """One list per person and batch, answering all of the batch's events."""
    if step.trigger:
        tally.count("replans", step.trigger)
    if not step.list_due:
        return
    known = due.get(accepted.user_id)
    causes: tuple[EventId, ...] = (*known.causes, step.cause) if known and step.cause else ()
    causes = causes or ((step.cause,) if step.cause else ())
    at = max(step.person.user.last_at, step.at or 0.0)
    context = getattr(accepted.event, "context", None) or (known.context if known else None)
    due[accepted.user_id] = Due(user_id=accepted.user_id, causes=causes, source=accepted.source, at=at, context=context)


def _rank(exams: Sequence[Exam], due: dict[UserId, Due], people: dict[str, Person], deps: Deps) -> list[Ranking]:
    """Exams and lists in one call: the rankings of the exams first."""
    queries = [exam.query for exam in exams]
    queries += [entry.query(people[entry.user_id]) for entry in due.values()]
    external = deps.external.read([query.user.user_id for query in queries]) if deps.external else {}
    if external:
        queries = [_with_external(query, external.get(query.user.user_id, {})) for query in queries]
    return deps.recommender.rank(queries) if queries else []


def _with_external(query: Query, values: dict[str, float]) -> Query:
    return Query(
        user=query.user,
        now=query.now,
        plan=query.plan,
        memories=query.memories,
        context=query.context,
        external=values,
        take=query.take,
    )


def _writes(people: dict[str, Person], applied: dict[int, dict[str, int]], owner: Owner) -> tuple[Write, ...]:
    states: dict[int, dict[str, bytes]] = {partition: {} for partition in applied}
    for user, person in people.items():
        if not person.is_new:
            states.setdefault(partition_of(user, owner.partitions), {})[user] = pack(person)
    return tuple(owner.write(partition, states[partition], offsets) for partition, offsets in applied.items())
