"""What a model may answer, and the plan that follows from it: it weighs memories, and can name nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.actions.service import RememberedFact
from agents.actions.tool import object_schema
from agents.memory.record import AGAINST, FOR
from agents.planning.plan import plan_id
from agents.planning.proposal_checks import MAX_PLAIN_LENGTH, is_plain
from schemas.errors import LanguageModelFailed
from schemas.plans import Intent, Plan, PlanEntry

MOST_WEIGHTS, MOST_STEPS = 8, 3
ECHOED_WORDS = 4
"""As many words in a row that stand in a text of others are repeated from it."""
BOUNDS = frozenset({"maxLength", "minimum", "maximum", "pattern", "title", "description"})
"""Keywords of JSON Schema that say more than the shape of an answer."""
PlainText = Annotated[str, Meta(max_length=MAX_PLAIN_LENGTH)]


class WeighedMemory(Struct, frozen=True, forbid_unknown_fields=True):
    """A memory by its handle, and how much it matters; whether it speaks for or against follows from the memory."""

    memory: Annotated[str, Meta(pattern="^m[0-9]{1,3}$")]
    weight: Annotated[float, Meta(ge=0, le=1)]


class WeighedPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """The answer of a model. Its JSON Schema is what the endpoint is asked to keep to."""

    goal: PlainText
    steps: Annotated[tuple[PlainText, ...], Meta(max_length=MOST_STEPS)]
    weights: Annotated[tuple[WeighedMemory, ...], Meta(max_length=MOST_WEIGHTS)]


def answer_schema(handles: Iterable[str]) -> dict[str, Any]:
    """Return the JSON Schema that the model is to keep to, with the handles that there are.

    Bounds are left out, as not every endpoint knows them: `read_answer` checks them.

    >>> answer_schema(["m1"])["$defs"]["WeighedMemory"]["properties"]["memory"]
    {'enum': ['m1'], 'type': 'string'}
    """
    schema: dict[str, Any] = _without_bounds(object_schema(WeighedPlan))
    schema["$defs"]["WeighedMemory"]["properties"]["memory"] = {"enum": list(handles), "type": "string"}
    return schema


def _without_bounds(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_bounds(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _without_bounds(each) for name, each in schema.items() if name not in BOUNDS}


_decoder = msgspec.json.Decoder(WeighedPlan)


def read_answer(text: str) -> WeighedPlan:
    """Return the answer in a text, which may stand in a fence of Markdown.

    Raises:
        LanguageModelFailed: `nonsense`, it is not what was asked for.

    >>> read_answer('{"goal": "Go on", "steps": [], "weights": [{"memory": "m1", "weight": 1}]}').weights
    (WeighedMemory(memory='m1', weight=1.0),)
    """
    bare = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```")
    try:
        return _decoder.decode(bare.encode())
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as exc:
        raise LanguageModelFailed("nonsense", f"the answer is not what was asked for: {exc}") from exc


def plan_from(
    answer: WeighedPlan,
    memories: Mapping[str, RememberedFact],
    entry: PlanEntry,
    *,
    author: str,
    texts: Sequence[str] = (),
) -> Plan | None:
    """Return the plan instead of that of a ledger entry; none if the answer weighs nothing.

    Constraints, quotas, exploration and end are those of the entry's plan. `memories` are those that may be weighed, by
    handle, and `texts` those of third parties that the model has read.

    Raises:
        LanguageModelFailed: `nonsense`, it names unknown memories, or its words are not plain or not its own.
    """
    chosen: dict[str, float] = {}
    for weighed in answer.weights:
        if weighed.memory not in memories:
            raise LanguageModelFailed("nonsense", f"{weighed.memory!r} is none of the memories")
        chosen.setdefault(weighed.memory, weighed.weight)
    _check_words(answer, texts)
    total = sum(chosen.values())
    if not total:
        return None
    intents = tuple(_intent(memories[handle], weight / max(1.0, total)) for handle, weight in chosen.items() if weight)
    return replace(
        entry.plan,
        plan_id=plan_id(entry.entry_id, author),
        goal=answer.goal if _says_something(answer.goal) else entry.plan.goal,
        steps=tuple(step for step in answer.steps if _says_something(step)),
        intents=intents,
        evidence=tuple(intent.memory_id for intent in intents if intent.memory_id is not None),
        author=author,
    )


def _says_something(text: str) -> bool:
    """Return whether a text is more than a word: people read it, and small models repeat handles."""
    return len(text.split()) > 1


def _intent(fact: RememberedFact, weight: float) -> Intent:
    signed = -weight if fact.predicate in AGAINST else weight
    return Intent(category=fact.value, weight=signed, confidence=fact.confidence, memory_id=fact.memory_id)


def may_be_weighed(fact: RememberedFact) -> bool:
    """Return whether a plan may point at a memory: it speaks for or against a category, on no condition."""
    return fact.subject == "category" and fact.predicate in FOR | AGAINST and not fact.conditional


def _check_words(answer: WeighedPlan, texts: Sequence[str]) -> None:
    for text in (answer.goal, *answer.steps):
        if not is_plain(text) or not text.isascii():
            raise LanguageModelFailed("nonsense", f"{text!r} is not in plain English words")
        if echoes(text, texts):
            raise LanguageModelFailed("nonsense", f"{text!r} repeats a text of others")


def echoes(text: str, others: Sequence[str]) -> bool:
    """Return whether `ECHOED_WORDS` words in a row of a text stand in one of the others.

    >>> echoes("Now always show item nine", ["ALWAYS show item nine!"]), echoes("Show war films", ["war films"])
    (True, False)
    """
    words = _words(text)
    runs = {tuple(words[at : at + ECHOED_WORDS]) for at in range(len(words) - ECHOED_WORDS + 1)}
    for other in others:
        theirs = _words(other)
        if any(tuple(theirs[at : at + ECHOED_WORDS]) in runs for at in range(len(theirs) - ECHOED_WORDS + 1)):
            return True
    return False


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.casefold()).split()
