"""Which category or item of the catalogue a name means, with the typos and endings that people write."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct
from rapidfuzz import fuzz, process

from agents.instructions.grammar import Token
from agents.instructions.vocabulary import Vocabulary
from schemas.ids import category_key

SURE = 82.0
"""From this similarity on, of 100, a misspelt name is taken for what it resembles."""
NEAR = 60.0
"""From this similarity on a name is offered as what may be meant."""
AS_GOOD = 3.0
"""Names within this of the most similar one are as likely to be meant."""
OFFERED = 3
"""How many names are offered."""
MOST_SEARCHES = 4
"""How many names of a text are compared with all titles, for misspelt ones: that takes time with the catalogue."""
SHORTEST_MISSPELT = 4
"""Shorter names have to be spelled right: too many others are a letter away."""


_SIGNS = re.compile(r"[^\w']+")


class Named(Struct, frozen=True):
    """A category by its name, an item by its id, or a value of `attributes`, with the name to show."""

    kind: Literal["category", "item", "attribute"]
    value: str
    shown: str
    attributes: tuple[str, ...] = ()


class Match(Struct, frozen=True):
    """What a name means: one meaning, or several of which the user has to choose; nothing if `meanings` is empty.

    `near` are names that resemble it where it means nothing.
    """

    written: str
    meanings: tuple[Named, ...] = ()
    near: tuple[str, ...] = ()


class Names:
    """The names of a catalogue: categories, and ids of items with their titles. Categories come first. `facts` are what
    is known of its items in numbers, and `named` the attributes of items with their values.

    For one text: `titles` are read only if a name is no category's, and only a few names are searched among them.
    """

    def __init__(
        self,
        categories: Iterable[str],
        titles: Iterable[tuple[str, str]],
        facts: Iterable[str] = (),
        named: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.facts = frozenset(facts)
        self._categories = {name_key(name): name for name in reversed([*categories])}
        self._titles = titles
        self._named = named
        self._by_key: dict[str, list[Named]] | None = None
        self._searches_left = MOST_SEARCHES

    def matches(self, about: Sequence[Token], words: Vocabulary) -> tuple[Match, ...]:
        """Return what the words of a clause mean, name by name. Joined words are one name where that is a name.

        >>> from agents.instructions.languages import ENGLISH
        >>> names, about = Names(["Comedy", "Horror"], ()), [Token("commedies"), Token("and"), Token("horror")]
        >>> [match.meanings[0].value for match in names.matches(about, ENGLISH)]
        ['Comedy', 'Horror']
        """
        tokens = _trimmed(about, words)
        if not tokens:
            return ()
        for whole in (_written(about), _written(tokens)):
            if (match := self._exact(whole, words)) is not None:
                return (match,)
        return tuple(self._match(part, words) for part in _parts(tokens, words))

    def exceptions(self, about: Sequence[Token], words: Vocabulary) -> tuple[Match, ...]:
        """Return what the words of an exception mean, name by name: `matches`, and values of attributes, of which
        whole words are enough ("Hitchcock") if they are of one value alone.

        >>> from agents.instructions.languages import ENGLISH
        >>> names = Names(["Horror"], (), (), [("director", "Alfred Hitchcock")])
        >>> names.exceptions([Token("by"), Token("hitchcock")], ENGLISH)[0].meanings[0].shown
        'Alfred Hitchcock'
        """
        beside = words.beside_exceptions | words.fillers | words.joins
        parts = _parts(_trimmed(about, words), words)
        return tuple(self._excepted(part, _without(part, beside), words) for part in parts)

    def category(self, about: Sequence[Token], words: Vocabulary) -> Named | None:
        """Return the category that these words are, spelled right; none if they are none.

        >>> from agents.instructions.languages import ENGLISH
        >>> Names(["Book"], ()).category([Token("books")], ENGLISH).value
        'Book'
        """
        match = self._exact(_written(_trimmed(about, words)), words) if _trimmed(about, words) else None
        named = match.meanings[0] if match is not None and match.meanings else None
        return named if named is not None and named.kind == "category" else None

    def facts_in(self, about: Sequence[Token], words: Vocabulary) -> tuple[tuple[str, ...], list[Token]]:
        """Return the facts that the words of a clause name, and the other words.

        >>> from agents.instructions.languages import ENGLISH
        >>> Names((), (), ["rating"]).facts_in([Token("price"), Token("rating"), Token("jazz")], ENGLISH)
        (('price', 'rating'), [Token(text='jazz', is_name=False, is_end=False, aside=None)])
        """
        known = {name.replace("_", " "): name for name in self.facts} | words.facts
        found = [known[token.text] for token in about if token.is_word and token.text in known]
        others = [token for token in about if not (token.is_word and token.text in known)]
        return tuple(dict.fromkeys(found)), others

    def _match(self, tokens: Sequence[Token], words: Vocabulary) -> Match:
        written = _written(tokens)
        return self._exact(written, words) or self._alike(written, words)

    def _exact(self, written: str, words: Vocabulary) -> Match | None:
        for form in _forms(written, words):
            if form in self._categories:
                name = self._categories[form]
                return Match(written, (Named("category", name, name),))
        for form in _forms(written, words):
            if named := self._items().get(form):
                return Match(written, tuple(named[:OFFERED]))
        return None

    def _excepted(self, whole: Sequence[Token], tokens: Sequence[Token], words: Vocabulary) -> Match:
        for part in (whole, tokens):
            written = _written(part)
            exact = self._exact(written, words)
            if exact is not None and exact.meanings[0].kind == "category":
                return exact
            found = (*(exact.meanings if exact else ()), *self._values(written, words))
            if found:
                return Match(written, found[:OFFERED])
        return self._alike(_written(tokens), words)

    def _values(self, written: str, words: Vocabulary) -> tuple[Named, ...]:
        """Return the values of attributes that have this name, else those whose words it is some of."""
        by_key: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for attribute, value in dict.fromkeys(self._named):
            for part in filter(None, map(str.strip, value.split("|"))):
                by_key[name_key(part)].setdefault(attribute, part)
        forms = [form.removesuffix("'s") for form in _forms(written, words)]
        keys = [form for form in forms if form in by_key]
        if not keys:
            wanted = [set(form.split()) for form in forms]
            keys = sorted(key for key in by_key if any(each <= set(key.split()) for each in wanted))
        named = [by_key[key] for key in keys]
        return tuple(Named("attribute", max(of.values()), max(of.values()), tuple(sorted(of))) for of in named)

    def _alike(self, written: str, words: Vocabulary) -> Match:
        if len(written) < SHORTEST_MISSPELT:
            return Match(written)
        found: dict[Named, float] = {}
        for form in _forms(written, words):
            for key, score, _ in process.extract(form, list(self._categories), scorer=fuzz.ratio, score_cutoff=NEAR):
                name = self._categories[key]
                found[Named("category", name, name)] = max(score, found.get(Named("category", name, name), 0.0))
        if max(found.values(), default=0.0) < SURE and self._searches_left > 0:
            self._searches_left -= 1
            for key, score, _ in process.extract(
                name_key(written), list(self._items()), scorer=fuzz.ratio, score_cutoff=NEAR
            ):
                found |= dict.fromkeys(self._items()[key], score)
        best = max(found.values(), default=0.0)
        ordered = sorted(found, key=lambda named: (-found[named], named.value))
        if best >= SURE:
            return Match(written, tuple(n for n in ordered if found[n] >= max(SURE, best - AS_GOOD))[:OFFERED])
        return Match(written, near=tuple(named.shown for named in ordered[:OFFERED]))

    def _items(self) -> dict[str, list[Named]]:
        """Return items by the keys of their titles and ids, made when a name is no category's."""
        if self._by_key is None:
            self._by_key = {}
            for item, title in self._titles:
                named = Named("item", item, title or item)
                for key in {name_key(title), name_key(_without_year(title)), name_key(item)} - {""}:
                    self._by_key.setdefault(key, []).append(named)
        return self._by_key


