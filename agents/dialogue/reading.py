"""What a person says in a conversation: limits, blame, an answer, or that something does not matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from msgspec import Struct

from agents.dialogue.amounts import amounts
from agents.dialogue.catalogue import FactField, ItemOnOffer, OfferedCatalogue
from agents.dialogue.clauses import SpokenClause, clauses_of
from agents.dialogue.languages import DIALOGUE_LANGUAGES
from agents.dialogue.limits import FactLimit
from agents.dialogue.mentions import Mention, NameIndex, limits_of, nouns_of
from agents.dialogue.vocabulary import DialogueWords
from agents.instructions.languages import LANGUAGES
from features.attribute_values import name_key

_SIGNS = re.compile(r"[.;!?]")


class Heard(Struct, frozen=True):
    """What was understood of one message.

    `services` are those that the user has, empty for any, None where nothing was said of them. `blamed` are fields of
    the offered item that are not right, for a reason that was not given. `freed` are fields whose limits fall.
    """

    language: str
    limits: tuple[FactLimit, ...] = ()
    services: tuple[str, ...] | None = None
    blamed: tuple[str, ...] = ()
    freed: tuple[str, ...] = ()
    accepts: bool = False
    refuses: bool = False
    indifferent: bool = False

    @property
    def is_nothing(self) -> bool:
        """Return whether nothing was understood."""
        return not (
            self.limits or self.services is not None or self.blamed or self.freed or self.accepts or self.refuses
        ) and not (self.indifferent)


class DialogueReader:
    """Reads messages about one catalogue.

    >>> from agents.dialogue.catalogue import ItemOnOffer
    >>> films = [ItemOnOffer("a", "Up", {"runtime": 96.0, "genres": ("Family", "Comedy")})]
    >>> DialogueReader(OfferedCatalogue(films)).read("A comedy under two hours, please").limits
    (FactLimit(field='genres', op='contains', value='Comedy'), FactLimit(field='runtime', op='<', value=120.0))
    """

    def __init__(self, catalogue: OfferedCatalogue) -> None:
        self._catalogue = catalogue
        self._names = NameIndex(catalogue)
        signed = [re.escape(v) for field in catalogue.fields.values() for v in field.values if _SIGNS.search(v)]
        self._signed = re.compile("|".join(sorted(signed, key=len, reverse=True)), re.IGNORECASE) if signed else None

    def read(self, text: str, *, asked: str = "", offered: ItemOnOffer | None = None, language: str = "en") -> Heard:
        """Return what a message says, in the language that knows more of its words, `language` where both know as many.

        `asked` is the field that the last question was about, `offered` the item that was just recommended.
        """
        spoken = language_of(text, language)
        return self._read(text, spoken, asked, offered)

    def _read(self, text: str, language: str, asked: str, offered: ItemOnOffer | None) -> Heard:
        words = DIALOGUE_LANGUAGES[language]
        if self._signed is not None:  # what ends sentences does not end names
            text = self._signed.sub(lambda name: _SIGNS.sub(" ", name.group()), text)
        clauses = clauses_of(text, words)
        limits, services, blamed, freed = list[FactLimit](), None, list[str](), list[str]()
        for clause in clauses:
            mentions = self._names.mentions(clause, words, asked)
            owned = self._owned(clause, mentions, words, asked)
            stated = [*limits_of([m for m in mentions if m.value not in (owned or ())], clause, words)]
            stated += amounts(clause, self._catalogue, words, asked, offered)
            stated += self._flags(clause, words)
            limits += stated
            services = owned if owned is not None else services
            if not stated and owned is None:
                freed += self._freed(clause, words)
                blamed += self._blamed(clause, words)
        indifferent = any(clause.has(words.indifferent) for clause in clauses) and not limits
        if indifferent and services is None and self._is_service(asked):
            services = ()
        accepts, refuses = _answer(clauses, words)
        return Heard(
            language,
            tuple(dict.fromkeys(limits)),
            services,
            tuple(dict.fromkeys(blamed)) if offered is not None else (),
            tuple(dict.fromkeys(freed)),
            accepts=accepts,
            refuses=refuses and not accepts,
            indifferent=indifferent,
        )

    def _owned(
        self, clause: SpokenClause, mentions: Sequence[Mention], words: DialogueWords, asked: str
    ) -> tuple[str, ...] | None:
        """Return the services that the clause says the user has."""
        named = [m.value for m in mentions if m.field.concept == "service" and m.wanted]
        if not named and self._is_service(asked) and clause.has(words.indifferent):
            return ()
        is_list = self._is_service(asked) and len(named) == len(mentions) and not clause.has(_MUST)
        return tuple(named) if named and (clause.has(words.owning) or is_list) else None

    def _is_service(self, name: str) -> bool:
        field = self._catalogue.fields.get(name)
        return field is not None and field.concept == "service"

    def _flags(self, clause: SpokenClause, words: DialogueWords) -> Iterator[FactLimit]:
        for field in self._catalogue.fields.values():
            said = next(clause.found(_nouns(field, words)), None) if field.kind == "flag" else None
            if said is not None:
                is_denied = any(at < said[0] for at, _ in clause.found(words.negations))
                yield FactLimit(field.name, "==", not is_denied)

    def _freed(self, clause: SpokenClause, words: DialogueWords) -> Iterator[str]:
        if clause.has(words.indifferent):
            yield from (f.name for f in self._catalogue.fields.values() if clause.has(_nouns(f, words)))

    def _blamed(self, clause: SpokenClause, words: DialogueWords) -> Iterator[str]:
        """Yield the field that the clause says is wrong: of several that share a word, the one with the longest."""
        if clause.has(words.indifferent):
            return
        said = [
            (len(noun.split()), field)
            for field in self._catalogue.fields.values()
            for _, noun in clause.found(_nouns(field, words))
        ]
        if said:
            longest = max(length for length, _ in said)
            yield from dict.fromkeys(field.name for length, field in said if length == longest)


_MUST = ("must", "should", "has to", "have to", "needs to", "need to", "muss", "soll", "sollte")


def _nouns(field: FactField, words: DialogueWords) -> tuple[str, ...]:
    return tuple(name_key(noun) for noun in nouns_of(field, words))


def _answer(clauses: Sequence[SpokenClause], words: DialogueWords) -> tuple[bool, bool]:
    """Return whether a message begins with consent or with a refusal, whichever is first."""
    for clause in clauses:
        at = 0
        while at < len(clause.words):
            yes, no = clause.starting(at, words.accepts), clause.starting(at, words.refuses)
            neither = clause.starting(at, words.indifferent)
            if max(len(yes), len(no)) > len(neither):
                return len(yes) > len(no), len(no) >= len(yes)
            at += max(1, len(neither.split()))
    return False, False


def language_of(text: str, language: str) -> str:
    """Return the language that knows most words of a text; `language` if none knows more.

    >>> language_of("Kein Horror, bitte", "en"), language_of("R or PG-13", "de"), language_of("Netflix", "de")
    ('de', 'en', 'de')
    """
    words = [word.lower() for word in re.findall(r"[^\W\d_]+(?:'\w+)?", text.replace("\u2019", "'"))]
    order = sorted(DIALOGUE_LANGUAGES, key=lambda name: name != language)
    return max(order, key=lambda name: sum(word in _KNOWN_WORDS[name] for word in words))


def _known_words(language: str) -> frozenset[str]:
    """Return the words that a language has, of both its vocabularies."""
    words, general = DIALOGUE_LANGUAGES[language], LANGUAGES[language]
    phrases = chain(
        chain.from_iterable((*words.nouns.values(), *general.phrases.values())),
        (*words.units, *words.adjectives, *words.comparatives, *words.bounds_before, *words.bounds_after),
        (*words.negations, *words.affirmations, *words.owning, *words.indifferent, *words.accepts, *words.refuses),
        (*words.alternatives, *words.possessives, *words.too, *words.exactly, *words.numbers, *general.contrasts),
        (*general.fillers, *general.joins, *general.kinds),
    )
    return frozenset(word for phrase in phrases for word in phrase.split())


_KNOWN_WORDS = {language: _known_words(language) for language in DIALOGUE_LANGUAGES}
