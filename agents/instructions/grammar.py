"""What an instruction in words asks for: clauses of an operation, the names it is about, limits, and when it ends.

Clauses follow each other; an operation's phrase begins one, and what follows it up to the next is what it is about. The
longest phrase counts. Names in quotes are taken as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import pairwise
from typing import Literal

from agents.instructions.languages import LANGUAGES
from agents.instructions.limits import LimitRange, bounds_of
from agents.instructions.times import end_of, recurring_of
from agents.instructions.vocabulary import Operation, Vocabulary
from schemas.instructions import RecurringTime

_QUOTE = r"[\"“”„«»]"
_TOKEN = re.compile(
    rf"{_QUOTE}([^\"“”„«»]{{1,200}}){_QUOTE}"  # a quoted name
    r"|\x00(\d+)\x00"  # the number of a time or of a limit
    r"|([.;!?:\n])(?=\s|$)"  # the end of a sentence
    r"|(,)"
    r"|((?:[^\s,;!?.:\"“”„«»\x00]|[.:](?!\s|$))+)"  # a word
)
_LONGEST_PHRASE = 5


Aside = float | str | LimitRange | RecurringTime
"""What a phrase means that is put aside: an end, a range, a time of the week, or itself where it means none of them."""


@dataclass(frozen=True)
class PutAside:
    """A phrase that was put aside, as written, and what it means."""

    written: str
    meant: Aside


@dataclass(frozen=True)
class Token:
    """A word in lower case, a quoted name as written, a sign that ends a sentence, or the number of a time or limit."""

    text: str
    is_name: bool = False
    is_end: bool = False
    aside: int | None = None

    @property
    def is_word(self) -> bool:
        """Return whether the token is a plain word, as phrases are made of."""
        return not self.is_name and not self.is_end and self.aside is None


@dataclass
class Clause:
    """An operation, what it is about as written, its limits, and the event time at which it ends, if any.

    `exceptions` are the words after a `but` of it, such as "except". `when` is the time of the week at which it holds.
    `unkept` is a time to which no statement can keep, such as a date that does not exist; `torn`, of the first clause,
    a second time of the week where it cannot be told which of the two holds for what.
    """

    operation: Operation | None
    phrase: str = ""
    about: list[Token] = field(default_factory=list)
    bounds: list[LimitRange] = field(default_factory=list)
    but: str = ""
    exceptions: list[Token] = field(default_factory=list)
    until: float | None = None
    when: RecurringTime | None = None
    unkept: str = ""
    torn: str = ""


@dataclass(frozen=True)
class Parsed:
    """The clauses of a text, and the language that they are in."""

    clauses: tuple[Clause, ...]
    language: str


def parse(text: str, now: float, zone: tzinfo) -> Parsed:
    """Return the clauses in the language that understands most of the text.

    >>> from datetime import timezone
    >>> parsed = parse("less horror, more comedies", 0.0, timezone.utc)
    >>> [(clause.operation, clause.about[0].text) for clause in parsed.clauses]
    [('less', 'horror'), ('more', 'comedies')]
    """
    readings = [_read(text, language, now, zone) for language in LANGUAGES]
    return max(readings, key=_understood)


def _understood(parsed: Parsed) -> tuple[int, int]:
    """Return how well a reading explains the text: by words in phrases and times, then by few words beside them."""
    phrases = [len(f"{clause.phrase} {clause.but}".split()) for clause in parsed.clauses]
    timed = [2 * bool(clause.until or clause.when or clause.unkept) for clause in parsed.clauses]
    limited = [len(bounds.written.split()) for clause in parsed.clauses for bounds in clause.bounds]
    beside = [len(clause.about) + len(clause.exceptions) for clause in parsed.clauses]
    return sum(phrases) + sum(timed) + sum(limited), -sum(beside)


def _read(text: str, language: str, now: float, zone: tzinfo) -> Parsed:
    words, aside = LANGUAGES[language], list[PutAside]()

    def put_aside(phrase: re.Match[str]) -> str:
        meant: Aside | None = None
        if phrase.re is words.limits:
            meant = bounds_of(phrase, words)
        elif phrase.re is words.recurring:
            meant = recurring_of(phrase, words, zone)
        else:
            meant = end_of(phrase, words, now, zone)
        aside.append(PutAside(phrase.group().strip(), phrase.group() if meant is None else meant))
        return f" \x00{len(aside) - 1}\x00 "

    parts = re.split(r"([\"“”„«»][^\"“”„«»]*[\"“”„«»])", text.replace("\x00", " ").replace("\u2019", "'"))
    for index in range(0, len(parts), 2):
        part = parts[index].lower()
        for pattern in (words.recurring, words.limits, words.times):
            part = pattern.sub(put_aside, part)
        parts[index] = part
    return Parsed(tuple(_clauses(list(_tokens("".join(parts))), words, aside)), language)


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        name, aside, end, comma, word = match.groups()
        if name is not None:
            yield Token(name.strip(), is_name=True)
        elif aside is not None:
            yield Token("", aside=int(aside))
        elif end is not None:
            yield Token(end, is_end=True)
        else:
            yield Token(comma or word)


def _clauses(tokens: Sequence[Token], words: Vocabulary, aside: Sequence[PutAside]) -> list[Clause]:
    ends = [index for index, token in enumerate(tokens) if token.is_end] + [len(tokens)]
    starts = [0, *(end + 1 for end in ends)]
    clauses = [
        clause
        for start, end in zip(starts, ends, strict=False)
        for clause in _sentence(tokens[start:end], words, aside)
    ]
    return [clause for before, clause in pairwise([Clause(None), *clauses]) if _is_meant(clause, before, words)]


def _sentence(tokens: Sequence[Token], words: Vocabulary, aside: Sequence[PutAside]) -> list[Clause]:
    """Return the clauses of one sentence. A time holds for the clauses before it that have none, and for all after it
    that get none.
    """
    clauses, first_times, at = [Clause(None)], dict[type, PutAside](), 0
    while at < len(tokens):
        token, clause = tokens[at], clauses[-1]
        length, operation = _operation(tokens, at, words)
        said = tokens[at : at + max(1, length)]
        meant = None if token.aside is None else aside[token.aside]
        if meant is not None:
            if _take_aside(clauses, meant, words):
                first_times.setdefault(type(meant.meant), meant)
        elif operation == "exception":
            _begin_exceptions(clause, said)
        elif operation == "contrast":
            clause.operation = clause.operation or "more"
            clauses.append(Clause("less", _text(said)))
        elif operation is not None:
            clauses.append(Clause(operation, _text(said)))
        else:
            (clause.exceptions if clause.but else clause.about).extend(said)
        at += max(1, length)
    return _timed(clauses, first_times.values())


def _timed(clauses: list[Clause], first_times: Iterable[PutAside]) -> list[Clause]:
    """Give the first times of a sentence to the clauses that have none."""
    for clause in clauses:
        clause.unkept = clause.unkept or ("" if clause.when else clauses[0].torn)
    for time in first_times:
        _give_time(clauses, time.meant)
    return clauses


def _begin_exceptions(clause: Clause, said: Sequence[Token]) -> None:
    """Take what follows as exceptions to a ban, or to what alone is wanted; nothing else has any."""
    if clause.operation in ("never", "only") and not clause.bounds:
        clause.but = _text(said)
    elif clause.operation is not None:
        clause.operation = "unsupported"
        clause.about += said


def _take_aside(clauses: Sequence[Clause], aside: PutAside, words: Vocabulary) -> bool:
    """Take a limit or a time; return whether a time of it may be that of later clauses too.

    Behind exceptions, a time that does not come back is that of the whole statement: "no jazz but Davis until Sunday";
    nothing else is clear there, and it says nothing of other clauses. A second time of the week is not clear either.
    """
    clause, meant = clauses[-1], aside.meant
    is_clear = not clause.but or (isinstance(meant, float) and _holds_more_than(clause.exceptions, words.fillers))
    if not is_clear:
        clause.operation = "unsupported"
    if isinstance(meant, LimitRange):
        clause.bounds.append(meant)
    if is_clear and not (isinstance(meant, RecurringTime) and _has_other_time(clauses, aside.written, meant)):
        _give_time(clauses, meant)
    return is_clear


def _has_other_time(clauses: Sequence[Clause], written: str, time: RecurringTime) -> bool:
    """Return whether the last clause has another time of the week already, or one that leads the sentence. What has
    that time or none is then asked back: which of them holds for what cannot be told.
    """
    leads = len(clauses) > 1 and clauses[1].when is None
    other = clauses[-1].when or (clauses[0].when if leads else None)
    if other is None or other == time:
        return False
    clauses[0].torn = clauses[0].torn or written
    for clause in clauses:
        if clause.when == other:
            clause.unkept = clause.unkept or written
    return True


def _operation(
    tokens: Sequence[Token], at: int, words: Vocabulary
) -> tuple[int, Operation | Literal["contrast", "exception"] | None]:
    """Return the length of the longest phrase that begins here, and what it is; 0 and none if there is none."""
    for length in range(min(_LONGEST_PHRASE, len(tokens) - at), 0, -1):
        part = tokens[at : at + length]
        said = _text(part)
        if not all(token.is_word for token in part):
            continue
        if said in words.contrasts:
            return length, "contrast"
        if said in words.exceptions:
            return length, "exception"
        for operation, phrases in words.phrases.items():
            if said in phrases:
                return length, operation
    return 0, None


def _give_time(clauses: Sequence[Clause], time: Aside) -> None:
    """Give this time, if it is one, to all clauses that have none of its kind."""
    for clause in clauses:
        has_end = clause.until is not None or bool(clause.unkept)
        match time:
            case RecurringTime() if clause.when is None:
                clause.when = time
            case str() if not has_end:
                clause.unkept = time
            case float() if not has_end:
                clause.until = time
            case _:
                pass


def _is_meant(clause: Clause, before: Clause, words: Vocabulary) -> bool:
    """Return whether the clause says anything: fillers do not, nor does the second word of "keine Krimis mehr"."""
    says_something = _says_something(clause, words)
    if clause.operation == "more" and before.operation == "never" and before.about:
        return says_something
    return clause.operation is not None or bool(clause.bounds) or says_something


def _says_something(clause: Clause, words: Vocabulary) -> bool:
    return _holds_more_than(
        clause.about,
        words.fillers | words.joins | (words.kinds | words.beside_limits if clause.operation is None else frozenset()),
    )


def _holds_more_than(tokens: Sequence[Token], nothing_said: frozenset[str]) -> bool:
    return any(token.is_name or token.text not in nothing_said for token in tokens)


def _text(tokens: Sequence[Token]) -> str:
    return " ".join(token.text for token in tokens)
