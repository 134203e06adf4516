"""Memories of a user: extracted per event, reinforced, weakened, settled, recalled, forgotten."""
