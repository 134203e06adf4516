"""The next act of a conversation: ask what is worth most, recommend one item, ask for consent, or abstain."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np
from msgspec import Struct

from agents.dialogue.catalogue import OFFERED_VALUES, FactField, ItemOnOffer, OfferedCatalogue
from agents.dialogue.chances import Chances
from agents.dialogue.hypotheses import Hypotheses, hypotheses_on, probability_limited
from agents.dialogue.limits import FactLimit, keeps_all
from agents.dialogue.state import ActKind, DialogueState, OpenAct, has_consented
from agents.dialogue.tools import DialogueTools

MOST_CANDIDATES = 200
"""Of more candidates, those of the largest weights are reasoned about."""
NO_WEIGHTS: Mapping[str, float] = {}
CLEARLY = 1e-6
"""By how much a question has to be worth more than a recommendation."""


class Act(Struct, frozen=True):
    """What the agent does next; `choices` are values that a question offers.

    `lifted` is, where nothing is left, the limit without which the most items would be, and how many.
    """

    kind: ActKind
    field: FactField | None = None
    item: ItemOnOffer | None = None
    choices: tuple[str, ...] = ()
    sponsored: bool = False
    lifted: tuple[FactLimit, int] | None = None


def next_act(
    state: DialogueState, catalogue: OfferedCatalogue, tools: DialogueTools, weights: Mapping[str, float] = NO_WEIGHTS
) -> tuple[Act, DialogueState]:
    """Return the next act, and the state that remembers it; `weights` by item replace those of the catalogue.

    A question is asked if the item that is recommended after the answer is more likely to be accepted than one of two
    items that are recommended without. Nothing is recommended before the services, the history and the age rating
    are checked.
    """
    if state.accepted:
        return Act("done", item=catalogue.items.get(state.accepted)), state
    if state.misheard and state.open.kind in ("recommend", "confirm"):
        return Act("unclear", item=catalogue.items.get(state.open.item_id)), state
    act = _act(state, catalogue, tools, weights)
    item_id = act.item.item_id if act.item is not None else ""
    field = act.field.name if act.field is not None else ""
    return act, msgspec.structs.replace(
        state,
        open=OpenAct(act.kind, field, item_id),
        asked=tuple(dict.fromkeys([*state.asked, *([field] if field else [])])),
        disclosed=tuple(dict.fromkeys([*state.disclosed, *([item_id] if act.sponsored else [])])),
    )


def _act(state: DialogueState, catalogue: OfferedCatalogue, tools: DialogueTools, weights: Mapping[str, float]) -> Act:
    excluded = {*tools.get_user_history(), *(rejected.item_id for rejected in state.rejected)}
    while True:
        candidates = _candidates(state.requirements(catalogue), catalogue, excluded, weights)
        if not candidates:
            tools.recommend(None)
            return Act("abstain", lifted=_lifted(state, catalogue, excluded))
        service = catalogue.of("service")
        if service is not None and state.services is None and service.name not in state.asked:
            return _question(service)
        field, item = _best(state, catalogue, candidates)
        field = _blamed(state, catalogue) or field
        agreed = next((one for one in candidates if _was_agreed_to(one, state, catalogue)), None)
        if field is not None and agreed is None:
            return _question(field)
        item = agreed or item
        if service is None or tools.check_availability(item.item_id, state.services or ()):
            return _offer(item, state, catalogue, tools)
        excluded.add(item.item_id)


def _blamed(state: DialogueState, catalogue: OfferedCatalogue) -> FactField | None:
    """Return a field that was wrong with the item just rejected, about which the user was not asked yet."""
    blamed = state.rejected[-1].blamed if state.rejected and state.open.kind == "recommend" else ()
    limited = {limit.field for limit in state.limits}
    left = [name for name in blamed if name not in state.asked and name not in limited]
    return next((catalogue.fields[name] for name in left if name in catalogue.fields), None)


def _was_agreed_to(item: ItemOnOffer, state: DialogueState, catalogue: OfferedCatalogue) -> bool:
    """Return whether the user has just consented to this item's age rating."""
    age = catalogue.of("age")
    is_asked = state.open.kind == "confirm" and state.open.item_id == item.item_id
    return is_asked and age is not None and has_consented(state, age.name, str(item.facts.get(age.name)))


