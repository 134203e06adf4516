"""Which items have which value of an attribute, and which values a name means: an index that is made at its first use,
and from then on kept item by item.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable

from msgspec import Struct

from schemas.bounds import PRINTABLE
from schemas.ids import category_key

_SIGNS = re.compile(r"[^\w']+")
Attributes = tuple[tuple[str, str], ...]
"""Attributes of an item with their values, as `features.item_facts` reads them."""


def name_key(name: str) -> str:
    """Return what all spellings of one name share: case, Unicode form, spacing and signs make no difference.

    >>> name_key("Sci-Fi") == name_key("sci fi"), name_key("Home & Garden")
    (True, 'home and garden')
    """
    return " ".join(_SIGNS.sub(" ", category_key(name).replace("&", " and ")).split())


class AttributeValue(Struct, frozen=True, order=True):
    """A value of an attribute as the catalogue spells it, with single blanks."""

    attribute: str
    value: str


class AttributeValues:
    """The values of attributes that items have; `|` stands between several in one.

    The index is made when it is first asked, which takes 15 to 65 µs an item of three values and 1 to 1.4 kB for each
    different value: most catalogues are never asked.

    >>> values = AttributeValues()
    >>> values.put(7, (("cast", "Al Pacino|Robert De Niro"),))
    >>> values.holders("cast", "robert de niro"), values.with_words("de niro"), values.of("Al  Pacino")
    (array('q', [7]), ['robert de niro'], (AttributeValue(attribute='cast', value='Al Pacino'),))
    """

    def __init__(self) -> None:
        self._own: dict[int, Attributes] = {}
        self._is_indexed = False
        self._holders: dict[tuple[str, str], array[int]] = {}
        self._named: dict[str, dict[tuple[str, str], str]] = {}
        self._by_word: dict[str, set[str]] = {}

    def put(self, number: int, attributes: Attributes) -> None:
        """Take the newest attributes of the item of this number."""
        before = self._own.get(number, ())
        if attributes == before:
            return
        if self._is_indexed:
            self._change(number, _parts(before), _parts(attributes))
        self._own.pop(number, None)
        if attributes:
            self._own[number] = attributes

    def attributes(self, number: int) -> Attributes:
        """Return the attributes of the item of this number."""
        return self._own.get(number, ())

    def holders(self, attribute: str, value: str) -> array[int]:
        """Return the numbers of the items that have this value, ascending; callers must not write to them."""
        self._index()
        return self._holders.get((attribute, category_key(value)), array("q"))

    def of(self, name: str) -> tuple[AttributeValue, ...]:
        """Return the values of this name, however it is spelled: one of each attribute that has it, in their order."""
        self._index()
        found = self._named.get(name_key(name), {})
        by_attribute = {attribute: shown for (attribute, _), shown in sorted(found.items(), reverse=True)}
        return tuple(sorted(AttributeValue(attribute, shown) for attribute, shown in by_attribute.items()))

    def with_words(self, words: str) -> list[str]:
        """Return the names (`name_key`) of values that have all of these words; none for no word."""
        self._index()
        sets = sorted((self._by_word.get(word, set[str]()) for word in set(name_key(words).split())), key=len)
        return sorted(set.intersection(*sets)) if sets else []

    def _index(self) -> None:
        if not self._is_indexed:
            self._is_indexed = True
            for number, attributes in self._own.items():
                self._change(number, {}, _parts(attributes))

    def _change(self, number: int, old: dict[tuple[str, str], str], new: dict[tuple[str, str], str]) -> None:
        for pair in old.keys() - new.keys():
            self._leave(number, pair, old[pair])
        for pair in new.keys() - old.keys():
            self._hold(number, pair, new[pair])

    def _hold(self, number: int, pair: tuple[str, str], part: str) -> None:
        numbers = self._holders.setdefault(pair, array("q"))
        insort(numbers, number)
        if len(numbers) > 1:
            return
        shown = " ".join(part.split())
        if (name := name_key(part)) and re.search(PRINTABLE, shown):
            self._named.setdefault(name, {})[pair] = shown
            for word in name.split():
                self._by_word.setdefault(word, set()).add(name)

    def _leave(self, number: int, pair: tuple[str, str], part: str) -> None:
        numbers = self._holders[pair]
        del numbers[bisect_left(numbers, number)]
        if numbers:
            return
        del self._holders[pair]
        name = name_key(part)
        named = self._named.get(name, {})
        named.pop(pair, None)
        if named or name not in self._named:
            return
        del self._named[name]
        for word in set(name.split()):
            self._by_word[word].discard(name)
            if not self._by_word[word]:
                del self._by_word[word]


def listed(value: str) -> list[str]:
    """Return the names that a value of an attribute lists, as spelled: `|` stands between several.

    >>> listed("Al Pacino|Robert De Niro|")
    ['Al Pacino', 'Robert De Niro']
    """
    return [part for part in value.split("|") if part.strip()]


def _parts(attributes: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the names that the values list, by attribute and key of the name."""
    return {
        (attribute, category_key(part)): part for attribute, value in attributes for part in reversed(listed(value))
    }
