"""The one place that catches every exception: a record that breaks its handler becomes a dead letter with the reason.

Stores and servers that are away raise the project's own errors, which pass, so that the runner waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from schemas.errors import LifelongError

logger = logging.getLogger(__name__)
_T = TypeVar("_T")


def guarded(apply: Callable[[], _T], *, name: str) -> _T | str:
    """Return what `apply` returns, or the reason as text if it raises.

    Handlers are pure: a failed one leaves its user as before.
    """
    try:
        return apply()
    except LifelongError:
        raise
    except Exception as exc:
        logger.exception("handler of %s failed", name)
        return f"{type(exc).__name__}: {exc}"
