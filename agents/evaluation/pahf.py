"""The shopping study of PAHF (Liang et al., 2026, https://github.com/facebookresearch/PAHF, MIT): its files, as values.

Four phases of questions; each offers a user three options of a product, each with one value of three attributes. In
phases 3 and 4 the users' preferences are others than in phases 1 and 2. The files themselves are no part of this
project: give the folder `data/shopping` of that repository.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from schemas.errors import LifelongError

PHASES = (1, 2, 3, 4)
OPTION_NAMES = ("A", "B", "C")

Decoded = TypeVar("Decoded")


class NoStudy(LifelongError):
    """A folder does not hold the study; the message names the file and what is wrong with it."""


class Taste(Struct, frozen=True):
    """What one user likes of an attribute: one value most, others well enough, the rest not at all."""

    like_most: str
    like_second: tuple[str, ...]
    dislike: tuple[str, ...]

    def accepts(self, value: str) -> bool:
        """Return whether the user buys a product with this value.

        >>> Taste("red", ("blue",), ("green",)).accepts("blue")
        True
        """
        return value == self.like_most or value in self.like_second


Persona = dict[str, dict[str, Taste]]
"""A user's tastes by product and attribute."""


class Feature(Struct, frozen=True, order=True):
    """A value of an attribute of a product."""

    product: str
    attribute: str
    value: str


class Question(Struct, frozen=True):
    """Which of the `options` does the user want? `answer` is an index, or None where the user wants none of them."""

    user: str
    product: str
    options: tuple[tuple[Feature, ...], ...]
    answer: int | None


class Study(Struct, frozen=True):
    """Questions by phase, personas before and after the change, and the `values` of each product's attributes."""

    phases: dict[int, tuple[Question, ...]]
    before: dict[str, Persona]
    after: dict[str, Persona]
    values: dict[tuple[str, str], tuple[Feature, ...]]


class _Line(Struct, rename={"user": "User", "a": "Option A", "b": "Option B", "c": "Option C"}):
    user: str
    product: str
    a: tuple[str, ...]
    b: tuple[str, ...]
    c: tuple[str, ...]
    gt: str | None


class _PersonaLine(Struct):
    persona_info: dict[str, str | dict[str, Taste]]


def read_study(folder: Path) -> Study:
    """Read the study from `phase1.json` to `phase4.json`, `persona_info.json` and `updated_persona_info.json`.

    Raises:
        NoStudy: a file is missing or is not what PAHF publishes.
    """
    before, after = (_personas(folder / name) for name in ("persona_info.json", "updated_persona_info.json"))
    features = {(one.product, one.value): one for personas in (before, after) for one in _features(personas)}
    phases = {}
    for phase in PHASES:
        path = folder / f"phase{phase}.json"
        lines = _decoded(path, list[_Line])
        phases[phase] = tuple(_question(line, features, path) for line in lines)
        _check_users(phases[phase], before if phase <= 2 else after, path)
    values: dict[tuple[str, str], tuple[Feature, ...]] = {}
    for one in sorted(features.values()):
        values[one.product, one.attribute] = (*values.get((one.product, one.attribute), ()), one)
    return Study(phases, before, after, values)


def _decoded(path: Path, kind: type[Decoded]) -> Decoded:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as exc:
        raise NoStudy(f"{str(path)!r} cannot be read: {exc.strerror}; give PAHF's folder data/shopping") from exc
    except msgspec.MsgspecError as exc:
        raise NoStudy(f"{str(path)!r} is not PAHF's: {exc}; give PAHF's folder data/shopping") from exc


def _personas(path: Path) -> dict[str, Persona]:
    lines = _decoded(path, dict[str, _PersonaLine])
    return {
        user: {product: tastes for product, tastes in line.persona_info.items() if isinstance(tastes, dict)}
        for user, line in lines.items()
    }


def _features(personas: dict[str, Persona]) -> Iterator[Feature]:
    for persona in personas.values():
        for product, tastes in persona.items():
            for attribute, taste in tastes.items():
                for value in (taste.like_most, *taste.like_second, *taste.dislike):
                    yield Feature(product, attribute, value)


def _question(line: _Line, features: dict[tuple[str, str], Feature], path: Path) -> Question:
    try:
        options = tuple(tuple(features[line.product, value] for value in option) for option in (line.a, line.b, line.c))
        answer = None if line.gt is None else OPTION_NAMES.index(line.gt)
    except (KeyError, ValueError) as exc:
        raise NoStudy(f"{str(path)!r}: {line.user!r} is offered what no persona names: {exc}") from exc
    return Question(line.user, line.product, options, answer)


def _check_users(questions: tuple[Question, ...], personas: dict[str, Persona], path: Path) -> None:
    for question in questions:
        if question.product not in personas.get(question.user, {}):
            raise NoStudy(f"{str(path)!r}: {question.user!r} has no persona for {question.product!r}")
