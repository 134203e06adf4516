"""From an instruction in words to statements, and to a reply that says what was understood, in the same language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from msgspec.structs import replace

from agents.instructions.grammar import Clause, Token, parse
from agents.instructions.languages import LANGUAGES
from agents.instructions.limits import LimitRange
from agents.instructions.names import Match, Named, Names
from agents.instructions.phrases import ending, limit_phrase, recurrence
from agents.instructions.vocabulary import Operation, Vocabulary
from agents.instructions.wording import WORDINGS, Wording
from features.attribute_values import name_key
from features.recurring_times import zone_of
from schemas.ids import ItemId
from schemas.instructions import (
    MOST_EXCEPTIONS,
    Approve,
    BanCategory,
    BanItem,
    Excepted,
    Instruction,
    LessOf,
    Lift,
    LiftAll,
    LimitFact,
    MoreOf,
    OnlyCategory,
    PinItem,
    Reject,
    Say,
    Undo,
)
from schemas.replies import REPLY_PARTS, Reply

WITHOUT_NAMES: dict[Operation, type[Undo | LiftAll | Approve | Reject]] = {
    "undo": Undo,
    "lift-all": LiftAll,
    "approve": Approve,
    "reject": Reject,
}
"""Operations that name nothing, and the statements that they make."""
MOST_CLAUSES = 16
"""How many clauses of a text are obeyed."""


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


def awaiting(reply: Reply) -> Reply:
    """Return the reply to words that change nothing before the user approves them, at autonomy 1.

    What was understood of an approval, a refusal or a change of autonomy needs none, nor do words that say nothing.

    >>> said = Say(event_id="e", user_id="u", event_time=1e9, text="no horror")
    >>> awaiting(understand(said, Names(["Horror"], ()))).text
    'Understood: no Horror. Say yes to have it so, or cancel.'
    """
    if not reply.understood or any(isinstance(statement, Approve | Reject) for statement in reply.understood):
        return reply
    return replace(reply, pending=True, text=f"{reply.text} {WORDINGS[reply.language].confirm}")


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
        if time := self._unkept(clause):
            self.questions.append(self.wording.unkept.format(time=time))
            return
        if clause.operation is not None and clause.operation in WITHOUT_NAMES:
            kind, said = WITHOUT_NAMES[clause.operation], self.said
            self.statements.append(kind(event_id=said.event_id, user_id=said.user_id, event_time=said.event_time))
            self.echoes.append(self.wording.echoes[clause.operation])
            return
        about = clause.about
        if clause.bounds or clause.operation == "lift":
            facts, about = self.names.facts_in(about, self.words)
            about = self._take_limits(clause, facts, about) if clause.bounds else self._lift(facts, about)
            if not about:
                return
        exceptions = self._exceptions(clause) if clause.but else ()
        if exceptions is None:
            return
        is_understood = clause.operation not in (None, "unsupported")
        matches = self.names.matches(about, self.words) if is_understood else ()
        if not matches:
            self.questions.append(_unclear(clause, self.wording))
            self.needs_help = True
        for match in matches:
            self._take_name(clause, match, exceptions)

    def _unkept(self, clause: Clause) -> str:
        """Return the time to which the clause cannot keep, if any: only bans, "only" and limits come and go."""
        is_clear = not clause.unkept
        if is_clear and clause.when is not None and clause.operation not in (None, "never", "only", "unsupported"):
            return recurrence(clause.when, self.wording).strip()
        return clause.unkept

    def _exceptions(self, clause: Clause) -> tuple[Named, ...] | None:
        """Return the exceptions of a clause; none if they are not clear, and so nothing of the clause is."""
        matches = self.names.exceptions(clause.exceptions, self.words, self._names_by_capitals())
        if not matches and clause.but in self.words.fillers and clause.operation != "unsupported":
            return ()
        for match in matches:
            if len(match.meanings) != 1:
                self._ask_which(match)
        if not matches or any(len(match.meanings) != 1 for match in matches):
            self.questions += [] if matches else [_unclear(clause, self.wording)]
            return None
        named = tuple(dict.fromkeys(match.meanings[0] for match in matches))
        if clause.operation == "only" and clause.phrase not in self.words.exclusive:
            shown = ", ".join(each.shown for each in named)
            self.questions.append(self.wording.besides_or_without.format(names=shown))
            return None
        return named

    def _names_by_capitals(self) -> frozenset[str]:
        """Return the words that a capital marks as names: none where all nouns, or all words, have one."""
        text = self.said.text
        return frozenset() if self.words.capital_nouns or text.isupper() else _capitals(text)

    def _lift(self, facts: Sequence[str], about: list[Token]) -> list[Token]:
        """Lift the limits of these facts; return the words that are left to understand."""
        said = self.said
        for fact in facts:
            self.statements.append(
                Lift(event_id=said.event_id, user_id=said.user_id, event_time=said.event_time, value=fact)
            )
            self.echoes.append(self.wording.echoes["lift"].format(name=self.wording.facts.get(fact, fact)))
        return about if not facts or self._says_something(about) else []

    def _take_limits(self, clause: Clause, facts: Sequence[str], about: list[Token]) -> list[Token]:
        """Add the limits of a clause, or the questions that they leave; return the words that are left to understand.

        "Nothing over two hours" is an upper limit, and "no horror over two hours" one for horror alone.
        """
        about = [token for token in about if token.is_name or token.text not in self.words.beside_limits]
        names_one = self.names.category(about, self.words) is not None
        is_of_all = clause.operation in ("more", "only") or not (names_one or self._says_something(about))
        matches = () if is_of_all else self.names.matches(about, self.words)
        categories = tuple(filter(None, (self._limited(match) for match in matches)))
        for number, bounds in enumerate(clause.bounds):
            bounds = bounds if bounds.fact or number >= len(facts) else bounds.of(facts[number])
            for category in categories or ((None,) if is_of_all else ()):
                self._take_limit(clause, bounds, category)
        is_left = clause.operation in ("more", "only") and self._says_something(about)
        return about if is_left else []

    def _limited(self, match: Match) -> str | None:
        """Return the category whose items a limit is to bind; none, and ask back, if it is not clear."""
        if len(match.meanings) != 1:
            self._ask_which(match)
        elif match.meanings[0].kind != "category":
            self.questions.append(self.wording.categories_only.format(name=match.meanings[0].shown))
        else:
            return match.meanings[0].value
        return None

    def _take_limit(self, clause: Clause, bounds: LimitRange, category: str | None) -> None:
        if clause.operation not in (None, "more", "only", "never"):
            self.questions.append(_unclear(clause, self.wording))
            return
        kept = bounds.negated() if clause.operation == "never" else bounds
        if kept is None:
            self.questions.append(self.wording.both.format(written=bounds.written))
            return
        question = _question_about(kept, self.names, self.wording)
        if question:
            self.questions.append(question)
            return
        said = self.said
        self.statements.append(
            LimitFact(
                event_id=said.event_id,
                user_id=said.user_id,
                event_time=said.event_time,
                fact=kept.fact,
                at_least=kept.at_least,
                at_most=kept.at_most,
                category=category,
                when=clause.when,
                until=clause.until,
            )
        )
        end = self._times(clause)
        self.echoes.append(limit_phrase(kept, self.wording, category or "") + end)

    def _times(self, clause: Clause) -> str:
        """Return when the clause holds, in words that follow it."""
        end = ending(clause.until, self.said.event_time, self.wording, self.zone)
        return recurrence(clause.when, self.wording) + end

    def _says_something(self, about: Sequence[Token]) -> bool:
        """Return whether the words beside a limit name anything."""
        words = self.words
        nothing_said = words.fillers | words.joins | words.kinds | words.beside_limits
        return any(token.is_name or token.text not in nothing_said for token in about)

    def _ask_which(self, match: Match) -> None:
        self.questions.append(_which(match, self.wording))
        self.choices += [_shown(named, match) for named in match.meanings] or match.near

    def _take_name(self, clause: Clause, match: Match, exceptions: Sequence[Named]) -> None:
        if len(match.meanings) != 1:
            self._ask_which(match)
            return
        named, excepted = match.meanings[0], _excepted(exceptions)
        if excepted and (named.kind != "category" or len(excepted) > MOST_EXCEPTIONS):
            self.questions.append(self.wording.no_exceptions.format(name=named.shown, most=MOST_EXCEPTIONS))
            return
        statement = _statement(self.said, clause, named, excepted)
        if statement is None or clause.operation is None:
            self.questions.append(self.wording.categories_only.format(name=named.shown))
            return
        self.statements.append(statement)
        end = "" if clause.operation == "lift" else self._times(clause)
        names = ", ".join(each.shown for each in exceptions)
        form = self.wording.besides if clause.operation == "only" else self.wording.apart_from
        apart = form.format(names=names) if names else ""
        self.echoes.append(self.wording.echoes[clause.operation].format(name=named.shown) + apart + end)

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


def _capitals(text: str) -> frozenset[str]:
    """Return the keys of the words that begin with a capital.

    >>> sorted(_capitals("no horror but Alfred, or old ones"))
    ['alfred']
    """
    words = text.replace("\u2019", "'").split()
    return frozenset(name_key(word) for word in words if next(filter(str.isalnum, word), "").isupper())


def _excepted(names: Iterable[Named]) -> tuple[Excepted, ...]:
    """Return the exceptions that these names mean: a name in several attributes is one in each."""
    return tuple(
        Excepted(subject=named.kind, value=named.value, attribute=attribute)
        for named in names
        for attribute in named.attributes or ("",)
    )


def _statement(said: Say, clause: Clause, named: Named, excepted: tuple[Excepted, ...]) -> Instruction | None:
    """Return the statement about one category or item; none for what cannot be stated of it."""
    event, user, at, until = said.event_id, said.user_id, said.event_time, clause.until
    category, item, when = named.value, ItemId(named.value), clause.when
    match clause.operation, named.kind:
        case "more", "category":
            return MoreOf(event_id=event, user_id=user, event_time=at, category=category, until=until)
        case "less", "category":
            return LessOf(event_id=event, user_id=user, event_time=at, category=category, until=until)
        case "never", "category":
            ban = BanCategory(event_id=event, user_id=user, event_time=at, category=category, until=until)
            return replace(ban, when=when, exceptions=excepted)
        case "never", "item":
            return BanItem(event_id=event, user_id=user, event_time=at, item_id=item, until=until, when=when)
        case "only", "category":
            wish = OnlyCategory(event_id=event, user_id=user, event_time=at, category=category, until=until)
            return replace(wish, when=when, exceptions=excepted)
        case "pin", "item":
            return PinItem(event_id=event, user_id=user, event_time=at, item_id=item, until=until)
        case "lift", _:
            return Lift(event_id=event, user_id=user, event_time=at, value=named.value)
        case _:
            return None


def _question_about(bounds: LimitRange, names: Names, wording: Wording) -> str:
    """Return what is to be asked before the limit can be kept to; empty if it can be."""
    known = [wording.facts.get(fact, fact) for fact in sorted(names.facts)]
    if bounds.fact in names.facts:
        return ""
    if bounds.fact or not known:
        return wording.unknown_fact.format(
            fact=wording.facts.get(bounds.fact, bounds.fact or "…"), written=bounds.written
        )
    return wording.which_fact.format(written=bounds.written, names=wording.either.join(known[:REPLY_PARTS]))


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
