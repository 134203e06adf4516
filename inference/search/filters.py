"""The language of filters and boosts, read by a grammar into values: nothing of it is ever evaluated as code.

| expression                          | fulfilled by items                                                       |
|-------------------------------------|--------------------------------------------------------------------------|
| `categories:Comedy`, `brand = Acme` | with this category, tag or attribute; case makes no difference           |
| `brand in (Acme, "Old Mill")`       | with one of these                                                        |
| `price < 20`, `year >= 1990`        | of which the fact is known, and within it                                |
| `available_until > 2026-12-31`      | with a date before or after                                              |
| `brand:*`                           | of which it is known                                                     |
| `not …`, `… and …`, `… or …`, `(…)` | as usual; `not` binds closest, then `and`; what is unknown fulfils only `not` |

A boost is a filter with a factor, `categories:Comedy^2`; several are separated by commas. `!=` is `not … =`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Literal, cast

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedToken
from msgspec import Struct

from schemas.errors import BadFilter

MAX_FILTER_LENGTH = 1_000
"""Characters of a filter, and of all boosts of a request."""
MAX_FILTER_DEPTH = 16
"""Parentheses and negations within each other."""
MAX_BOOSTS = 16
MAX_FACTOR = 100.0
"""The largest factor of a boost; factors below 1 demote."""

Operator = Literal["=", "<", "<=", ">", ">="]

_GRAMMAR = r"""
filter: either
boosts: boost ("," boost)*
boost: primary "^" bare
either: both (OR both)*
both: unary (AND unary)*
?unary: negation | primary
negation: NOT unary
?primary: "(" either ")" | comparison | membership
comparison: field OPERATOR (value | any)
membership: field IN "(" value ("," value)* ")"
field: BARE | STRING
value: BARE | STRING
any: ANY
bare: BARE

