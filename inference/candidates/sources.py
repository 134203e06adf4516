"""The table of candidate sources: adding one is one file and one row."""

from __future__ import annotations

from features.half_lives import POPULARITY_SECONDS
from inference.candidates import (
    content,
    covisitation,
    embeddings,
    first_choices,
    intents,
    memories,
    new_items,
    repeats,
    transitions,
    words,
)
from inference.candidates.popularity import popular, popular_lately, span
from inference.candidates.source import CandidateSource

SOURCES: tuple[CandidateSource, ...] = (
    *(
        CandidateSource(
            name=f"popular-{span(half_life).replace(' ', '-')}",
            propose=popular(index),
            size=25,
            reason=popular_lately(index),
        )
        for index, half_life in enumerate(POPULARITY_SECONDS)
    ),
    CandidateSource(
        name="covisitation", propose=covisitation.propose, size=70, reason="goes with what you chose lately"
    ),
    CandidateSource(
        name="covisitation-near", propose=covisitation.propose_near, size=70, reason="goes with your last choice"
    ),
    CandidateSource(name="transitions", propose=transitions.propose, size=40, reason="often chosen next"),
    CandidateSource(name="embeddings", propose=embeddings.propose, size=40, reason=embeddings.reason),
    CandidateSource(name="content", propose=content.propose, size=5, reason="reads like what you chose lately"),
    CandidateSource(name="words", propose=words.propose, size=15, reason="by name like what you chose lately"),
    CandidateSource(name="intents", propose=intents.propose, size=20, reason="part of your plan"),
    CandidateSource(name="memories", propose=memories.propose, size=15, reason="you said or showed that you like this"),
    CandidateSource(name="repeats", propose=repeats.propose, size=40, reason=repeats.reason),
    CandidateSource(name="newcomers", propose=first_choices.propose, size=40, reason=first_choices.reason),
    CandidateSource(name="newest", propose=new_items.propose, size=5, reason=new_items.reason),
)