def name_key(name: str) -> str:
    """Return what all spellings of one name share: case, Unicode form, spacing and signs make no difference.

    >>> name_key("Sci-Fi") == name_key("sci fi"), name_key("Home & Garden")
    (True, 'home and garden')
    """
    return " ".join(_SIGNS.sub(" ", category_key(name).replace("&", " and ")).split())


def _without_year(title: str) -> str:
    """Return the title without a year behind it, as catalogues of films have it.

    >>> _without_year("Heat (1995)")
    'Heat'
    """
    head, bracket, tail = title.rpartition(" (")
    return head if bracket and tail[:4].isdigit() and tail.endswith(")") else title


def _trimmed(tokens: Sequence[Token], words: Vocabulary) -> Sequence[Token]:
    """Return the tokens without fillers and joins at either end."""
    left_out = words.fillers | words.joins
    kept = [index for index, token in enumerate(tokens) if token.is_name or token.text not in left_out]
    return tokens[kept[0] : kept[-1] + 1] if kept else ()


def _without(tokens: Sequence[Token], beside: frozenset[str]) -> Sequence[Token]:
    """Return the tokens without these words at either end; all, if they are nothing else."""
    kept = [index for index, token in enumerate(tokens) if token.is_name or token.text not in beside]
    return tokens[kept[0] : kept[-1] + 1] if kept else tokens


def _parts(tokens: Sequence[Token], words: Vocabulary) -> Iterator[Sequence[Token]]:
    """Yield the tokens between joins; a quoted name is a part of its own."""
    part: list[Token] = []
    for token in tokens:
        if token.is_name or token.text in words.joins:
            if trimmed := _trimmed(part, words):
                yield trimmed
            part = []
            if token.is_name:
                yield [token]
        else:
            part.append(token)
    if trimmed := _trimmed(part, words):
        yield trimmed


def _written(tokens: Sequence[Token]) -> str:
    return " ".join(token.text for token in tokens).replace(" ,", ",")


def _forms(written: str, words: Vocabulary) -> list[str]:
    """Return the keys under which a name may be known: as written, without general words, and without a plural ending.

    >>> from agents.instructions.languages import ENGLISH, GERMAN
    >>> _forms("horror movies", ENGLISH), _forms("Krimifilme", GERMAN)
    (['horror movies', 'horror movy', 'horror movie', 'horror movi', 'horror'], ['krimifilme', 'krimifilm', 'krimi'])
    """
    key = name_key(written)
    forms = [key, *_singulars(key)]
    bare = " ".join(word for word in key.split() if word not in words.kinds and word not in words.fillers)
    forms += [bare, *_singulars(bare)]
    kinds = sorted(words.kinds, key=lambda kind: (-len(kind), kind))
    forms += [key.removesuffix(kind) for kind in kinds if key.endswith(kind) and len(key) > len(kind) + 2]
    return [form for form in dict.fromkeys(form.strip(" -") for form in forms) if form]


def _singulars(key: str) -> Iterator[str]:
    """Yield what the name may be in the singular."""
    for plural, singular in (("ies", "y"), ("es", "e"), ("es", ""), ("s", ""), ("en", ""), ("e", ""), ("n", "")):
        if key.endswith(plural) and len(key) > len(plural) + 2:
            yield key.removesuffix(plural) + singular
