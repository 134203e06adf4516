"""An inverted index holds what was added and not dropped, however its room moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inference.items.postings import Postings

CHANGES = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 40)), max_size=120)


@given(CHANGES)
def test_each_word_has_the_items_that_were_added_and_not_dropped(changes: list[tuple[int, int]]) -> None:
    postings, expected = Postings(), dict[int, set[int]]()
    for word, item in changes:
        own = expected.setdefault(word, set())
        if item in own:
            own.remove(item)
            postings.drop(word, item)
        else:
            own.add(item)
            postings.add(word, item)
    assert {word: sorted(postings.of(word).tolist()) for word in expected} == {
        word: sorted(items) for word, items in expected.items()
    }
