"""What sources say, in memory: the newest signal of each source about each scope, as bytes: about 1 kB each.

All trusted sources of a scope are kept and the best `SOURCES_PER_SCOPE` are read, so that what is believed depends on
what is said now and not on the order of arrival: when one of the best withdraws, the next one takes its place.
"""

from __future__ import annotations

from heapq import nsmallest
from math import inf

from features.outside_knowledge import Beliefs, SourceRank, beliefs_at, source_rank
from schemas.codec import decode, encode
from schemas.signals import ExternalSignal, Scope, SignalKey, signal_key, subject_in_key
from schemas.topics import EXTERNAL_SIGNALS

SOURCES_PER_SCOPE = 16
"""Sources of one scope that are read: the most trusted ones, of equally trusted ones those that said so last."""


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
        self._said: dict[tuple[Scope, str], dict[str, tuple[SourceRank, bytes]]] = {}

    def __len__(self) -> int:
        """Return how many scopes anything is said of."""
        return len(self._said)

    def take(self, signal: ExternalSignal) -> None:
        """Replace what the signal's source says of its scope; of a source without trust nothing is kept."""
        if signal.trust <= 0.0:
            self.forget(signal_key(signal))
            return
        of_scope = self._said.setdefault((signal.scope, subject_in_key(signal.scope, signal.subject)), {})
        of_scope[signal.source] = source_rank(signal), encode(signal)

    def forget(self, key: SignalKey) -> None:
        """Forget what the source says of the scope."""
        scope = key.scope, subject_in_key(key.scope, key.subject)
        of_scope = self._said.get(scope, {})
        of_scope.pop(key.source, None)
        if not of_scope:
            self._said.pop(scope, None)

    def packed(self, scope: Scope, subject: str) -> list[bytes]:
        """Return what `said` returns, for `unpacked`."""
        of_scope = self._said.get((scope, subject_in_key(scope, subject)), {})
        return [value for _, value in nsmallest(SOURCES_PER_SCOPE, of_scope.values())]

    def said(self, scope: Scope, subject: str) -> list[ExternalSignal]:
        """Return what the best `SOURCES_PER_SCOPE` sources say of a scope, the best first, a signal for each."""
        return unpacked(self.packed(scope, subject))

    def beliefs(self, scope: Scope, subject: str, at: float) -> Beliefs:
        """Return what is believed of a scope at an event time, with the sources that say so."""
        return beliefs_at(self.said(scope, subject), at)


def unpacked(packed: list[bytes]) -> list[ExternalSignal]:
    """Return the signals that were packed."""
    return [decode(EXTERNAL_SIGNALS, value, now=inf) for value in packed]
