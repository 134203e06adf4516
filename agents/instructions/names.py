"""Which category or item of the catalogue a name means, with the typos and endings that people write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

from msgspec import Struct
from rapidfuzz import fuzz, process

from agents.instructions.grammar import Token
from agents.instructions.vocabulary import Vocabulary
from features.attribute_values import AttributeValues, name_key

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
MOST_NAMES = 16
"""How many names of a clause are looked up."""
MOST_JOINED = 4
"""How many words or phrases between joins may be one name, such as "Books, Music & Film"."""
SHORTEST_MISSPELT = 4
"""Shorter names have to be spelled right: too many others are a letter away."""


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
    is known of its items in numbers, and `values` are those of their attributes.

    For one text: `titles` are read only if a name is no category's, and only a few names are searched among them.
    """

    def __init__(
        self,
        categories: Iterable[str],
        titles: Iterable[tuple[str, str]],
        facts: Iterable[str] = (),
        values: AttributeValues | None = None,
    ) -> None:
        self.facts = frozenset(facts)
        self._categories = {name_key(name): name for name in reversed([*categories])}
        self._titles = titles
        self._values = values or AttributeValues()
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
        return tuple(self._match(part, words) for part in islice(_parts(tokens, words), MOST_NAMES))

    def exceptions(
        self, about: Sequence[Token], words: Vocabulary, capitals: frozenset[str] = frozenset()
    ) -> tuple[Match, ...]:
        """Return what the words of an exception mean, name by name: `matches`, and values of attributes.

        The last words of a value ("Hitchcock") are enough if they are of one value alone, and any of its words that
        were quoted or written as names are, with `capitals` (keys of words).

        >>> from agents.instructions.languages import ENGLISH
        >>> values = AttributeValues()
        >>> values.put(0, (("director", "Alfred Hitchcock"),))
        >>> names = Names(["Horror"], (), (), values)
        >>> names.exceptions([Token("by"), Token("hitchcock")], ENGLISH)[0].meanings[0].shown
        'Alfred Hitchcock'
        """
        tokens = _trimmed(about, words)
        spans = [span for span in _spans(tokens, words) if _trimmed(tokens[slice(*span)], words)]
        found, at = list[Match](), 0
        while at < min(len(spans), MOST_NAMES):
            match, joined = self._joined(tokens, spans[at : at + MOST_JOINED], words)
            found.append(match or self._excepted(_trimmed(tokens[slice(*spans[at])], words), words, capitals))
            at += joined
        beyond = [Match(_written(tokens[spans[at][0] :]))] if at < len(spans) else []
        return (*found, *beyond)

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

    def _joined(
        self, tokens: Sequence[Token], spans: Sequence[tuple[int, int]], words: Vocabulary
    ) -> tuple[Match | None, int]:
        """Return what most of the spans, from the first on, are the name of together, and how many those are."""
        for count in range(len(spans), 0, -1):
            part = _trimmed(tokens[spans[0][0] : spans[count - 1][1]], words)
            if count > 1 and any(token.is_name for token in part):
                continue
            if (match := self._excepted_exactly(part, words)) is not None:
                return match, count
        return None, 1

    def _excepted_exactly(self, whole: Sequence[Token], words: Vocabulary) -> Match | None:
        """Return what has this name, spelled right: a category, else items and values of attributes."""
        for part in (whole, _beside(whole, words)):
            written = _written(part)
            exact = self._exact(written, words)
            if exact is not None and exact.meanings[0].kind == "category":
                return exact
            named = self._valued(form.removesuffix("'s") for form in _forms(written, words))
            if found := (*(exact.meanings if exact else ()), *named):
                return Match(written, found[:OFFERED])
        return None

    def _excepted(self, whole: Sequence[Token], words: Vocabulary, capitals: frozenset[str]) -> Match:
        """Return what a name that none has exactly means: values with these words, or what is spelled alike."""
        loose = words.beside_exceptions | words.fillers | words.kinds
        said = [token for token in whole if token.is_name or token.text not in loose]
        is_name = bool(said) and all(token.is_name or name_key(token.text) in capitals for token in said)
        part = _beside(whole, words)
        written, possible = _written(part), list[str]()
        for form in (form.removesuffix("'s") for form in _forms(written, words)):
            found = self._values.with_words(form)
            if meant := [name for name in found if is_name or name.endswith(f" {form}")]:
                return Match(written, self._valued(meant[: OFFERED + 1])[:OFFERED])
            possible += found[:OFFERED]
        alike = self._alike(written, words)
        near = (*(named.shown for named in self._valued(possible)), *alike.near)
        return alike if alike.meanings else Match(written, near=tuple(dict.fromkeys(near))[:OFFERED])

    def _valued(self, names: Iterable[str]) -> tuple[Named, ...]:
        """Return the values of attributes that have these names: one for all attributes that have the same."""
        found = (self._values.of(name) for name in dict.fromkeys(names))
        return tuple(
            Named("attribute", each[0].value, each[0].value, tuple(value.attribute for value in each))
            for each in found
            if each
        )

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


def _beside(tokens: Sequence[Token], words: Vocabulary) -> Sequence[Token]:
    """Return the tokens without what stands around an exception, such as "those by"; all, if they are nothing else."""
    return _without(tokens, words.beside_exceptions | words.fillers | words.joins)


def _parts(tokens: Sequence[Token], words: Vocabulary) -> Iterator[Sequence[Token]]:
    """Yield the tokens between joins; a quoted name is a part of its own."""
    yield from filter(None, (_trimmed(tokens[slice(*span)], words) for span in _spans(tokens, words)))


def _spans(tokens: Sequence[Token], words: Vocabulary) -> Iterator[tuple[int, int]]:
    """Yield where what stands between joins begins and ends."""
    start = 0
    for at, token in enumerate(tokens):
        if token.is_name or token.text in words.joins:
            yield start, at
            start = at + 1
        if token.is_name:
            yield at, at + 1
    yield start, len(tokens)


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
