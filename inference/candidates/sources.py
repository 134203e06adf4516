"""The table of candidate sources: adding one is one file and one row."""

from __future__ import annotations

from features.decay import DAY
from features.statistics import HALF_LIVES
from inference.candidates import (
    content,
    covisitation,
    embeddings,
    intents,
    memories,
    newcomers,
    newest,
    repeats,
    transitions,
    words,
)
from inference.candidates.popularity import popular
from inference.candidates.source import Source


def _span(seconds: float) -> str:
    days = seconds / DAY
    number, unit = (round(days), "day") if days >= 1 else (round(days * 24), "hour")
    return unit if number == 1 else f"{number} {unit}s"


SOURCES: tuple[Source, ...] = (
    *(
        Source(
            name=f"popular-{_span(half_life).replace(' ', '-')}",
            propose=popular(place),
            size=25,
            reason=f"popular in the last {_span(half_life)}",
        )
        for place, half_life in enumerate(HALF_LIVES)
    ),
    Source(name="covisitation", propose=covisitation.propose, size=70, reason="goes with what you chose lately"),
    Source(name="covisitation-near", propose=covisitation.propose_near, size=70, reason="goes with your last choice"),
    Source(name="transitions", propose=transitions.propose, size=40, reason="often chosen next"),
    Source(name="embeddings", propose=embeddings.propose, size=40, reason="close to your taste"),
    Source(name="content", propose=content.propose, size=5, reason="reads like what you chose lately"),
    Source(name="words", propose=words.propose, size=15, reason="by name like what you chose lately"),
    Source(name="intents", propose=intents.propose, size=20, reason="part of your plan"),
    Source(name="memories", propose=memories.propose, size=15, reason="you said or showed that you like this"),
    Source(name="repeats", propose=repeats.propose, size=40, reason="you come back to this"),
    Source(name="newcomers", propose=newcomers.propose, size=40, reason="what many begin with"),
    Source(name="newest", propose=newest.propose, size=5, reason="new"),
)
