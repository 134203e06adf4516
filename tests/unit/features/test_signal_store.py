"""What is kept of sources depends on what they say now, and never on who came first."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from features.signal_store import SOURCES_PER_SCOPE, SignalStore
from schemas.signals import ExternalSignal, OutsideFact, SignalKey

SOURCES = SOURCES_PER_SCOPE + 3


def says(source: str, *, subject: str = "heat", scope: Any = "item", **more: Any) -> ExternalSignal:
    facts = (OutsideFact(attribute="director", value=f"by {source}"),)
    return ExternalSignal(**({"scope": scope, "subject": subject, "source": source, "facts": facts} | more))


ops = st.one_of(st.none(), st.tuples(st.sampled_from((0.0, 0.4, 0.9)), st.sampled_from((0.0, 1.0))))
"""A source withdraws what it said, or says something, of this trust and at this time."""
lives = st.lists(st.lists(ops, min_size=1, max_size=3), min_size=SOURCES, max_size=SOURCES)


@settings(max_examples=50)
@given(lives, st.randoms(use_true_random=False))
def test_any_order_of_arrivals_and_withdrawals_ends_in_the_same(drawn: list[list[Any]], random: Any) -> None:
    order = [number for number, life in enumerate(drawn) for _ in life]
    random.shuffle(order)
    store, done = SignalStore(), defaultdict[int, int](int)
    for number in order:
        op = drawn[number][done[number]]
        done[number] += 1
        if op is None:
            store.forget(SignalKey("item", f"s{number}", "heat"))
        else:
            store.take(says(f"s{number}", trust=op[0], recorded_at=op[1]))
    last = [(-op[0], -op[1], f"s{number}") for number, life in enumerate(drawn) if (op := life[-1]) is not None]
    best = sorted(rank for rank in last if rank[0] < 0.0)[:SOURCES_PER_SCOPE]
    assert [(-each.trust, -each.recorded_at, each.source) for each in store.said("item", "heat")] == best
    assert len(store) == bool(best)


def test_sources_without_trust_keep_no_trusted_one_out() -> None:
    store = SignalStore()
    for number in range(SOURCES):
        store.take(says(f"s{number}", trust=0.0, recorded_at=9.0))
    assert len(store) == 0
    store.take(says("studio", trust=0.1, recorded_at=0.0))
    assert [each.source for each in store.said("item", "heat")] == ["studio"]


def test_a_source_that_loses_all_trust_is_no_longer_believed_in_any_spelling_of_a_category() -> None:
    store = SignalStore()
    store.take(says("fans", scope="category", subject="Sci-Fi", trust=0.5, recorded_at=0.0))
    store.take(says("fans", scope="category", subject=" SCI-FI", trust=0.0, recorded_at=1.0))
    assert store.said("category", "sci-fi") == []
    assert len(store) == 0
