"""The languages in which instructions are understood: one row each, in the order in which they are tried."""

from __future__ import annotations

from agents.instructions.english import ENGLISH
from agents.instructions.german import GERMAN
from agents.instructions.vocabulary import Vocabulary

LANGUAGES: dict[str, Vocabulary] = {"en": ENGLISH, "de": GERMAN}
"""How replies are worded is in `agents.instructions.wording`."""
