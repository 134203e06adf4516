"""The language model that proposes plans: its endpoint, what was spent on it, and what was sent to it."""
