"""The load: a catalogue, users' choices, and who sends when."""
