"""Each limit of the gateway has one place, and the reference shows it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.gateway import limits
from deploy.reference.limits import limits_page
from schemas import bounds

MODULES = sorted(path for path in Path(limits.__file__).parent.rglob("*.py") if path.name != "limits.py")
BOUNDING = frozenset({"le", "lt", "max_length", "max_items"})
LIMITS = {name: value for name, value in vars(limits).items() if name.isupper()}


def literal_limits(tree: ast.Module) -> Iterator[int]:
    """Yield the lines on which a module bounds something by a number of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in BOUNDING and isinstance(node.value, ast.Constant):
            yield node.value.lineno
        if isinstance(node, ast.Assign) and any(getattr(name, "id", "").startswith("MAX_") for name in node.targets):
            yield node.lineno


def test_a_literal_limit_is_recognized() -> None:
    source = "MAX_ITEMS = 3\nCount = Annotated[int, QueryParameter(ge=1, le=100)]\n"
    assert sorted(literal_limits(ast.parse(source))) == [1, 2]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_other_module_of_the_gateway_has_limits_of_its_own(path: Path) -> None:
    assert list(literal_limits(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize("value", [*LIMITS.values(), bounds.SLATE_LENGTH, bounds.TEXT_LENGTH, bounds.NAME_LENGTH])
def test_every_limit_of_requests_is_in_the_reference(value: int) -> None:
    assert f"| {value:,} |" in limits_page()