def _candidates(
    limits: Sequence[FactLimit],
    catalogue: OfferedCatalogue,
    excluded: Collection[str],
    weights: Mapping[str, float] = NO_WEIGHTS,
) -> list[ItemOnOffer]:
    fitting = [i for i in catalogue.items.values() if i.item_id not in excluded and keeps_all(i.facts, limits)]
    if weights:
        fitting = [msgspec.structs.replace(i, weight=weights.get(i.item_id, i.weight)) for i in fitting]
    return sorted(fitting, key=lambda item: -item.weight)[:MOST_CANDIDATES]


def _best(
    state: DialogueState, catalogue: OfferedCatalogue, candidates: Sequence[ItemOnOffer]
) -> tuple[FactField | None, ItemOnOffer]:
    """Return the field to ask about, if that is worth more than recommending, and the best item."""
    offered = {rejected.item_id: rejected for rejected in state.rejected if rejected.item_id in catalogue.items}
    known = [*candidates, *(catalogue.items[item] for item in offered)]
    fields = [_hypotheses(field, state, catalogue, known) for field in catalogue.fields.values()]
    at = {item.item_id: index for index, item in enumerate(known)}
    for rejected in offered.values():
        fields = [f.without(at[rejected.item_id]) if f.field in rejected.blamed else f for f in fields]
    unexplained = [at[rejected.item_id] for rejected in offered.values() if not rejected.blamed]
    weights = np.array([item.weight for item in candidates])
    chances = Chances(fields, unexplained, range(len(candidates)), weights / weights.max())
    best, worth = chances.recommend_twice()
    askable = [f for f in fields if f.field not in state.asked and len(f.weights) > 1 and f.weights[0] < 1]
    values = [chances.ask(field) for field in askable]
    if values and max(values) > worth + CLEARLY:
        return catalogue.fields[askable[int(np.argmax(values))].field], candidates[best]
    return None, candidates[best]


def _hypotheses(
    field: FactField, state: DialogueState, catalogue: OfferedCatalogue, items: Sequence[ItemOnOffer]
) -> Hypotheses:
    limited = any(limit.field == field.name for limit in state.limits)
    probability = probability_limited(field, asked=field.name in state.asked, limited=limited)
    return hypotheses_on(field, catalogue, [item.facts for item in items], probability)


def _question(field: FactField) -> Act:
    return Act("ask", field, choices=field.values[:OFFERED_VALUES])


def _offer(item: ItemOnOffer, state: DialogueState, catalogue: OfferedCatalogue, tools: DialogueTools) -> Act:
    """Return the recommendation of an item, or the question for consent that has to come before it."""
    age, sponsored = catalogue.of("age"), catalogue.of("sponsored")
    rating = item.facts.get(age.name) if age is not None else None
    is_restricted = rating is not None and tools.check_content_preference(str(rating))
    if age is not None and is_restricted and not has_consented(state, age.name, str(rating)):
        return Act("confirm", age, item)
    tools.recommend(item.item_id)
    is_sponsored = sponsored is not None and item.facts.get(sponsored.name) is True
    return Act("recommend", item=item, sponsored=is_sponsored)


def _lifted(
    state: DialogueState, catalogue: OfferedCatalogue, excluded: Collection[str]
) -> tuple[FactLimit, int] | None:
    """Return the limit without which most items would be left, and how many, if any would be."""
    limits = state.requirements(catalogue)
    left = [
        (len(_candidates([other for other in limits if other != limit], catalogue, excluded)), limit)
        for limit in limits
    ]
    most = max(left, key=lambda one: one[0], default=(0, None))
    return (most[1], most[0]) if most[0] and most[1] is not None else None
