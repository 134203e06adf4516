"""The one place that catches what nobody foresaw: a record that breaks its handler is set aside, with the reason.

Stores and servers that are away are no such thing: they raise errors of ours, which pass, so that the runner waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from schemas.errors import LifelongError

logger = logging.getLogger(__name__)
_T = TypeVar("_T")


def guarded(apply: Callable[[], _T], *, name: str) -> _T | str:
    """What applying a record comes to, or in words why there is nothing.

    Handlers are pure: nothing of a failed one remains, and its person is as before.
    """
    try:
        return apply()
    except LifelongError:
        raise
    except Exception as exc:
        logger.exception("handler of %s failed", name)
        return f"{type(exc).__name__}: {exc}"
