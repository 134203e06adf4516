"""A tiny study in the format of PAHF's shopping data: made-up users, products and preferences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ATTRIBUTES = {"colour": ["red", "blue", "green", "grey"], "shape": ["round", "square", "oval", "flat"]}
USERS = ("Ada", "Bo")
PRODUCTS = ("lamp", "chair")


def taste(values: list[str]) -> dict[str, Any]:
    return {"like_most": values[0], "like_second": values[1:2], "dislike": values[2:]}


def personas(turned: bool) -> dict[str, Any]:
    """Return everybody's tastes; turned ones like what the others dislike."""
    tastes = {name: taste(values[::-1] if turned else values) for name, values in ATTRIBUTES.items()}
    return {
        user: {"persona_info": {"name": user, **dict.fromkeys(PRODUCTS, tastes)}, "sample_list": list(PRODUCTS)}
        for user in USERS
    }


def answer(options: list[list[str]], turned: bool) -> str | None:
    """Return the name of the best option whose features are all liked."""
    ranked = [values[::-1] if turned else values for values in ATTRIBUTES.values()]
    ranks = [[values.index(one) for values, one in zip(ranked, option, strict=True)] for option in options]
    liked = [(sum(rank), "ABC"[index]) for index, rank in enumerate(ranks) if max(rank) <= 1]
    return min(liked)[1] if liked else None


def questions(turned: bool, shift: int) -> list[dict[str, Any]]:
    lines = []
    for user in USERS:
        for product in PRODUCTS:
            for start in range(8):
                options = [
                    [ATTRIBUTES["colour"][(start + shift + k) % 4], ATTRIBUTES["shape"][(start // 2 + k) % 4]]
                    for k in range(3)
                ]
                named = {f"Option {name}": option for name, option in zip("ABC", options, strict=True)}
                gt = answer(options, turned)
                lines.append({"User": user, "product": product, "Task": "A lamp for me?", "gt": gt, **named})
    return lines


def write_study(folder: Path) -> Path:
    """Write the files of the study; return the folder."""
    for phase in (1, 2, 3, 4):
        lines = questions(turned=phase > 2, shift=phase % 2)
        (folder / f"phase{phase}.json").write_text(json.dumps(lines))
    (folder / "persona_info.json").write_text(json.dumps(personas(turned=False)))
    (folder / "updated_persona_info.json").write_text(json.dumps(personas(turned=True)))
    return folder