AND: "and"i
OR: "or"i
NOT: "not"i
IN: "in"i
ANY: "*"
OPERATOR: "<=" | ">=" | "!=" | "=" | ":" | "<" | ">"
STRING: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/
BARE: /-?\w[\w.-]*/i
%ignore /\s+/
"""
_EXPECTED = {
    "BARE": "a name or value",
    "STRING": "text in quotes",
    "OPERATOR": "one of : = != < <= > >=",
    "IN": "'in'",
    "AND": "'and'",
    "OR": "'or'",
    "NOT": "'not'",
    "ANY": "'*'",
    "LPAR": "'('",
    "RPAR": "')'",
    "COMMA": "','",
    "CIRCUMFLEX": "'^'",
    "$END": "the end",
}
"""What each terminal of the grammar is called in messages."""


class FieldComparison(Struct, frozen=True):
    """A field compared with values, of which one is enough; without values, it is only to be known (`brand:*`). `at` is
    where the field stands in the text, from 0.
    """

    field: str
    operator: Operator
    values: tuple[str, ...]
    at: int = 0


class Negation(Struct, frozen=True):
    """What the expression does not match."""

    of: Any


class Conjunction(Struct, frozen=True):
    """What all expressions match."""

    of: tuple[Any, ...]


class Disjunction(Struct, frozen=True):
    """What any of the expressions matches."""

    of: tuple[Any, ...]


class Boost(Struct, frozen=True):
    """Items that match have their score multiplied by the factor."""

    matching: Any
    factor: float


@lru_cache(maxsize=1_024)
def parse_filter(text: str) -> Any:
    """Return the expression that a filter says: a `FieldComparison`, `Negation`, `Conjunction` or `Disjunction`.

    Raises:
        BadFilter: it is too long or nested too deeply, or a character at fault, which the error names.

    >>> parse_filter("categories:Comedy and not price > 20")  # doctest: +NORMALIZE_WHITESPACE
    Conjunction(of=(FieldComparison(field='categories', operator='=', values=('Comedy',), at=0),
                    Negation(of=FieldComparison(field='price', operator='>', values=('20',), at=26))))
    >>> parse_filter("price <")
    Traceback (most recent call last):
    ...
    schemas.errors.BadFilter: filter, character 8: the text ends; expected '*', a name or value or text in quotes
    """
    return _parsed(text, "filter")


@lru_cache(maxsize=1_024)
def parse_boosts(text: str) -> tuple[Boost, ...]:
    """Return the boosts that a text says, in their order; none of an empty text.

    Raises:
        BadFilter: see `parse_filter`; a factor is none, or there are too many.

    >>> [boost.factor for boost in parse_boosts("categories:Comedy^2, (year > 2000 and price < 9)^1.5")]
    [2.0, 1.5]
    """
    if not text.strip():
        return ()
    try:
        boosts = cast(tuple[Boost, ...], _parsed(text, "boosts"))
        if len(boosts) > MAX_BOOSTS:
            raise BadFilter(f"{len(boosts)} boosts; at most {MAX_BOOSTS} are read", 0)
    except BadFilter as exc:
        raise BadFilter(exc.fault, exc.at, "boost") from exc
    return boosts


def _parsed(text: str, start: Literal["filter", "boosts"]) -> Any:
    if len(text) > MAX_FILTER_LENGTH:
        raise BadFilter(f"{len(text)} characters; at most {MAX_FILTER_LENGTH} are read", MAX_FILTER_LENGTH)
    parser = _parser()
    try:
        _check_depth(list(parser.lex(text)))
        return parser.parse(text, start=start)
    except UnexpectedInput as exc:
        raise _bad(text, exc) from exc


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="basic", start=["filter", "boosts"], transformer=_Values())


def _check_depth(tokens: list[Token]) -> None:
    """Refuse what is nested too deeply, before it is parsed."""
    opened: list[int] = []
    negations = 0
    for token in tokens:
        if token.type == "NOT":
            negations += 1
        elif token.type == "LPAR":
            opened.append(negations + 1)
            negations = 0
        else:
            negations = 0
            if token.type == "RPAR" and opened:
                opened.pop()
        if sum(opened) + negations > MAX_FILTER_DEPTH:
            raise BadFilter(f"more than {MAX_FILTER_DEPTH} levels of parentheses and 'not'", token.start_pos or 0)


def _bad(text: str, exc: UnexpectedInput) -> BadFilter:
    if isinstance(exc, UnexpectedCharacters):
        at = int(exc.pos_in_stream or 0)
        if text[at] in "\"'":
            return BadFilter("the text in quotes does not end", at)
        return BadFilter(f"{text[at]!r} means nothing here; put text with such characters in quotes", at)
    if not isinstance(exc, UnexpectedToken) or exc.token.type == "$END":
        at, said = len(text), "the text ends"
    else:
        at, said = int(exc.token.start_pos or 0), f"{str(exc.token)!r} is unexpected"
    possible: Iterable[str] = getattr(exc, "accepts", None) or getattr(exc, "expected", None) or ()
    names = sorted(_EXPECTED[name] for name in possible if name in _EXPECTED) or ["something else"]
    return BadFilter(f"{said}; expected {', '.join(names[:-1])}{' or ' if names[1:] else ''}{names[-1]}", at)


@v_args(inline=True)
class _Values(Transformer[Token, Any]):
    """Turns what the grammar has recognised into values."""

    def filter(self, of: Any) -> Any:
        return of

    def boosts(self, *of: Boost) -> tuple[Boost, ...]:
        return of

    def boost(self, matching: Any, factor: Token) -> Boost:
        try:
            value = float(factor)
        except ValueError:
            value = 0.0
        if not 0.0 < value <= MAX_FACTOR:
            at = int(factor.start_pos or 0)
            raise BadFilter(f"{str(factor)!r} is no factor above 0, at most {MAX_FACTOR:g}", at)
        return Boost(matching, value)

    def either(self, *of: Any) -> Any:
        return _joined(of, Disjunction)

    def both(self, *of: Any) -> Any:
        return _joined(of, Conjunction)

    def negation(self, _not: Token, of: Any) -> Negation:
        return Negation(of)

    def comparison(self, field: Token, operator: Token, value: Token) -> FieldComparison | Negation:
        known = "=" if operator in (":", "!=") else str(operator)
        if value.type == "ANY" and known != "=":
            raise BadFilter("'*' stands after ':', '=' or '!=' alone", int(value.start_pos or 0))
        values = () if value.type == "ANY" else (_text(value),)
        compared = FieldComparison(_text(field), cast(Operator, known), values, int(field.start_pos or 0))
        return Negation(compared) if operator == "!=" else compared

    def membership(self, field: Token, _in: Token, *values: Token) -> FieldComparison:
        return FieldComparison(_text(field), "=", tuple(map(_text, values)), int(field.start_pos or 0))

    def field(self, token: Token) -> Token:
        return token

    def value(self, token: Token) -> Token:
        return token

    def any(self, token: Token) -> Token:
        return token

    def bare(self, token: Token) -> Token:
        return token


def _joined(parts: tuple[Any, ...], kind: type[Conjunction] | type[Disjunction]) -> Any:
    of = tuple(part for part in parts if not isinstance(part, Token))
    return of[0] if len(of) == 1 else kind(of)


def _text(token: Token) -> str:
    """Return what a token says: text in quotes without them, and a backslash there as the character after it."""
    if token.type != "STRING":
        return str(token)
    characters = iter(token[1:-1])
    return "".join(next(characters) if character == "\\" else character for character in characters)
