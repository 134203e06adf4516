"""How a simulated person says what they want: several ways for every limit, of which the seed draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from agents.dialogue.limits import FactLimit, Operator, Value

OPENINGS = (
    "Hi! I'm looking for something for tonight.",
    "Hello, can you help me find something?",
    "Hey there.",
    "Good evening! I need a recommendation.",
    "",
)
INDIFFERENT = (
    "I don't mind.",
    "No preference there.",
    "It doesn't matter to me.",
    "I don't know, to be honest.",
    "Whatever.",
)
CONSENTS = ("Yes, that's fine.", "Sure.", "That is fine with me.", "Yes.", "No problem.")
ACCEPTS = ("Perfect, I'll take it.", "Yes, that sounds good!", "Great, thanks.", "Sounds great!")
BARE = ("No.", "Not that one.", "No, something else, please.", "Nope.", "Not for me, sorry.")
SEEN = ("No, I've already seen it.",)
ANY_SERVICE = ("I have access to all the major ones.", "All of them, really.", "It doesn't matter, I have everything.")
OWNED = ("I have {names}.", "{names}.", "We've got {names}.", "I subscribe to {names}.")
LEADS = ("It should be {said}.", "I'd like it to be {said}.", "I want it to be {said}.", "Please make it {said}.")

_LENGTHS: Mapping[Operator, tuple[str, ...]] = {
    "<=": ("at most {v}", "no longer than {v}", "{v} at most", "up to {v}", "{v} or less", "{v} tops"),
    ">=": ("at least {v}", "no shorter than {v}", "{v} or longer", "{v} at the least"),
    "<": ("under {v}", "shorter than {v}", "less than {v}"),
    ">": ("over {v}", "longer than {v}", "more than {v}"),
    "==": ("exactly {v}",),
    "!=": ("not exactly {v}",),
}
_AMOUNTS: Mapping[Operator, tuple[str, ...]] = {
    "<=": ("at most {v}", "no more than {v}", "{v} or lower", "no higher than {v}"),
    ">=": ("at least {v}", "no lower than {v}", "{v} or higher", "{v} or above", "a minimum of {v}"),
    "<": ("below {v}", "less than {v}", "under {v}"),
    ">": ("above {v}", "more than {v}", "over {v}"),
    "==": ("exactly {v}",),
    "!=": ("not exactly {v}",),
}
_DATES: Mapping[Operator, tuple[str, ...]] = {
    "<=": ("from {v} or earlier", "released no later than {v}"),
    ">=": ("from {v} or later", "released no earlier than {v}", "no older than {v}"),
    "<": ("released before {v}", "older than {v}"),
    ">": ("released after {v}", "newer than {v}"),
    "==": ("released exactly in {v}", "from {v}"),
    "!=": ("not released exactly in {v}",),
}
_WANTED: Mapping[str, tuple[str, ...]] = {
    "genres": ("I'm in the mood for {v}.", "I'd love some {v}.", "Something in the {v} genre, please.", "I want {v}."),
    "streaming_services": ("It has to be on {v}.", "It must be on {v}.", "It should be available on {v}."),
    "director": ("It should be directed by {v}.", "I want something by the director {v}."),
    "cast": ("I'd like something starring {v}.", "It should have {v} in the cast."),
    "content_rating": ("It should be rated {v}.", "The content rating should be {v}.", "{v} only, please."),
}
_UNWANTED: Mapping[str, tuple[str, ...]] = {
    "genres": ("No {v}, please.", "I don't want {v}.", "Nothing with {v}.", "Anything but {v}."),
    "streaming_services": ("It can't be on {v}.", "Not on {v}."),
    "director": ("Nothing directed by {v}.",),
    "cast": ("Not with {v} in the cast.",),
    "content_rating": ("It should not be rated {v}.", "No {v}, please."),
}
_TOO: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "runtime": (
        ("That's too long for me.", "No, I'd want something shorter."),
        ("That's too short for me.", "No, I'd want something longer."),
    ),
    "rating": (
        ("No, the rating isn't right.",),
        ("No, I'd want something better rated.", "It's not rated high enough for me."),
    ),
    "release_date": (("That's too new for me.",), ("That's too old for me.", "No, I'd want something newer.")),
}


def state_limit(limit: FactLimit, rng: Random) -> str:
    """Return a sentence that says a limit in one of many ways.

    >>> state_limit(FactLimit("runtime", "<=", 120.0), Random(3))
    "I'd like it to be 2 hours or less."
    """
    if isinstance(limit.value, bool):
        is_wanted = limit.value == (limit.op == "==")
        return f"It should {'' if is_wanted else 'not '}be {_words(limit.field)}."
    if limit.op in _AMOUNTS and (not isinstance(limit.value, str | tuple) or _is_date(limit.value)):
        return rng.choice(LEADS).format(said=_amount(limit, rng))
    is_wanted = limit.op in ("contains", "contains_any", "in", "==")
    known = (_WANTED if is_wanted else _UNWANTED).get(limit.field)
    generic = ("The {f} should be {v}.",) if is_wanted else ("The {f} should not be {v}.",)
    return rng.choice(known or generic).format(v=_names(limit.value, rng), f=_words(limit.field))


def hint(limit: FactLimit, rng: Random) -> str:
    """Return why an item is rejected that breaks a limit, by field, without the limit's value."""
    if limit.field in _TOO and limit.op in ("<=", "<", ">=", ">"):
        return rng.choice(_TOO[limit.field][limit.op in (">=", ">")])
    field = {"genres": "genre"}.get(limit.field, _words(limit.field))
    return rng.choice((f"No, the {field} isn't right for me.", f"That's not the {field} I'm after."))


def name_services(services: Sequence[str], rng: Random) -> str:
    """Return which services a person has."""
    shuffled = rng.sample(list(services), len(services))
    return rng.choice(OWNED).format(names=_joined(shuffled, "and"))


def _amount(limit: FactLimit, rng: Random) -> str:
    field, value = limit.field, limit.value
    if field == "runtime" and isinstance(value, int | float):
        return rng.choice(_LENGTHS[limit.op]).format(v=_length(float(value), rng))
    if _is_date(value) or field in ("year", "release_year", "release_date"):
        return rng.choice(_DATES[limit.op]).format(v=_number(value))
    said = rng.choice(_AMOUNTS[limit.op]).format(v=_number(value))
    if field == "rating":
        return f"rated {said}"
    return (
        f"something with {said} {_words(field).removesuffix(' count')}s"
        if field.endswith("count")
        else (f"something whose {_words(field)} is {said}")
    )


def _length(minutes: float, rng: Random) -> str:
    hours, rest = divmod(int(minutes), 60)
    ways = [f"{minutes:g} minutes", f"{minutes:g} min"]
    if float(minutes).is_integer() and hours:
        ways.append(f"{hours} hour{'s' * (hours > 1)}" if rest == 0 else f"{hours}h{rest:02d}")
    if rest == 30 and hours == 1:
        ways.append("an hour and a half")
    return rng.choice(ways)


def _number(value: Value) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _is_date(value: Value) -> bool:
    return isinstance(value, str) and value[:4].isdigit() and (len(value) == 4 or value[4:5] == "-")


def _names(value: Value, rng: Random) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return _joined(rng.sample(list(value), len(value)), "or")


def _joined(names: Sequence[str], joint: str) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {joint} {names[-1]}" if names else ""


def _words(field: str) -> str:
    return field.replace("_", " ")
