"""How acts are worded, one row per language."""

from __future__ import annotations

from msgspec import Struct

from agents.dialogue.catalogue import Concept, FactField
from agents.dialogue.limits import FactLimit, Operator, Value
from agents.dialogue.policy import Act


class DialogueWording(Struct, frozen=True, kw_only=True):
    """The sentences of one language, with what is filled in."""

    questions: dict[Concept | None, str]
    offered: str
    recommend: str
    sponsored: str
    confirm: str
    abstain: str
    lifted: str
    done: str
    unclear: str
    operators: dict[Operator, str]
    either: str
    yes: str
    no: str


DIALOGUE_WORDINGS: dict[str, DialogueWording] = {
    "en": DialogueWording(
        questions={
            "kind": "What {field} would you like, or rather not?",
            "length": "How long may it be ({field})?",
            "score": "Is there a {field} it should have at least?",
            "date": "Should it be new or old? From which years ({field})?",
            "price": "What may it cost ({field})?",
            "count": "How well known should it be ({field})?",
            "maker": "Is there a {field} that you would like, or rather not?",
            "cast": "Who should be in it, or rather not ({field})?",
            "service": "Which {field} do you have?",
            "age": "Which {field} is all right for you?",
            None: "Do you have a wish about the {field}?",
        },
        offered=" For example: {choices}.",
        recommend="I recommend “{title}”{facts}. Would you like it?",
        sponsored=" Note: this is sponsored, a promoted recommendation.",
        confirm="What would fit is rated {value}, which is age-restricted. Is that all right for you?",
        abstain="Nothing that is left fits all you told me{limits}. I recommend nothing rather than the wrong thing.",
        lifted=" Without “{limit}” there would be {count}.",
        done="Enjoy “{title}”!",
        unclear="I did not understand that. Would you like it, yes or no? What is wrong with it?",
        operators={
            "contains": "{field}: {value}",
            "not_contains": "{field}: no {value}",
            "contains_any": "{field}: {value}",
            "in": "{field}: {value}",
            "not_in": "{field}: not {value}",
            "==": "{field}: {value}",
            "!=": "{field}: not {value}",
            "<=": "{field}: at most {value}",
            ">=": "{field}: at least {value}",
            "<": "{field}: less than {value}",
            ">": "{field}: more than {value}",
        },
        either=" or ",
        yes="yes",
        no="no",
    ),
    "de": DialogueWording(
        questions={
            "kind": "Was für eine Art soll es sein, oder lieber nicht ({field})?",
            "length": "Wie lang darf es sein ({field})?",
            "score": "Wie gut soll es mindestens bewertet sein ({field})?",
            "date": "Soll es neu oder alt sein? Aus welchen Jahren ({field})?",
            "price": "Was darf es kosten ({field})?",
            "count": "Wie bekannt soll es sein ({field})?",
            "maker": "Von wem soll es sein, oder lieber nicht ({field})?",
            "cast": "Wer soll dabei sein, oder lieber nicht ({field})?",
            "service": "Welche Dienste haben Sie ({field})?",
            "age": "Welche Altersfreigabe ist in Ordnung ({field})?",
            None: "Haben Sie einen Wunsch zu {field}?",
        },
        offered=" Zum Beispiel: {choices}.",
        recommend="Ich empfehle „{title}“{facts}. Möchten Sie das?",
        sponsored=" Hinweis: Das ist gesponsert, eine beworbene Empfehlung.",
        confirm="Was passen würde, ist ab {value} freigegeben und damit altersbeschränkt. Ist das in Ordnung?",
        abstain="Nichts, was noch da ist, passt zu allem{limits}. Ich empfehle lieber nichts als das Falsche.",
        lifted=" Ohne „{limit}“ wären es {count}.",
        done="Viel Freude mit „{title}“!",
        unclear="Das habe ich nicht verstanden. Möchten Sie das, ja oder nein? Was passt nicht?",
        operators={
            "contains": "{field}: {value}",
            "not_contains": "{field}: kein {value}",
            "contains_any": "{field}: {value}",
            "in": "{field}: {value}",
            "not_in": "{field}: nicht {value}",
            "==": "{field}: {value}",
            "!=": "{field}: nicht {value}",
            "<=": "{field}: höchstens {value}",
            ">=": "{field}: mindestens {value}",
            "<": "{field}: weniger als {value}",
            ">": "{field}: mehr als {value}",
        },
        either=" oder ",
        yes="ja",
        no="nein",
    ),
}
SHOWN_FACTS = ("kind", "length", "date")
"""What is said of a recommended item, if the catalogue has it."""


def word_act(act: Act, limits: tuple[FactLimit, ...], fields: dict[str, FactField], language: str) -> str:
    """Return the message that carries out an act.

    >>> word_act(Act("ask", FactField("runtime", "number", "length")), (), {}, "en")
    'How long may it be (runtime)?'
    """
    wording = DIALOGUE_WORDINGS[language]
    title = act.item.title if act.item is not None else ""
    match act.kind:
        case "ask" if act.field is not None:
            question = wording.questions.get(act.field.concept, wording.questions[None])
            choices = wording.offered.format(choices=", ".join(act.choices)) if act.choices else ""
            return question.format(field=act.field.words) + choices
        case "recommend":
            text = wording.recommend.format(title=title, facts=_facts(act, fields, wording))
            return text + (wording.sponsored if act.sponsored else "")
        case "confirm" if act.field is not None and act.item is not None:
            return wording.confirm.format(value=_shown(act.item.facts.get(act.field.name, ""), wording))
        case "done":
            return wording.done.format(title=title)
        case "abstain":
            said = "; ".join(word_limit(limit, language) for limit in limits)
            lifted = act.lifted
            more = wording.lifted.format(limit=word_limit(lifted[0], language), count=lifted[1]) if lifted else ""
            return wording.abstain.format(limits=f" ({said})" if said else "") + more
        case _:
            return wording.unclear


def word_limit(limit: FactLimit, language: str) -> str:
    """Return a limit in words.

    >>> word_limit(FactLimit("content_rating", "in", ("PG", "R")), "en")
    'content rating: PG or R'
    """
    wording = DIALOGUE_WORDINGS[language]
    return wording.operators[limit.op].format(
        field=limit.field.replace("_", " "), value=_shown(limit.value, wording, wording.either)
    )


def _facts(act: Act, fields: dict[str, FactField], wording: DialogueWording) -> str:
    if act.item is None:
        return ""
    shown = [
        f"{field.words}: {_shown(act.item.facts[field.name], wording)}"
        for field in fields.values()
        if field.concept in SHOWN_FACTS and field.name in act.item.facts
    ]
    return f" ({'; '.join(shown)})" if shown else ""


def _shown(value: Value, wording: DialogueWording, joint: str = ", ") -> str:
    if isinstance(value, bool):
        return wording.yes if value else wording.no
    if isinstance(value, tuple):
        return joint.join(value)
    return f"{value:g}" if isinstance(value, int | float) else value
