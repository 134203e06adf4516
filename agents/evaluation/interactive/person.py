"""A simulated person, built from a task's predicates and reveal tags alone; the seed varies wording and order."""

from __future__ import annotations

from random import Random
from typing import Literal

from msgspec import Struct

from agents.dialogue.catalogue import FactField, ItemOnOffer
from agents.dialogue.limits import FactLimit, keeps
from agents.dialogue.policy import Act
from agents.evaluation.interactive import phrases
from agents.evaluation.interactive.tasks import Requirement, Task

Rejections = Literal["named", "bare"]
"""Whether a rejection says what is wrong, by field and never by value, or only that something is."""


class Saying(Struct, frozen=True):
    """What a person says: a text, the limits that it states, and whether the person is done."""

    text: str
    stated: tuple[FactLimit, ...] = ()
    is_last: bool = False


class SimulatedPerson:
    """Answers an agent's acts. `hidden` requirements are never said: asked about one, the person does not mind.

    They accept the first item that keeps to every requirement and that they have not had.
    """

    def __init__(self, task: Task, seed: int, rejections: Rejections) -> None:
        self._task, self._rejections = task, rejections
        self._rng = Random(f"{task.task_id}/{seed}")
        self._stated: list[FactLimit] = []

    def open(self) -> Saying:
        """Return the first message: everything that the person volunteers."""
        volunteered = [r.limit for r in self._task.requirements if r.reveal == "volunteer"]
        return self._state(self._rng.choice(phrases.OPENINGS) or "Hi.", volunteered)

    def react(self, act: Act) -> Saying:
        """Return the answer to an act; who is recommended nothing, or what they accept, is done."""
        match act.kind:
            case "ask" if act.field is not None:
                return self._answer(act.field)
            case "confirm" if act.field is not None:
                return self._consent(act.field)
            case "recommend" | "unclear" if act.item is not None:
                return self._judge(act.item)
            case _:
                return Saying("Thanks anyway, bye.", is_last=True)

    def broken(self, item: ItemOnOffer) -> list[Requirement]:
        """Return the requirements that an item breaks."""
        return [r for r in self._task.requirements if not keeps(item.facts, r.limit)]

    def _state(self, first: str, limits: list[FactLimit]) -> Saying:
        self._rng.shuffle(limits)
        self._stated += limits
        said = [phrases.state_limit(limit, self._rng) for limit in limits]
        return Saying(" ".join(filter(None, [first, *said])), tuple(limits))

    def _answer(self, field: FactField) -> Saying:
        stated = [r.limit for r in self._task.requirements if r.limit.field == field.name and r.reveal != "hidden"]
        if field.concept == "service":
            services = self._task.services
            owned = phrases.name_services(services, self._rng) if services else self._rng.choice(phrases.ANY_SERVICE)
            return self._state(owned, stated)
        return self._state("", stated) if stated else Saying(self._rng.choice(phrases.INDIFFERENT))

    def _consent(self, field: FactField) -> Saying:
        about = [r for r in self._task.requirements if r.limit.field == field.name]
        stated = [r.limit for r in about if r.reveal != "hidden"]
        if stated:
            return self._state("", stated)
        return Saying(self._rng.choice(phrases.INDIFFERENT if about else phrases.CONSENTS))

    def _judge(self, item: ItemOnOffer) -> Saying:
        broken = self.broken(item)
        if item.item_id in self._task.watched:
            return Saying(self._rng.choice(phrases.SEEN))
        if not broken:
            return Saying(self._rng.choice(phrases.ACCEPTS), is_last=True)
        if self._rejections == "bare":
            return Saying(self._rng.choice(phrases.BARE))
        limit = self._rng.choice(broken).limit
        if limit in self._stated:
            return self._state("No.", [limit])
        return Saying(phrases.hint(limit, self._rng))
