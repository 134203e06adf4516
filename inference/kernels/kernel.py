"""A kernel: a numpy function, and loops that return the same bits once they are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
NO_ITEM = -1
"""In place of an item number: none."""
Function = Callable[Arguments, Result]


class Kernel(Generic[Arguments, Result]):
    """Runs its numpy `definition` until `use` gives it another implementation, such as its compiled `loops`.

    Loops are plain Python over arrays, without any function whose result depends on the library that computes it (such
    as a logarithm), and add up in the order of the definition. `signatures` are the argument types that ranking calls
    them with, in numba's notation; arrays are contiguous.

    >>> double = Kernel(lambda x: 2 * x, lambda x: x + x, signatures=("int64(int64)",))
    >>> double(4), double.is_compiled
    (8, False)
    """

    def __init__(
        self,
        definition: Function[Arguments, Result],
        loops: Function[Arguments, Result],
        *,
        signatures: tuple[str, ...],
    ) -> None:
        self.definition = definition
        self.loops = loops
        self.signatures = signatures
        self.is_compiled = False
        self._run = definition

    def __call__(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        """Return what the definition returns."""
        return self._run(*args, **kwargs)

    def use(self, compiled: Function[Arguments, Result] | None) -> None:
        """Run these compiled loops from now on, or the definition."""
        self._run = compiled or self.definition
        self.is_compiled = compiled is not None
