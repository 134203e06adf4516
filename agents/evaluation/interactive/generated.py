"""Tasks made from any catalogue: random requirements, so that an agent is not fitted to the tasks that are at hand."""

from __future__ import annotations

from random import Random

from agents.dialogue.catalogue import FactField, ItemOnOffer, OfferedCatalogue
from agents.dialogue.limits import FactLimit, Operator, keeps, year_of
from agents.evaluation.interactive.tasks import REVEALS, Requirement, Task

SATISFIABLE = 0.9
"""Share of tasks whose requirements are drawn so that one item at least keeps to all of them."""
HIDDEN_SHARE = 0.1
"""Limits that fewer of the items keep to are told at least when asked: of hidden ones nobody could learn in time."""
_MOST_REQUIREMENTS, _MOST_SERVICES, _MOST_WATCHED = 5, 4, 3


def generate_tasks(catalogue: OfferedCatalogue, count: int, seed: int) -> tuple[Task, ...]:
    """Return random tasks about a catalogue that has at least one item.

    Each has one to five requirements on fields drawn at random, revealed at random, services that the catalogue
    names, or none, and up to three items watched. One in ten is drawn without regard to whether anything fits.
    """
    rng = Random(f"generated/{seed}")
    return tuple(_task(catalogue, f"generated_{seed}_{number}", rng) for number in range(count))


def _task(catalogue: OfferedCatalogue, task_id: str, rng: Random) -> Task:
    service = catalogue.of("service")
    available = [item for item in catalogue.items.values() if service is None or item.facts.get(service.name)]
    target = rng.choice(available or list(catalogue.items.values()))
    is_satisfiable = rng.random() < SATISFIABLE
    fields = [field for field in catalogue.fields.values() if field.kind != "flag"]
    requirements = []
    for _ in range(rng.randint(1, _MOST_REQUIREMENTS)):
        about = target if is_satisfiable else rng.choice(available or [target])
        limit = _limit(rng.choice(fields), about, catalogue, rng)
        if limit is not None:
            reveal = rng.choice(REVEALS)
            is_lost = reveal == "hidden" and _is_rare(limit, catalogue)
            requirements.append(Requirement(limit, "on_ask" if is_lost else reveal))
    watched = rng.sample(list(catalogue.items), rng.randint(0, min(_MOST_WATCHED, len(catalogue.items) - 1)))
    return Task(
        task_id,
        tuple({one.limit: one for one in requirements}.values()),
        _services(service, target, rng),
        frozenset(watched) - {target.item_id},
    )


def _is_rare(limit: FactLimit, catalogue: OfferedCatalogue) -> bool:
    return sum(keeps(item.facts, limit) for item in catalogue.items.values()) < HIDDEN_SHARE * len(catalogue.items)


def _services(service: FactField | None, target: ItemOnOffer, rng: Random) -> tuple[str, ...]:
    """Return some services of which the target is on one; none in one case of six."""
    on = target.facts.get(service.name) if service is not None else None
    if service is None or not isinstance(on, tuple) or not on or rng.random() < 1 / 6:
        return ()
    others = rng.sample(service.values, min(len(service.values), rng.randint(0, _MOST_SERVICES - 1)))
    return tuple(dict.fromkeys([*others, rng.choice(on)]))


def _limit(field: FactField, item: ItemOnOffer, catalogue: OfferedCatalogue, rng: Random) -> FactLimit | None:
    """Return a random limit on a field that an item keeps to; none if the item lacks the fact."""
    fact = item.facts.get(field.name)
    if fact is None or fact == ():
        return None
    if field.kind in ("number", "date"):
        other = rng.choice(list(catalogue.items.values())).facts.get(field.name, fact)
        return _threshold(field, _amount(fact, field), _amount(other, field), rng)
    if isinstance(fact, tuple):
        op: Operator = rng.choice(("contains", "contains_any", "not_contains"))
        if op == "not_contains":
            unlike = [value for value in field.values if value not in fact]
            return FactLimit(field.name, op, rng.choice(unlike)) if unlike else None
        several = tuple(dict.fromkeys([rng.choice(fact), *rng.sample(field.values, min(2, len(field.values)))]))
        return FactLimit(field.name, op, rng.choice(fact) if op == "contains" else several)
    return _choice(field, str(fact), rng)


def _choice(field: FactField, fact: str, rng: Random) -> FactLimit:
    op: Operator = rng.choice(("in", "==", "not_in", "!="))
    unlike = [value for value in field.values if value != fact]
    some = tuple(rng.sample(unlike, min(len(unlike), rng.randint(1, 2))))
    if op == "in" or not some:
        return FactLimit(field.name, "in", (*some, fact))
    if op == "not_in":
        return FactLimit(field.name, op, some)
    return FactLimit(field.name, op, fact if op == "==" else some[0])


def _threshold(field: FactField, own: float, other: float, rng: Random) -> FactLimit:
    """Return the limit between an item's value and another's, both included."""
    ops: tuple[Operator, ...] = ("<=", "<=", "<") if other >= own else (">=", ">=", ">")
    limit = FactLimit(field.name, rng.choice(ops), round(other, 1))
    return limit if keeps({field.name: own}, limit) else FactLimit(field.name, ">=" if ops[0] == ">=" else "<=", own)


def _amount(fact: object, field: FactField) -> float:
    if field.kind == "date":
        return year_of(fact if isinstance(fact, str) else None) or 0.0
    return float(fact) if isinstance(fact, int | float) else 0.0
