"""Mutations of records, drawn from a seeded generator: of their bytes, and of the JSON that they hold."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from typing import Any

import msgspec

RAW = "@@raw:"
"""Marks text that is written into the JSON unchanged: an encoder would not write it."""
NUMBERS = (
    "0", "-0.0", "-1", "0.5", "1e-320", "1e11", "1.7e308", "-1.7e308", "1e400", "-1e400", "9007199254740993",
    "18446744073709551616", "-9223372036854775809", "NaN", "Infinity", "-Infinity", "nan", "1e", "01", "1" * 400,
)  # fmt: skip
TEXTS = (
    '""', '" "', '"a"', '"@default"', '"@default2"', '"a/b"', '"a%2Fb"', '"null"', '"caf\\u00e9"', '"cafe\\u0301"',
    '"\\u0000"', '"a\\u001fb"', '"line\\nbreak"', '"\\u007f"', '"\\ud800"', '"\\udfff\\ud800"', '"\\ud83d\\ude00"',
    '"\\u202e"', '"\\uffff"', '"../../etc/passwd"', '"0"', '"true"',
)  # fmt: skip
OTHERS = ("null", "true", "false", "[]", "{}", "[null]", '{"":null}', "[[]]", "", '"', "{", "]")
LENGTHS = (255, 256, 257, 1_001, 4_001)
_LONGEST = 100_000
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.encode
Random = random.Random


def mutated(rng: Random, value: bytes, others: list[bytes]) -> bytes | None:
    """Return the record after one to three mutations; parts of `others` may be spliced in."""
    mutant: bytes | None = value
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if not mutant:
            return mutant
        mutant = in_json(rng, mutant) if rng.random() < 0.7 else in_bytes(rng, mutant, others)
    return mutant


def in_bytes(rng: Random, value: bytes, others: list[bytes]) -> bytes | None:
    """Mutate bytes, whatever they mean."""
    at = rng.randrange(len(value))
    match rng.randrange(8):
        case 0:
            return value[:at] + bytes((value[at] ^ (1 << rng.randrange(8)),)) + value[at + 1 :]
        case 1:
            return value[:at]
        case 2:
            return value[:at] + rng.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\x00", b"\xf5\x90")) + value[at:]
        case 3:
            other = rng.choice(others)
            return value[:at] + other[rng.randrange(len(other)) :]
        case 4:
            return value[:at] + value[at : at + 30] + value[at:]
        case 5:
            return value + rng.choice((b" ", b"\n", b"}", b",{}", b"\x00", value))
        case 6:
            return rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b" ", b"[")) + value
        case _:
            return rng.choice((None, b"", value.swapcase(), value.decode("utf-8", "replace").encode("utf-16")))


def in_json(rng: Random, value: bytes) -> bytes:
    """Mutate the JSON: a value, a name or the shape of one object or list in it."""
    try:
        tree = _decode(value)
        slots = list(_slots(tree))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return value[: len(value) // 2]
    if not slots:
        return value
    inside, name = rng.choice(slots)
    _MUTATIONS[rng.randrange(len(_MUTATIONS))](rng, inside, name)
    return written(tree)


def written(tree: Any) -> bytes:
    """Return the tree as JSON, with raw text unchanged."""
    try:
        text = _encode(tree)
    except (UnicodeEncodeError, RecursionError):
        return b"{"
    while (begin := text.find(b'"' + RAW.encode())) >= 0:
        end = text.index(b'@@"', begin + 1)
        raw: str = _decode(text[begin : end + 3])
        text = text[:begin] + raw[len(RAW) : -2].encode() + text[end + 3 :]
    return text


def raw(text: str) -> str:
    """Return a placeholder for this raw text."""
    return f"{RAW}{text}@@"


def _slots(tree: Any) -> Any:
    """Yield the container and the key of every value in the tree."""
    names: Any = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for name in names:
        yield tree, name
        yield from _slots(tree[name])


def _number(rng: Random, inside: Any, name: Any) -> None:
    inside[name] = raw(rng.choice(NUMBERS))


def _text(rng: Random, inside: Any, name: Any) -> None:
    inside[name] = raw(rng.choice(TEXTS))


def _long(rng: Random, inside: Any, name: Any) -> None:
    size = _LONGEST if rng.random() < 0.02 else rng.choice(LENGTHS)
    inside[name] = rng.choice(("x", "é", " ")) * size


def _other(rng: Random, inside: Any, name: Any) -> None:
    inside[name] = raw(rng.choice(OTHERS))


def _missing(rng: Random, inside: Any, name: Any) -> None:
    del inside[name]


def _renamed(rng: Random, inside: Any, name: Any) -> None:
    if isinstance(inside, dict):
        inside[rng.choice((name.upper(), name + " ", "", "type", name[:-1], "x" * 300))] = inside.pop(name)


def _twice(rng: Random, inside: Any, name: Any) -> None:
    """Repeat a field or an element."""
    if isinstance(inside, dict):
        spelled = name[:-1] + f"\\u{ord(name[-1]):04x}" if name else "x"
        inside[name] = raw(f'{written(inside[name]).decode()},"{spelled}":{rng.choice(OTHERS[:6])}')
    else:
        inside.append(inside[name])


def _swapped(rng: Random, inside: Any, name: Any) -> None:
    names = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
    other = rng.choice(names)
    inside[name], inside[other] = inside[other], inside[name]


def _deep(rng: Random, inside: Any, name: Any) -> None:
    depth = rng.choice((3, 50, 2_000)) if rng.random() < 0.1 else 3
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
    inside[name] = raw(opening * depth + "1" + closing * depth)


def _many(rng: Random, inside: Any, name: Any) -> None:
    if isinstance(inside, list):
        inside.extend([inside[name]] * rng.choice((1, 20, 201, 1_100)))
    else:
        inside |= {f"{rng.choice(string.ascii_letters)}{number}": number for number in range(rng.choice((1, 40, 300)))}


_MUTATIONS: tuple[Callable[[Random, Any, Any], None], ...] = (
    _number, _number, _number, _text, _text, _text, _long, _other, _missing, _renamed, _twice, _swapped, _deep, _many,
)  # fmt: skip
