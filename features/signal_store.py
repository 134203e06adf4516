"""What sources say, in memory: the newest signal of each source about each scope, as bytes: about 1 kB each."""

from __future__ import annotations

from math import inf

from features.outside_knowledge import Beliefs, beliefs_at
from schemas.codec import decode, encode
from schemas.ids import category_key
from schemas.signals import ExternalSignal, Scope, SignalKey
from schemas.topics import EXTERNAL_SIGNALS

SOURCES_PER_SCOPE = 16
"""Sources of one scope that are kept; further ones are ignored."""


class SignalStore:
    """The newest signals by scope. Spellings of categories, places and times make no difference; ids of items do.

    >>> from schemas.signals import OutsideFact
    >>> snow = (OutsideFact(attribute="weather", value="snow"),)
    >>> store = SignalStore()
    >>> store.take(ExternalSignal(scope="place", subject="DE", source="met", recorded_at=0.0, facts=snow))
    >>> [fact.value for fact in store.beliefs("place", "de", 1e9).facts]
    ['snow']
    """

    def __init__(self) -> None:
        self._said: dict[tuple[Scope, str], dict[str, bytes]] = {}

    def __len__(self) -> int:
        """Return how many scopes anything is said of."""
        return len(self._said)

    def take(self, signal: ExternalSignal) -> None:
        """Replace what the signal's source says of its scope."""
        of_scope = self._said.setdefault((signal.scope, subject_key(signal.scope, signal.subject)), {})
        if signal.source in of_scope or len(of_scope) < SOURCES_PER_SCOPE:
            of_scope[signal.source] = encode(signal)

    def forget(self, key: SignalKey) -> None:
        """Forget what the source says of the scope."""
        scope = key.scope, subject_key(key.scope, key.subject)
        of_scope = self._said.get(scope, {})
        of_scope.pop(key.source, None)
        if not of_scope:
            self._said.pop(scope, None)

    def said(self, scope: Scope, subject: str) -> list[ExternalSignal]:
        """Return what is said of a scope, a signal for each source."""
        said = self._said.get((scope, subject_key(scope, subject)), {})
        return [decode(EXTERNAL_SIGNALS, value, now=inf) for value in said.values()]

    def beliefs(self, scope: Scope, subject: str, at: float) -> Beliefs:
        """Return what is believed of a scope at an event time, with the sources that say so."""
        return beliefs_at(self.said(scope, subject), at)


def subject_key(scope: Scope, subject: str) -> str:
    """Return what all spellings of a scope's subject share."""
    return subject if scope == "item" else category_key(subject)
