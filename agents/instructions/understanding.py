"""From an instruction in words to statements, and to a reply that says what was understood, in the same language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from agents.instructions.grammar import Clause, parse
from agents.instructions.names import Match, Named, Names
from agents.instructions.times import zone_of
from agents.instructions.vocabulary import LANGUAGES, Vocabulary
from agents.instructions.wording import WORDINGS, Wording
from schemas.ids import ItemId
from schemas.instructions import BanCategory, BanItem, Instruction, LessOf, Lift, MoreOf, PinItem, Say, Undo
from schemas.replies import REPLY_PARTS, Reply

MOST_CLAUSES = 16
"""How many clauses of a text are obeyed."""
MOST_NAMES = 16
"""How many names of a clause are."""


def understand(said: Say, names: Names) -> Reply:
    """Return the reply: the statements that follow, which the caller obeys, and what was understood in words.

    A name that may mean several things, or nothing, changes nothing: the reply asks back.

    >>> said = Say(event_id="e", user_id="u", event_time=1e9, text="no horror, please")
    >>> reply = understand(said, Names(["Horror"], ()))
    >>> reply.text, [type(statement).__name__ for statement in reply.understood]
    ('Understood: no Horror.', ['BanCategory'])
    """
    zone = zone_of(said.time_zone)
    parsed = parse(said.text, said.event_time, zone)
    reading = _Reading(said, names, LANGUAGES[parsed.language], WORDINGS[parsed.language], zone)
    for clause in parsed.clauses[:MOST_CLAUSES]:
        reading.take(clause)
    return reading.reply(parsed.language)


@dataclass
class _Reading:
    """What was understood so far, clause by clause."""

    said: Say
    names: Names
    words: Vocabulary
    wording: Wording
    zone: tzinfo
    statements: list[Instruction] = field(default_factory=list)
    echoes: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    needs_help: bool = False

    def take(self, clause: Clause) -> None:
        """Add what the clause states, or the question that it leaves."""
        if clause.unkept:
            self.questions.append(self.wording.unkept.format(time=clause.unkept))
            return
        if clause.operation == "undo":
            said = self.said
            self.statements.append(Undo(event_id=said.event_id, user_id=said.user_id, event_time=said.event_time))
            self.echoes.append(self.wording.echoes["undo"])
            return
        is_understood = clause.operation not in (None, "unsupported")
        matches = self.names.matches(clause.about, self.words)[:MOST_NAMES] if is_understood else ()
        if not matches:
            self.questions.append(_unclear(clause, self.wording))
            self.needs_help = True
        for match in matches:
            self._take_name(clause, match)

    def _take_name(self, clause: Clause, match: Match) -> None:
        if len(match.meanings) != 1:
            self.questions.append(_which(match, self.wording))
            self.choices += [_shown(named, match) for named in match.meanings] or match.near
            return
        named = match.meanings[0]
        statement = _statement(self.said, clause, named)
        if statement is None or clause.operation is None:
            self.questions.append(self.wording.categories_only.format(name=named.shown))
            return
        self.statements.append(statement)
        until = None if clause.operation == "lift" else clause.until
        ending = _ending(until, self.said.event_time, self.wording, self.zone)
        self.echoes.append(self.wording.echoes[clause.operation].format(name=named.shown) + ending)

    def reply(self, language: str) -> Reply:
        """Return the reply to all of it."""
        echoed = [self.wording.understood.format(what="; ".join(self.echoes))] if self.echoes else []
        questions = tuple(dict.fromkeys(self.questions))[:REPLY_PARTS]
        needs_help = self.needs_help or not (echoed or questions)
        return Reply(
            event_id=self.said.event_id,
            language=language,
            text=" ".join([*echoed, *questions, *([self.wording.help] if needs_help else [])]),
            understood=tuple(self.statements),
            questions=questions,
            choices=tuple(dict.fromkeys(self.choices))[:REPLY_PARTS],
        )


def _statement(said: Say, clause: Clause, named: Named) -> Instruction | None:
    """Return the statement about one category or item; none for what cannot be stated of it."""
    event, user, at, until = said.event_id, said.user_id, said.event_time, clause.until
    category, item = named.value, ItemId(named.value)
    match clause.operation, named.kind:
        case "more", "category":
            return MoreOf(event_id=event, user_id=user, event_time=at, category=category, until=until)
        case "less", "category":
            return LessOf(event_id=event, user_id=user, event_time=at, category=category, until=until)
        case "never", "category":
            return BanCategory(event_id=event, user_id=user, event_time=at, category=category, until=until)
        case "never", "item":
            return BanItem(event_id=event, user_id=user, event_time=at, item_id=item, until=until)
        case "pin", "item":
            return PinItem(event_id=event, user_id=user, event_time=at, item_id=item, until=until)
        case "lift", _:
            return Lift(event_id=event, user_id=user, event_time=at, value=named.value)
        case _:
            return None


def _ending(until: float | None, now: float, wording: Wording, zone: tzinfo) -> str:
    if until is None:
        return ""
    at = datetime.fromtimestamp(until, zone)
    weekday, month = wording.days[at.weekday()], wording.months[at.month - 1]
    day = wording.date.format(weekday=weekday, day=at.day, month=month, year=at.year)
    clock = "" if (at.hour, at.minute) == (0, 0) else f" {at:%H:%M}"
    return wording.until.format(day=day, clock=clock) + ("" if until > now else wording.over)


def _which(match: Match, wording: Wording) -> str:
    if match.meanings:
        shown = [_shown(named, match) for named in match.meanings]
        return wording.which.format(written=match.written, names=wording.either.join(shown))
    if match.near:
        return wording.near.format(written=match.written, names=wording.either.join(match.near))
    return wording.unknown.format(written=match.written)


def _shown(named: Named, match: Match) -> str:
    """Return the name, with the id behind it where several have the same."""
    is_shared = sum(other.shown == named.shown for other in match.meanings) > 1
    return f"{named.shown} ({named.value})" if is_shared else named.shown


def _unclear(clause: Clause, wording: Wording) -> str:
    parts: Sequence[str] = (clause.phrase, *(token.text for token in clause.about))
    return wording.unclear.format(said=" ".join(filter(None, parts)))
