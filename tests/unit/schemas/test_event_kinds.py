"""The table of event kinds is complete, and a new type is a class and a row."""

from __future__ import annotations

from typing import get_args

import pytest

from schemas.event_kinds import KINDS, EventKind, type_name
from schemas.interactions import Impression, Interaction, ItemEvent, QuantityEvent, Search, _Event


def subclasses(base: type) -> set[type]:
    return {base, *(descendant for child in base.__subclasses__() for descendant in subclasses(child))}


def test_every_type_of_interaction_has_a_row_and_is_in_the_union() -> None:
    assert set(KINDS) == set(get_args(Interaction)) == subclasses(_Event) - {_Event, ItemEvent, QuantityEvent}


@pytest.mark.parametrize("event_type", KINDS, ids=type_name)
def test_a_row_does_not_contradict_itself(event_type: type[Interaction]) -> None:
    kind = KINDS[event_type]
    assert not (kind.weight > 0.0 and kind.extends_skips), "a choice ends a run of skips"
    assert isinstance(kind.reward, str) or -1.0 <= kind.reward <= 1.0
    if event_type in (Impression, Search):
        assert kind == EventKind(names=kind.names), "only events about one item mean anything for it"


def test_no_name_in_logs_stands_for_two_types() -> None:
    words = [name for kind in KINDS.values() for name in kind.names]
    assert len(words) == len(set(words))
    assert not set(words) & set(map(type_name, KINDS))
