"""When the non-personalised lists are published: the owner of their partition asks regularly whether they are due."""

from __future__ import annotations

from streams.handlers.deps import Deps
from streams.log.records import Message
from streams.worker.lists import DefaultState, as_published, default_lists


class DefaultTimer:
    """Makes the non-personalised lists when the statistics have changed, when an item of them is not available any
    more, and after half of their time-to-live.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._published = DefaultState()
        self._made_of = (-1, 0.0)

    def due(self) -> tuple[Message, ...]:
        """Return the messages to publish now; none if the newest lists are still good. `note` them once published."""
        deps, published = self._deps, self._published
        version, now, shown_at = deps.table.version, deps.clock(), deps.stream_now
        self._made_of = version, now
        has_unavailable = not all(deps.table.available(item, shown_at, locale) for item, locale in published.items)
        if has_unavailable or published.is_due(version, now, every=0.0, lasts=deps.options.expires_seconds):
            return default_lists(deps, after=published.version)
        return ()

    def note(self, messages: tuple[Message, ...]) -> None:
        """Note that what `due` returned is published."""
        self._published = as_published(messages, *self._made_of)
