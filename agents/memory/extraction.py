"""What events say of preferences: the signals that memories are written from."""

from __future__ import annotations

from math import sqrt

from agents.memory.operations import PreferenceSignal
from schemas.event_kinds import kind_of
from schemas.interactions import Interaction, ItemEvent
from schemas.memories import Predicate

LIKED_REWARD = 0.3
"""From this reward on, an event speaks for the categories of its item: that of the weakest choice, a view."""
DISLIKED_REWARD = -0.5
"""From this reward down, an event speaks against them."""
ITEM_REWARD = 0.9
"""From this reward on (either sign) an event also speaks about the item itself."""
SIGNAL_CATEGORIES = 8
"""How many of an item's categories an event speaks about: the first, as catalogues put the main ones first."""
SIGNAL_ATTRIBUTES = 3
"""And how many of its attributes, where it speaks about the item itself."""
TRAIT_CATEGORIES = 3
"""How many of its categories are traits of the belief about an item: beliefs that agree in one are consolidated."""
Attributes = tuple[tuple[str, str], ...]
"""Names of attributes of an item, with their values."""


def extract(
    event: Interaction, reward: float, categories: tuple[str, ...], attributes: Attributes = ()
) -> tuple[PreferenceSignal, ...]:
    """Return the preference signals of an event, given its reward (see `features.implicit_feedback`) and the categories
    and attributes of its item.

    Each of n categories gets 1/√n of the reward: between n independent opinions and one that is split evenly. A skip
    signals no dislike; it weakens the preference for what was shown. An item that was not shown is never weakened.

    >>> from schemas.interactions import Click
    >>> click = Click(event_id="e", user_id="u", event_time=1e9, item_id="i")
    >>> [(signal.predicate, signal.value, signal.weight) for signal in extract(click, 0.5, ("jazz",))]
    [('likes', 'jazz', 0.5)]
    """
    evidence = kind_of(event).evidence
    if evidence == "none" or not isinstance(event, ItemEvent):
        return ()
    signalled = categories[:SIGNAL_CATEGORIES]
    share = reward / sqrt(max(1, len(signalled)))
    if evidence == "weakens":
        return tuple(PreferenceSignal("category", "likes", name, share) for name in signalled)
    if DISLIKED_REWARD < reward < LIKED_REWARD:
        return ()
    predicate: Predicate = "likes" if reward > 0 else "dislikes"
    signals = tuple(PreferenceSignal("category", predicate, name, abs(share)) for name in signalled)
    if abs(reward) < ITEM_REWARD:
        return signals
    named = attributes[:SIGNAL_ATTRIBUTES]
    share = abs(reward) / sqrt(max(1, len(named)))
    of_attributes = [PreferenceSignal("attribute", predicate, value, share, attribute=name) for name, value in named]
    traits = (*named, *(("", name) for name in signalled[:TRAIT_CATEGORIES]))
    of_item = PreferenceSignal("item", predicate, event.item_id, abs(reward), evidence, traits=traits)
    return (*signals, of_item, *of_attributes)
