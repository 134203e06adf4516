"""What is remembered of a person: extracted per event, reinforced, weakened, settled, recalled, forgotten."""
