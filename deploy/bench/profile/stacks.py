"""Sampled stacks, counted: by module of ours, and by function, alone and with what it calls."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct

OUR_PACKAGES = ("schemas", "features", "agents", "inference", "streams", "deploy")
LISTED = 15
ENTRIES = ("deploy/cli/", "deploy/bench/profile/")
"""Where stacks begin: of no interest, as they hold everything."""
_FRAME = re.compile(r"^(?P<function>.+?) \((?P<file>[^()]*?)(:\d+)?\)$")
_LIBRARY = re.compile(r"^(?:.*/)?(?:site-packages|python3\.\d+)/")


class Share(Struct, frozen=True, kw_only=True):
    """The share of a process's samples, between 0 and 1, that fall on a name."""

    name: str
    share: float


class ProcessProfile(Struct, frozen=True, kw_only=True):
    """Samples of a process on the processor.

    `modules`: each sample counts for the innermost of our modules on its stack, so that a library's time belongs to who
    calls it. `own`: for the function that ran. `cumulative`: for every function of ours on the stack, but those that
    every stack begins with.
    """

    samples: int
    modules: tuple[Share, ...]
    own: tuple[Share, ...]
    cumulative: tuple[Share, ...]


def stacks_in(lines: Iterable[str]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the stacks of py-spy's raw format, outermost frame first, and how often each was sampled.

    >>> list(stacks_in(["main (a.py:1);run (streams/b.py:7) 3"]))
    [(('a.py:main', 'streams/b.py:run'), 3)]
    """
    for line in lines:
        stack, _, count = line.strip().rpartition(" ")
        if stack:
            yield tuple(name_of(frame) for frame in stack.split(";")), int(count)


def name_of(frame: str) -> str:
    """Return `file:function`, the file as it is imported.

    >>> name_of("rank (/home/ann/.venv/lib/python3.11/site-packages/torch/nn.py:12)")
    'torch/nn.py:rank'
    """
    found = _FRAME.match(frame)
    return f"{_LIBRARY.sub('', found['file'])}:{found['function']}" if found else frame


def module_of(name: str) -> str | None:
    """Return our module that a name belongs to, none if it is another's.

    >>> module_of("streams/worker/lists.py:list_messages"), module_of("torch/nn.py:rank")
    ('streams/worker/lists', None)
    """
    file = name.rpartition(":")[0]
    return file.removesuffix(".py") if file.split("/")[0] in OUR_PACKAGES and file.endswith(".py") else None


def profile_of(lines: Iterable[str]) -> ProcessProfile:
    """Return the profile of one process."""
    modules, own, cumulative = Counter[str](), Counter[str](), Counter[str]()
    total = 0
    for stack, count in stacks_in(lines):
        total += count
        own[stack[-1]] += count
        ours = [module for name in stack if (module := module_of(name))]
        modules[ours[-1] if ours else "others"] += count
        for name in {name for name in stack if module_of(name) and not name.startswith(ENTRIES)}:
            cumulative[name] += count
    return ProcessProfile(
        samples=total,
        modules=_shares(modules, total),
        own=_shares(own, total),
        cumulative=_shares(cumulative, total),
    )


def _shares(counts: Counter[str], total: int) -> tuple[Share, ...]:
    return tuple(Share(name=name, share=round(count / total, 4)) for name, count in counts.most_common(LISTED))
