"""The languages that conversations are held in, one row each."""

from __future__ import annotations

from agents.dialogue.english import ENGLISH_DIALOGUE
from agents.dialogue.german import GERMAN_DIALOGUE
from agents.dialogue.vocabulary import DialogueWords

DIALOGUE_LANGUAGES: dict[str, DialogueWords] = {"en": ENGLISH_DIALOGUE, "de": GERMAN_DIALOGUE}
